/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/cgroup.h"
#include "supervisor/idle.h"
#include "util/auto.h"

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

static int raise_loopback(void)
{
        struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &req) < 0 ? -1 : 0;
}

static const char *set_up(const struct init_args *a)
{
        if (sethostname(a->hostname, strlen(a->hostname)) < 0)
                return "set the pod's hostname";
        if (a->own_network && raise_loopback() < 0)
                return "bring up the pod's loopback interface";
        return NULL;
}

static void report_failure(int fd, const char *what)
{
        struct err e;

        (void)err_set(&e, ERR_INTERNAL, errno, "%s", what);
        (void)!write(fd, e.text, strlen(e.text));
}

/* Keeps descriptor 0, the lock, and nothing else. Everything is blocked: only SIGKILL ends it. */
static _Noreturn void init_main(const struct init_args *a, int supervisor, int report)
{
        struct pollfd parent = { .fd = supervisor, .events = POLLIN };
        struct sigaction ignore = { .sa_handler = SIG_IGN };
        const char *failed;
        sigset_t all;
        int hierarchy;

        /* Asked after PDEATHSIG is set: a supervisor that died before would not be noticed. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || poll(&parent, 1, 0) != 0)
                _exit(1);
        (void)setsid(); /* no terminal's Ctrl-C is for us */
        (void)sigfillset(&all);
        (void)sigprocmask(SIG_SETMASK, &all, NULL);
        /* Ignoring it makes the kernel reap orphans by itself: no wake-up here, ever. */
        (void)sigaction(SIGCHLD, &ignore, NULL);
        (void)prctl(PR_SET_NAME, "carob-init");
        failed = set_up(a);
        if (failed) {
                report_failure(report, failed);
                _exit(1);
        }
        (void)!write(report, "", 1);
        if (a->cgroup)
                (void)runtime_cgroup_enter_v1(a->cgroup, &hierarchy);
        if (dup2(a->lock_fd, 0) < 0)
                _exit(1);
        (void)syscall(SYS_close_range, 1u, ~0u, 0u);
        idle_for_ever();
}

int init_start(const struct init_args *args, struct proc *ret, int *ret_report, struct err *e)
{
        AUTO_CLOSE int supervisor = (int)syscall(SYS_pidfd_open, getpid(), 0);
        AUTO_CLOSE int report_read = -1, report_write = -1;
        int fds[2], pidfd = -1;
        struct clone_args c = {
                .flags = CLONE_PIDFD | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS,
                .pidfd = (uint64_t)(uintptr_t)&pidfd,
                .exit_signal = SIGCHLD,
        };
        pid_t pid;

        if (supervisor < 0 || pipe2(fds, O_CLOEXEC) < 0)
                return err_set(e, ERR_INTERNAL, errno, "prepare the pod's init");
        report_read = fds[0];
        report_write = fds[1];
        if (args->own_network)
                c.flags |= CLONE_NEWNET;
        if (args->cgroup && runtime_cgroup_v2_fd(args->cgroup) >= 0) {
                c.flags |= CLONE_INTO_CGROUP;
                c.cgroup = (uint64_t)runtime_cgroup_v2_fd(args->cgroup);
        }
        pid = (pid_t)syscall(SYS_clone3, &c, sizeof(c));
        if (pid == 0)
                init_main(args, supervisor, report_write);
        if (pid < 0)
                return err_set(e,
                               errno == EINVAL || errno == ENOSYS ? ERR_UNSUPPORTED : ERR_INTERNAL,
                               errno, "clone the pod's init");
        *ret = (struct proc){ .pid = pid, .pidfd = pidfd };
        *ret_report = TAKE_FD(report_read);
        return 0;
}

int init_await(int *report, struct err *e)
{
        AUTO_CLOSE int fd = TAKE_FD(*report);
        char text[512];
        ssize_t n;

        do
                n = read(fd, text, sizeof(text) - 1);
        while (n < 0 && errno == EINTR);
        if (n == 1 && text[0] == '\0')
                return 0;
        if (n <= 0)
                return err_set(e, ERR_INTERNAL, 0, "the pod's init died while starting");
        text[n] = '\0';
        return err_set(e, ERR_INTERNAL, 0, "%s", text);
}
