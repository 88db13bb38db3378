/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: a pid is only ever used together with its pidfd. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/err.h"

struct proc {
        pid_t pid; /* 0: none */
        int pidfd; /* owned; -1: none */
};

#define PROC_NULL ((struct proc){ .pid = 0, .pidfd = -1 })

void proc_done(struct proc *p); /* closes the pidfd; does not touch the process */

/* 0 or -errno (-ESRCH: gone). */
int proc_open(pid_t pid, struct proc *ret);
int proc_signal(const struct proc *p, int signo);

/* One descriptor of the child: @fd of the parent becomes number @as. */
struct proc_fd {
        int fd;
        int as;
};

struct proc_spawn {
        const char *path; /* absolute, or found in PATH when it holds no '/' */
        char *const *argv;
        char *const *envp;         /* NULL: the parent's */
        const struct proc_fd *fds; /* all that the child gets; 0, 1, 2 not named become /dev/null */
        size_t n_fds;
        int chdir_fd;     /* -1: inherit. Note that 0 is a descriptor: set this */
        int death_signal; /* PR_SET_PDEATHSIG; 0: none */
        bool new_session;
        int cgroup_fd; /* clone3 CLONE_INTO_CGROUP (v2 only); -1: the parent's cgroup */
        int (*child_setup)(
                void *arg); /* runs in the child before exec: async-signal-safe; non-zero stops it (errno told) */
        void *arg;
};

/*
 * Start a program: all signals default and unblocked, only the given descriptors. A failed exec is reported
 * here, not by an exit status. The child is created with a pidfd.
 */
int proc_spawn(const struct proc_spawn *s, struct proc *ret, struct err *e);

/*
 * The two halves, for a child that has work to do before its program is known. proc_fork: a plain fork with a
 * pidfd, into the v2 cgroup @cgroup_fd unless that is -1; 0 in the parent, 1 in the child, -errno. The child may use
 * async-signal-safe functions only.
 * proc_become: in such a child, turn into the program of @s (cgroup_fd is ignored; @parent: who must still be alive when
 * death_signal is asked for). A failure's errno is written, as an int, to the close-on-exec @report_fd.
 */
int proc_fork(int cgroup_fd, struct proc *ret);
void proc_become(const struct proc_spawn *s, pid_t parent, int report_fd) __attribute__((noreturn));

/* Blocks until the child has ended and reaps it. *ret_status as waitid: exit code, or 128 + signal. */
int proc_wait(struct proc *p, int *ret_status, struct err *e);

/* Run to completion and collect up to @max_out bytes of stdout and stderr together (may be NULL). */
int proc_run(const struct proc_spawn *s, struct buf *out, int *ret_status, struct err *e);
