/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting programs. The child is made by clone3 with a pidfd (and, on cgroup v2, inside its cgroup), as a
 * plain fork: everything between fork and exec is async-signal-safe. A pipe that closes on exec tells the
 * parent whether exec worked, so "no such program" is an error here and not a mysterious exit status.
 */
#include "util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/mem.h"

enum { FDS_MAX = 32, PATH_TEXT_MAX = 4096 };

void proc_done(struct proc *p)
{
        closep(&p->pidfd);
        *p = PROC_NULL;
}

int proc_open(pid_t pid, struct proc *ret)
{
        long fd = syscall(SYS_pidfd_open, pid, 0);

        if (fd < 0)
                return -errno;
        *ret = (struct proc){ .pid = pid, .pidfd = (int)fd };
        return 0;
}

int proc_signal(const struct proc *p, int signo)
{
        return syscall(SYS_pidfd_send_signal, p->pidfd, signo, NULL, 0) < 0 ? -errno : 0;
}

static void reset_signals(void)
{
        sigset_t none;

        for (int s = 1; s < NSIG; s++)
                if (s != SIGKILL && s != SIGSTOP)
                        (void)signal(s, SIG_DFL);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Put every wanted descriptor at its number. Sources are first moved above all targets, so that no
 * target overwrites a source that is still needed.
 */
static int arrange_fds(const struct proc_spawn *s, int *report_fd)
{
        int high[FDS_MAX], base = 3, null_fd;
        bool given[3] = { false };

        for (size_t i = 0; i < s->n_fds; i++)
                base = s->fds[i].as >= base ? s->fds[i].as + 1 : base;
        for (size_t i = 0; i < s->n_fds; i++) {
                high[i] = fcntl(s->fds[i].fd, F_DUPFD_CLOEXEC, base);
                if (high[i] < 0)
                        return -1;
        }
        *report_fd = fcntl(*report_fd, F_DUPFD_CLOEXEC, base);
        if (*report_fd < 0)
                return -1;
        for (size_t i = 0; i < s->n_fds; i++) {
                if (dup2(high[i], s->fds[i].as) < 0)
                        return -1;
                if (s->fds[i].as < 3)
                        given[s->fds[i].as] = true;
        }
        /* Out of the way too: with our own stdin closed it would be number 0 and fall at exec. */
        null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        null_fd = null_fd < 0 ? -1 : fcntl(null_fd, F_DUPFD_CLOEXEC, base);
        if (null_fd < 0)
                return -1;
        for (int fd = 0; fd < 3; fd++)
                if (!given[fd] && dup2(null_fd, fd) < 0)
                        return -1;
        return 0;
}

/* Whatever was inherited without O_CLOEXEC (from a careless parent of ours) must not reach the child. */
static void close_others(const struct proc_spawn *s)
{
        (void)syscall(SYS_close_range, 3u, ~0u, 1u << 2 /* CLOSE_RANGE_CLOEXEC */);
        for (size_t i = 0; i < s->n_fds; i++)
                if (s->fds[i].as > 2)
                        (void)fcntl(s->fds[i].as, F_SETFD, 0);
}

static void exec_in_path(const char *name, char *const *argv, char *const *envp)
{
        const char *path = getenv("PATH");
        char full[PATH_TEXT_MAX];
        int found = ENOENT;

        if (strchr(name, '/')) {
                (void)execve(name, argv, envp);
                return;
        }
        for (const char *at =
                     path && *path ? path
                                   : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
             at;) {
                const char *colon = strchrnul(at, ':');
                size_t n = (size_t)(colon - at), m = strlen(name);

                if (n > 0 && n + m + 2 <= sizeof(full)) {
                        memcpy(full, at, n);
                        full[n] = '/';
                        memcpy(full + n + 1, name, m + 1);
                        (void)execve(full, argv, envp);
                        if (errno != ENOENT && errno != ENOTDIR)
                                found = errno;
                }
                at = *colon ? colon + 1 : NULL;
        }
        errno = found;
}

void proc_become(const struct proc_spawn *s, pid_t parent, int report_fd)
{
        int report = report_fd, code;

        reset_signals();
        if (s->death_signal != 0) {
                (void)prctl(PR_SET_PDEATHSIG, (unsigned long)s->death_signal);
                if (getppid() != parent)
                        _exit(127); /* the parent died before the request was in force */
        }
        if (s->new_session)
                (void)setsid();
        if (arrange_fds(s, &report) == 0 && (s->chdir_fd < 0 || fchdir(s->chdir_fd) == 0) &&
            (!s->child_setup || s->child_setup(s->arg) == 0)) {
                close_others(s);
                exec_in_path(s->path, s->argv, s->envp ? s->envp : environ);
        }
        code = errno;
        (void)!write(report, &code, sizeof(code));
        _exit(127);
}

static pid_t fork_pidfd(int cgroup_fd, int *ret_pidfd)
{
        struct clone_args args = {
                .flags = CLONE_PIDFD,
                .pidfd = (uint64_t)(uintptr_t)ret_pidfd,
                .exit_signal = SIGCHLD,
        };

        if (cgroup_fd >= 0) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (uint64_t)cgroup_fd;
        }
        return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

int proc_fork(int cgroup_fd, struct proc *ret)
{
        struct proc p = PROC_NULL;

        p.pid = fork_pidfd(cgroup_fd, &p.pidfd);
        if (p.pid < 0)
                return -errno;
        if (p.pid == 0)
                return 1;
        *ret = p;
        return 0;
}

int proc_spawn(const struct proc_spawn *s, struct proc *ret, struct err *e)
{
        AUTO_CLOSE int report_read = -1, report_write = -1;
        AUTO(proc_done) struct proc p = PROC_NULL;
        int fds[2], code = 0;
        pid_t parent = getpid();
        ssize_t n;

        if (s->n_fds > FDS_MAX)
                return err_set(e, ERR_INTERNAL, 0, "start %s: too many descriptors", s->path);
        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_set(e, ERR_INTERNAL, errno, "start %s: make a pipe", s->path);
        report_read = fds[0];
        report_write = fds[1];
        p.pid = fork_pidfd(s->cgroup_fd, &p.pidfd);
        if (p.pid < 0)
                return err_set(e, ERR_INTERNAL, errno, "start %s: clone", s->path);
        if (p.pid == 0)
                proc_become(s, parent, report_write);
        closep(&report_write);
        do
                n = read(report_read, &code, sizeof(code));
        while (n < 0 && errno == EINTR);
        if (n == (ssize_t)sizeof(code)) {
                (void)waitpid(p.pid, NULL, 0);
                return err_set(e, code == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, code, "start %s",
                               s->path);
        }
        *ret = p;
        p = PROC_NULL;
        return 0;
}

int proc_wait(struct proc *p, int *ret_status, struct err *e)
{
        siginfo_t info = { 0 };

        while (waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED) < 0)
                if (errno != EINTR)
                        return err_set(e, ERR_INTERNAL, errno, "wait for process %d", (int)p->pid);
        *ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
        return 0;
}

