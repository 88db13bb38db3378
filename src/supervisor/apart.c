/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/fs.h"

static _Noreturn void child_main(int (*fn)(void *arg, struct err *e), void *arg, pid_t parent,
                                 int report)
{
        struct err e = { 0 };

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(1);
        if (fn(arg, &e) == 0)
                _exit(0);
        (void)fs_write_all(report, &e, sizeof(e));
        _exit(1);
}

int apart_start(int (*fn)(void *arg, struct err *e), void *arg, struct apart *ret, struct err *e)
{
        AUTO_CLOSE int ours = -1, theirs = -1;
        pid_t parent = getpid();
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_set(e, ERR_INTERNAL, errno, "make a pipe");
        ours = fds[0];
        theirs = fds[1];
        r = proc_fork(-1, &ret->proc);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "start a process");
        if (r == 1)
                child_main(fn, arg, parent, theirs);
        ret->report = TAKE_FD(ours);
        return 0;
}

int apart_wait(struct apart *a, struct err *e)
{
        struct err child;
        int status;
        ssize_t n;

        do
                n = read(a->report, &child, sizeof(child));
        while (n < 0 && errno == EINTR);
        if (proc_wait(&a->proc, &status, e) < 0)
                return -1;
        proc_done(&a->proc);
        closep(&a->report);
        if (n == (ssize_t)sizeof(child)) {
                *e = child;
                return -1;
        }
        if (status != 0)
                return err_set(e, ERR_INTERNAL, 0, "a process of ours ended with status %d",
                               status);
        return 0;
}

void apart_done(struct apart *a)
{
        struct err ignored;
        int status;

        if (a->proc.pid > 0) {
                (void)proc_signal(&a->proc, SIGKILL);
                (void)proc_wait(&a->proc, &status, &ignored);
        }
        proc_done(&a->proc);
        closep(&a->report);
}
