/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durability off the hot path: after a power failure the pod's description should be there, but an app need not wait for
 * the disk. A child without the lock does it, so that a slow disk does not keep an ended pod "running".
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pod/change.h"
#include "supervisor/sup_priv.h"
#include "util/fs.h"

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