int proc_run(const struct proc_spawn *s, struct buf *out, int *ret_status, struct err *e)
{
        AUTO_CLOSE int out_read = -1, out_write = -1;
        AUTO(proc_done) struct proc p = PROC_NULL;
        struct proc_spawn with = *s;
        struct proc_fd fds[FDS_MAX];
        uint8_t chunk[4096];
        int pipe_fds[2];

        if (s->n_fds + 2 > FDS_MAX || pipe2(pipe_fds, O_CLOEXEC) < 0)
                return err_set(e, ERR_INTERNAL, errno, "start %s: make a pipe", s->path);
        out_read = pipe_fds[0];
        out_write = pipe_fds[1];
        if (s->n_fds > 0)
                memcpy(fds, s->fds, s->n_fds * sizeof(*fds));
        fds[s->n_fds] = (struct proc_fd){ out_write, STDOUT_FILENO };
        fds[s->n_fds + 1] = (struct proc_fd){ out_write, STDERR_FILENO };
        with.fds = fds;
        with.n_fds = s->n_fds + 2;
        if (proc_spawn(&with, &p, e) < 0)
                return -1;
        closep(&out_write);
        for (;;) {
                ssize_t n = read(out_read, chunk, sizeof(chunk));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                if (out) /* what is over the maximum is dropped, but the pipe is kept empty */
                        (void)buf_append(out, chunk, (size_t)n);
        }
        return proc_wait(&p, ret_status, e);
}
