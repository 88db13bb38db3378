/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may wait for the disk is done by children that nobody waits for, and that do not carry the pod's lock: a slow disk
 * must neither hold up an app nor keep an ended pod "running".
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pod/change.h"
#include "supervisor/idle.h"
#include "supervisor/sup_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/test_hook.h"

/*
 * @dirfd (-1: nothing) and the runtime's mount stay. The kernel makes the last who closes that one wait for RCU, which
 * shall not be the supervisor.
 */
static void close_others(const struct supervisor *s, int dirfd)
{
        unsigned first = 0;

        if (dirfd >= 0 && dup2(dirfd, (int)first++) < 0)
                _exit(1);
        if (s->invoke.exe_fd >= 0)
                (void)dup2(s->invoke.exe_fd, (int)first++);
        (void)syscall(SYS_close_range, first, ~0u, 0u);
}

/* After a power failure the pod's description should be there. Without the lock, which a duplicate would carry. */
static void sync_pod(const struct supervisor *s)
{
        struct pod p = { .dir = POD_DIR_RUN };
        struct err e;

        p.fd = fs_open_dir(s->args->lock_fd, ".");
        if (p.fd < 0)
                _exit(1);
        close_others(s, p.fd);
        p.fd = 0;
        (void)snprintf(p.uuid.text, sizeof(p.uuid.text), "%s", s->args->uuid);
        (void)setpriority(PRIO_PROCESS, 0, 10);
        (void)pod_sync(&p, &e);
}

void sup_sync_apart(struct supervisor *s)
{
        struct clone_args c = { .exit_signal = SIGCHLD };

        if (s->synced)
                return;
        s->synced = true;
        /* Reaped as a stranger; if it cannot be made, the disk will get there in its own time. */
        if (syscall(SYS_clone3, &c, sizeof(c)) == 0) {
                sync_pod(s);
                _exit(0);
        }
}

static _Noreturn void undertake_main(const struct supervisor *s, pid_t parent)
{
        sigset_t all;

        test_hook("pod:undertaker");
        (void)sigfillset(&all);
        (void)sigprocmask(SIG_SETMASK, &all, NULL);
        /* Closes all but the pod's directory, which is what the parent waits for. */
        if (s->synced)
                close_others(s, -1);
        else
                sync_pod(s);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(0);
        idle_for_ever();
}

void sup_undertake(const struct supervisor *s)
{
        struct clone_args c = { .exit_signal = SIGCHLD };
        AUTO_CLOSE int ours = -1, theirs = -1;
        pid_t parent = getpid();
        int fds[2];
        char nothing;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return;
        ours = fds[0];
        theirs = fds[1];
        if (syscall(SYS_clone3, &c, sizeof(c)) == 0)
                undertake_main(s, parent);
        closep(&theirs);
        (void)!read(ours, &nothing, 1);
}
