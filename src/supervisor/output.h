/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output of all apps: from their pipes into their log files and, when attached, to our own stdout and stderr.
 *
 * The copy is complete: while our reader is slow the apps' pipes are not read, so that `carob run ... | slow` behaves as any
 * pipeline does. Once the pod is being stopped, output_make_lossy ends that: a reader that is stuck must not keep
 * the pod alive. The log files never wait for anybody.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "logs/writer.h"
#include "supervisor/journal.h"
#include "supervisor/loop.h"
#include "supervisor/outlet.h"
#include "supervisor/pace.h"

struct output;

/* One pipe of an app. Its source is in the loop, or its timer is set because it is loud, or all wait for an outlet. */
struct output_pipe {
        struct loop_source source;
        struct loop_timer timer;
        struct pace pace;
        size_t capacity;        /* of the pipe, in bytes */
        struct output *output;  /* borrowed */
        struct output_app *app; /* borrowed */
        enum logs_stream stream;
        int fd; /* owned; our end; -1: at its end */
        struct output_pipe *next;
};

/* One app: its log file, what of it is in the journal, and its two pipes. Initialized by output_add. */
struct output_app {
        struct logs_writer writer;
        struct journal_app journal;
        struct output_pipe pipes[LOGS_STREAM_MAX];
};

/* How it is to be; all borrowed, as long as apps are added. */
struct output_how {
        struct logs_limits limits;
        bool attached;          /* copy to descriptors 1 and 2 */
        bool journal;           /* and to the journal */
        const char *uuid, *pod; /* what the journal is told; @pod: the pod's name, or NULL */
};

struct output {
        struct loop *loop; /* borrowed */
        int logs_fd;       /* owned; where the log files are */
        struct output_how how;
        struct journal journal;
        struct outlet outlets[LOGS_STREAM_MAX];
        bool lossy;
        char *in;            /* owned; LOGS_READ_MAX bytes, shared by all pipes */
        char *out;           /* owned; LOGS_BATCH_MAX bytes: where entries are formatted */
        bool touched;        /* pages of the two are in memory */
        const char *pending; /* within `in`: what the outlet did not take yet */
        size_t pending_len;
        struct outlet *pending_to; /* NULL: nothing is pending, and the pipes are in the loop */
        struct loop_source writable;
        struct output_pipe *pipes; /* all that are open */
};

/* @logs_fd: the directory of the log files; taken over, also on failure. Errors: ERR_UNAVAILABLE without a journal. */
int output_init_consume(struct output *o, struct loop *loop, int logs_fd,
                        const struct output_how *how, struct err *e);
void output_done(struct output *o); /* does not touch the apps' output: output_app_done */

/*
 * Open the app's log and make its pipes; *ret_write are the ends for the app, owned by the caller.
 * @a must stay where it is, @app as long as it does.
 */
int output_add(struct output *o, struct output_app *a, const char *app,
               int ret_write[LOGS_STREAM_MAX], struct err *e);
void output_app_done(struct output *o, struct output_app *a);

/* From now on the copy drops what our readers do not take at once. */
void output_make_lossy(struct output *o);
/*
 * Every writer is dead: take what is in the pipes and end them. False while a slow reader or the journal has to be waited
 * for: call again after a turn of the loop.
 */
bool output_finish(struct output *o);
/* Milliseconds after which output_tick is worth a call; -1: none is needed. */
int output_timeout(const struct output *o);
void output_tick(struct output *o);
/* Give the buffers' pages back; for when nothing was written for a while. */
void output_relax(struct output *o);
