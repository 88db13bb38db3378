/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the OCI runtime as a program. Nothing here waits except where it says so: a call is a child process
 * with a pidfd, which the caller polls, and then asks for its outcome.
 *
 *      runtime_invoke_init          once, in the mount namespace where the runtime will run
 *      runtime_call_start           RUNTIME_RUN, or RUNTIME_CREATE for each app and then RUNTIME_START
 *      (pidfd readable)             or runtime_call_wait
 *      runtime_call_finish          error text from the runtime's own log; for RUN and CREATE the app's process
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"
#include "util/proc.h"

struct runtime_joiner;

struct runtime_invoke {
        char *program; /* owned; what is executed */
        char *name;    /* owned; "crun": for messages */
        int exe_fd; /* owned; the program on a read-only mount of its own, -1: not needed or not possible */
        char *state_dir; /* owned; --root, logs and pid files; a tmpfs is best: nothing of it outlives the pod */
        bool own_cgroups; /* the runtime is told to leave cgroups alone (crun); else spec has cgroupsPath */
        bool waits; /* reads config.json from a FIFO (runtime/feed.h): crun; runc is not known to */
};
#define RUNTIME_INVOKE_NULL ((struct runtime_invoke){ .exe_fd = -1 })

/*
 * Find the runtime: @runtime (an option's value), else $CAROB_RUNTIME, else "crun"; a name is looked up in PATH.
 * @state_dir: an existing absolute directory, mode 0700.
 * Errors: ERR_NOT_FOUND (text says how to install or choose one), ERR_INTERNAL.
 */
int runtime_invoke_init(struct runtime_invoke *ret, const char *runtime, const char *state_dir,
                        struct err *e);
void runtime_invoke_done(struct runtime_invoke *inv);

enum runtime_verb {
        RUNTIME_RUN, /* create and start at once, detached: one program start less than the two below */
        RUNTIME_CREATE, /* the app waits before its first instruction until RUNTIME_START */
        RUNTIME_START,
};

struct runtime_call_args {
        enum runtime_verb verb;
        const char *id; /* container id: the app's name is enough, as state_dir is the pod's own */
        const char *bundle; /* directory with config.json; unused by START */
        /*
         * The app's stdin, stdout, stderr (RUN, CREATE); -1: /dev/null. The runtime's own messages never go there. With
         * a terminal in the spec all three are -1 and @console_socket is a connected or listening unix socket's path
         * which receives the master (runtime-spec's console socket); NULL otherwise.
         */
        int stdio[3];
        const char *console_socket;
        struct runtime_joiner
                *joiner; /* RUN, CREATE: start inside this cgroup; NULL: where the caller is */
};

struct runtime_call {
        enum runtime_verb verb;
        struct proc proc;              /* owned; the runtime's process */
        char *id;                      /* owned */
        struct runtime_joiner *joiner; /* borrowed from the arguments: must live until _finish */
};
#define RUNTIME_CALL_NULL ((struct runtime_call){ .proc = PROC_NULL })

/*
 * Start the runtime. Errors: as proc_spawn; with a joiner only what is known at once, the rest is said by
 * runtime_call_finish.
 */
int runtime_call_start(const struct runtime_invoke *inv, const struct runtime_call_args *args,
                       struct runtime_call *ret, struct err *e);
/* Wait for its end, at most @timeout_ms. ERR_TIMEOUT leaves it running: runtime_call_done kills it. */
int runtime_call_wait(const struct runtime_call *call, int timeout_ms, struct err *e);
/*
 * After a failure a dead child of the runtime may be left over, reparented to the subreaper: reap whatever SIGCHLD brings
 * (waitpid(-1)), since the pod's PID namespace cannot end while a zombie of it is unreaped.
 *
 * After its end: reap it, read its outcome. For RUN and CREATE *ret_app is the app's process (it is, or becomes on
 * the runtime's death, a child of the nearest subreaper; waitid(P_PIDFD) tells its status). An app may have ended by then: its
 * zombie waits, as long as this process is that subreaper.
 * Errors: ERR_USAGE when the runtime could not find or execute the app's program (the app's mistake, as a shell's 127 and
 * 126); ERR_INTERNAL otherwise; the text ends with the runtime's own last message.
 */
int runtime_call_finish(const struct runtime_invoke *inv, struct runtime_call *call,
                        struct proc *ret_app, struct err *e);
void runtime_call_done(struct runtime_call *call); /* kills and reaps what still runs */

/*
 * The message of the last error in a runtime's log (JSON lines as crun and runc write them, or plain text), without
 * level and time, in printable characters. @len may be 0. Writes "" when there is none.
 */
void runtime_log_last_error(const char *log, size_t len, char *ret, size_t ret_size);
