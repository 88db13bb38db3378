/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live model of the node: the data directory wherever its path leads now, and what follows what is in it. It
 * knows when that path leads somewhere else (made, renamed, replaced, switched by a symlink, mounted over,
 * unmounted), and tells those who attached themselves.
 *
 * No descriptor stays open in the data directory but those of locked pods, which are busy anyway: the service is not
 * the reason why a file system cannot be unmounted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "api/watch.h"
#include "util/err.h"

struct index;

/* Something that lives in the data directory. */
struct index_part {
        /*
         * The data directory is another one, or what is known of it may be wrong (events were lost): read everything again.
         * @data_fd is borrowed for the call; -1: there is none, or (@why not NULL) it cannot be opened.
         */
        void (*attach)(struct index_part *part, int data_fd, const struct err *why);
        const char
                *name; /* of its directory beneath: when that appears or goes, attach is called */
        bool again;    /* index.c's, as are those below */
        bool told;     /* that it cannot be opened */
        struct index_part *next;
};

struct index_stats {
        struct watch_stats watch;
        uint64_t attached; /* how often the parts were told to read everything */
        bool present;      /* there is a data directory now */
};

/*
 * @dir: as the user named it; need not exist. @watch_budget: see watch_new. Nothing is read yet. Errors: those of
 * watch_new.
 */
int index_new(uv_loop_t *loop, const char *dir, size_t watch_budget, struct index **ret,
              struct err *e);
/* Parts go first. The loop must run once more afterwards. NULL is fine. */
void index_free(struct index *i);

/* Attaches @part at once, and whenever it has to be. Register before index_start. */
void index_add_part(struct index *i, struct index_part *part);
/* Look where the path leads, attach all parts: the first scan begins. */
void index_start(struct index *i);

/*
 * The data directory that was attached last, opened: for whoever has something to read in it. A descriptor that the caller
 * closes soon; -ENOENT: there is none; -ESTALE: the path leads somewhere else by now, attach will be called; -errno.
 */
int index_open(struct index *i);

/* Everything that has happened before this call is noted: called by pod_index_sync and its like. Cheap when nothing has. */
void index_sync(struct index *i);

/*
 * How often the path was walked because it might lead somewhere else: what somebody has found out about it himself may be
 * old when this has grown.
 */
uint64_t index_looks(const struct index *i);

struct watch *index_watch(struct index *i);
const char *index_path(const struct index *i); /* of the data directory, absolute */
void index_stats(const struct index *i, struct index_stats *ret);
