/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has happened to a pod until now, with its times, as far as its directory (or, once that is gone, the ledger of
 * removed pods) tells: what events are made of. A pod only goes forward, so what has happened stays true.
 *
 * Marks in the pod's directory make these durable: `pod-prepared` (its mtime: when it was prepared; counts only once the pod has
 * left prepare/), `pod-aborted` (its text: why preparing failed; its mtime: when). A preparation that was killed has left no mark:
 * it ended when something in the pod's directory was made last. A pod whose supervisor was killed has no time of its
 * end: finished_at is 0, also for its apps that ran then.
 *
 * A pod's deletion begins with `pod-created`, right after the pod's last words were appended to the ledger. From then on the
 * directory says nothing any more, rather than half of it: the ledger does. Usually that is one line for a pod. There are two, the
 * same, when the remover was killed between the line and the first deletion; and none when it could not be written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "pod/view.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/time.h"
#include "util/uuid.h"

#define POD_LEDGER        "removed" /* beneath pods/, util/ledger.h */
#define POD_MARK_PREPARED "pod-prepared"
#define POD_MARK_ABORTED  "pod-aborted"
#define POD_REASON_MAX    1024 /* bytes; what is longer is cut */

struct pod_past_app {
        char *name;       /* owned, as all pointers here */
        char *image_id;   /* NULL: not known */
        char *image_name; /* NULL: not known */
        nsec started_at;  /* 0: never */
        nsec finished_at; /* 0: has not ended, or nobody knows when (ended) */
        bool ended;       /* it was started, and runs no more */
        pid_t pid; /* of its main process, in the host's PID namespace; 0: not known. Stays after the end */
        int exit_code; /* -1: not known */
        int signal;    /* 0: none */
        bool oom;
};

struct pod_past {
        struct uuid uuid;
        char *name;                /* NULL: it has none, or none is known */
        nsec created_at;           /* 0: not known, as are all times below */
        bool prepared;             /* it was in prepared/, */
        nsec prepared_at;          /* since then */
        bool aborted;              /* its preparation ended without success, */
        nsec aborted_at;           /* then */
        bool started;              /* its init was made, */
        nsec started_at;           /* then */
        pid_t pid;                 /* of the init; -1: none */
        bool exited;               /* it was in run/, and has no owner any more */
        nsec finished_at;          /* 0: its supervisor was killed */
        int exit_code;             /* -1: not known */
        int signal;                /* 0: none */
        char *reason;              /* why it was aborted or ended as it did; NULL: none */
        bool collected;            /* marked by gc or rm */
        nsec collected_at;         /* then */
        struct pod_past_app *apps; /* in the order of the manifest */
        size_t n_apps;
};

#define POD_PAST_NULL ((struct pod_past){ .pid = -1, .exit_code = -1 })

void pod_past_done(struct pod_past *p);

/*
 * Of the pod behind @p, which is in the state and says what @view (POD_VIEW_ALL, just read) has it; @p may be a mere handle
 * (pod_find). Never fails: what cannot be read has not happened, or not at a known time. Apps are told of pods that were in run/.
 */
void pod_past_of(const struct pod *p, const struct pod_view *view, struct pod_past *ret);

/* One line of the ledger, compact JSON. Unknown members are ignored. Errors: ERR_BAD_DATA, ERR_LIMIT. */
int pod_past_parse(const void *data, size_t len, struct pod_past *ret, struct err *e);
int pod_past_print(const struct pod_past *p, struct buf *out); /* -ENOBUFS */
