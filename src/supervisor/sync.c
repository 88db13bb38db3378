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

/* After a power failure the pod's description should be there. */
static _Noreturn void sync_main(const struct supervisor *s)
{
        struct pod p = { .dir = POD_DIR_RUN };
        struct err e;

        /* Opened anew: a duplicate would carry the lock. */
        p.fd = fs_open_dir(s->args->lock_fd, ".");
        if (p.fd < 0 || dup2(p.fd, 0) < 0)
                _exit(1);
        (void)syscall(SYS_close_range, 1u, ~0u, 0u);
        p.fd = 0;
        (void)snprintf(p.uuid.text, sizeof(p.uuid.text), "%s", s->args->uuid);
        (void)setpriority(PRIO_PROCESS, 0, 10);
        _exit(pod_sync(&p, &e) < 0);
}

void sup_sync_apart(const struct supervisor *s)
{
        struct clone_args c = { .exit_signal = SIGCHLD };

        /* Reaped as a stranger; if it cannot be made, the disk will get there in its own time. */
        if (syscall(SYS_clone3, &c, sizeof(c)) == 0)
                sync_main(s);
}

static _Noreturn void undertake_main(void)
{
        sigset_t all;

        (void)sigfillset(&all);
        (void)sigprocmask(SIG_SETMASK, &all, NULL);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)syscall(SYS_close_range, 0u, ~0u,
                      0u); /* last, for that is what the parent waits for */
        idle_for_ever();
}

void sup_undertake(void)
{
        struct clone_args c = { .exit_signal = SIGCHLD };
        AUTO_CLOSE int ours = -1, theirs = -1;
        int fds[2];
        char nothing;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return;
        ours = fds[0];
        theirs = fds[1];
        if (syscall(SYS_clone3, &c, sizeof(c)) == 0)
                undertake_main();
        closep(&theirs);
        (void)!read(ours, &nothing, 1);
}
