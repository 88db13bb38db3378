/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal as a second place for the output of all apps (--log-driver=journald). The log files come first and are what is
 * forwarded, see logs/forward.h: nothing of this holds up an app.
 */
#pragma once

#include <stdbool.h>

#include "logs/forward.h"
#include "supervisor/loop.h"
#include "util/time.h"

/* One app; part of its owner. */
struct journal_app {
        struct logs_forward forward;
        bool behind; /* there is, or may be, something to send */
        struct journal_app *next;
};

struct journal {
        struct loop *loop;         /* borrowed */
        struct loop_source source; /* of fd; in the loop while an app is behind */
        int fd;                    /* owned; -1: nobody listens now */
        char *window;              /* owned; LOGS_FORWARD_WINDOW bytes, shared by all apps */
        struct journal_app *apps;
        struct journal_app *turn; /* who is the next to send; NULL: the first */
        nsec retry_at;            /* time_monotonic(), while nobody listens and an app is behind */
        nsec give_up_at;          /* 0 before journal_finish */
};

#define JOURNAL_NULL ((struct journal){ .source = LOOP_SOURCE_NULL, .fd = -1 })

/* Errors: ERR_UNAVAILABLE when nobody listens; ERR_INTERNAL. */
int journal_open(struct journal *j, struct loop *loop, struct err *e);
void journal_done(struct journal *j); /* the apps' part is theirs: journal_remove */

/* @a and @writer must stay where they are. @pod: the pod's name, or NULL. */
int journal_add(struct journal *j, struct journal_app *a, const struct logs_writer *writer,
                const char *uuid, const char *pod, struct err *e);
void journal_remove(struct journal *j, struct journal_app *a); /* no effect when it was not added */

/* The app's log has grown. */
void journal_kick(struct journal *j, struct journal_app *a);

/* Milliseconds after which journal_tick is worth a call; -1: none is needed. */
int journal_timeout(const struct journal *j, nsec now);
void journal_tick(struct journal *j, nsec now);

/*
 * Nothing more will be written. True when the journal has all, or was given time enough: then what it lacks is said on
 * stderr. False: call again after a turn of the loop.
 */
bool journal_finish(struct journal *j, nsec now);
void journal_relax(struct journal *j);
