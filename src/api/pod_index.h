/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All pods of the node, in memory, as clients are told of them. Made by one scan, and kept by following the
 * directories. Everything is asked in two steps:
 *
 *     if (pod_index_sync(pods))        what it holds is true now
 *             answer
 *     else                             something has changed and is still to be read
 *             pod_index_wait(pods, &waiter), and answer from within waiter.fn
 *
 * Never answer without one of the two. In between, and only until control goes back to the loop, records and blobs that
 * were borrowed stay as they are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "api/encoded.h"
#include "api/jobs.h"
#include "api/pending.h"
#include "api/pod_lookup.h"
#include "api/watch.h"
#include "grpc/blob.h"
#include "pod/view.h"
#include "util/err.h"
#include "util/uuid.h"
#include "v1alpha/api.pb-c.h"

/* What is known of one pod at one time. Never changes: what is newer is another record in its place. */
struct pod_record {
        struct encoded encoded; /* owned */
        struct uuid uuid;
        uint8_t state;     /* enum pod_state; meaningless with @unreadable */
        uint8_t api_state; /* V1alpha__PodState */
        bool unreadable; /* not even its directory can be opened: only id, and perhaps state, are known */
        bool broken;             /* something of it could not be read */
        pid_t pid;               /* as pod_view */
        char *cgroup;            /* owned; as clients see it: NULL unless running in one */
        struct pod_links *links; /* api/pod_lookup.h's */
};

struct index;
struct index_part;
struct pod_index;

struct pod_index_stats {
        size_t pods;
        size_t by_state[POD_STATE_MAX];
        size_t broken;        /* of them: not read whole */
        size_t pending;       /* to be read (again) */
        uint64_t reads;       /* of one pod each, since the start */
        uint64_t changes;     /* of records */
        uint64_t scans;       /* of everything, the first one included */
        int64_t last_scan_ns; /* how long the last one took */
        size_t unwatched;     /* pods whose files are not followed: there are not enough watches */
        size_t descriptors;   /* kept open for pods */
};

struct pod_told;

/* A pod as its follower is told of it. All borrowed. */
struct pod_sight {
        const struct uuid *uuid;
        ino_t ino;                  /* of its directory when it was read; 0: never */
        struct pod_told *told;      /* kept with the pod, for the follower; all zero at first */
        const struct encoded *last; /* what was known of it before; NULL: nothing */
        int data_fd;                /* the data directory */
};

/*
 * Who follows what happens to the pods, and not only how they are. Called while the index works: nothing may be asked of it
 * but pod_index_told and pod_index_each_told.
 */
struct pod_follower {
        /* Everything is about to be listed, in that data directory; -1: there is none, or it cannot be read. */
        void (*attached)(struct pod_follower *f, int data_fd);
        /* All that was there at that time has been read. */
        void (*scanned)(struct pod_follower *f);
        /* It was just read: whatever the reason, and whether or not anything has changed. Not of a pod that is unreadable. */
        void (*seen)(struct pod_follower *f, const struct pod_sight *sight, const struct pod *pod,
                     const struct pod_view *view);
        /* Its directory is nowhere any more, or is another one's by now. */
        void (*gone)(struct pod_follower *f, const struct pod_sight *sight);
        /* Pods cannot be read any more, so that nobody knows what becomes of it: @told may be taken, leaving zeros. */
        void (*lost)(struct pod_follower *f, const struct pod_sight *sight);
};

/* All borrowed. The index is empty until its part is attached (index_add_part, index_start). */
struct pod_index *pod_index_new(uv_loop_t *loop, struct jobs *jobs, struct index *index);
/* Nobody may wait any more. The loop must run once more afterwards. NULL is fine. */
void pod_index_free(struct pod_index *p);
struct index_part *pod_index_part(struct pod_index *p);

/* True: the index is up to date with everything that happened before this call. */
bool pod_index_sync(struct pod_index *p);
/*
 * The same for pods only whose ids begin with @prefix: what else is pending need not be waited for, so that the answer takes no
 * longer while thousands of others are read.
 */
bool pod_index_sync_for(struct pod_index *p, const char *prefix);
/* Right after one of these returned false: have @w called when what was pending is done. */
void pod_index_wait(struct pod_index *p, struct waiter *w);
void pod_index_cancel(struct pod_index *p, struct waiter *w);

/* -1 with the reason when the directories of pods cannot be read: then the index is empty, and that is no news. */
int pod_index_check(const struct pod_index *p, struct err *e);

size_t pod_index_count(const struct pod_index *p);
/* In the order of ids, NULL at the end: for (size_t at = 0; (r = pod_index_next(p, &at));) */
const struct pod_record *pod_index_next(const struct pod_index *p, size_t *at);
/* The same, from the first pod whose id is not less than @uuid: to go on when the index may have changed meanwhile. */
size_t pod_index_from(const struct pod_index *p, const char *uuid);

/* The pod of that id (exactly as it is on disk), or NULL. */
const struct pod_record *pod_index_get(const struct pod_index *p, const char *uuid);
/*
 * The pod that @prefix, the beginning of its id in any case of letters, means. Errors: ERR_USAGE for an empty or
 * malformed prefix; ERR_NOT_FOUND; ERR_AMBIGUOUS when several begin so. All texts name @prefix.
 */
int pod_index_find(const struct pod_index *p, const char *prefix, const struct pod_record **ret,
                   struct err *e);

/* To find pods by what filters name. */
const struct pod_lookup *pod_index_lookup(const struct pod_index *p);

/*
 * The reply of ListPods without filters. A new reference. Made when first asked for after a change, and kept for a
 * moment. NULL with e: ERR_LIMIT (LIMIT_API_REPLY_BYTES).
 */
struct grpc_blob *pod_index_list(struct pod_index *p, bool detail, struct err *e);

/* Goes up with every change of any record. */
uint64_t pod_index_generation(const struct pod_index *p);

/* One at a time, borrowed; NULL: no longer. Before the part is attached for the first time. */
void pod_index_follow(struct pod_index *p, struct pod_follower *f);
/* What is kept with that pod for the follower; NULL: no such pod is known. */
struct pod_told *pod_index_told(const struct pod_index *p, const char *uuid);
void pod_index_each_told(const struct pod_index *p, void (*fn)(struct pod_told *told));
/* Somebody waits for news: what happens is read at once from now on, and not when it has calmed down. */
void pod_index_hurry(struct pod_index *p, bool hurry);
void pod_index_stats(const struct pod_index *p, struct pod_index_stats *ret);
