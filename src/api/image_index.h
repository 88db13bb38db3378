/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All images of the store, in memory, as clients are told of them. Made by one scan, and kept by following the
 * directories of the records. Everything is asked in two steps, as with pods (api/pod_index.h):
 *
 *     if (image_index_sync(images))    what it holds is true now
 *             answer
 *     else                             something has changed and is still to be read
 *             image_index_wait(images, &waiter), and answer from within waiter.fn
 *
 * Never answer without one of the two. In between, and only until control goes back to the loop, records and blobs that
 * were borrowed stay as they are.
 *
 * A record that cannot be read is no image: it is left out of lists, a log line says why, once, and it is looked at again
 * when it changes. No descriptor stays open.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "api/encoded.h"
#include "api/index.h"
#include "api/jobs.h"
#include "api/lookup.h"
#include "api/pending.h"
#include "api/watch.h"
#include "grpc/blob.h"
#include "image/view.h"
#include "util/err.h"
#include "util/time.h"

/* What is known of one image at one time. Never changes: what is newer is another record in its place. */
struct image_entry {
        struct encoded encoded; /* owned */
        char id[IMAGE_ID_LEN + 1];
        nsec imported_at;
        struct lookup_node by_name; /* the index's */
        struct lookup_node by_base_name;
};

struct image_index;

/* What a follower has told of an image; all zero at first. */
struct image_told {
        nsec imported_at; /* of the import that was told; 0: none */
        nsec removed_at;  /* of its removal, as last words have it; 0: none were found */
        bool seen;        /* it was looked at, so what happened before has been considered */
        bool other;       /* it was in a data directory that is no longer ours */
};

/* An image as its follower is told of it. All borrowed. */
struct image_sight {
        const char *id;
        struct image_told *told;    /* kept with the image, for the follower */
        const struct encoded *last; /* what was known of it before; NULL: nothing */
};

/*
 * Who follows what happens to the images, and not only how they are. Called while the index works: nothing may be asked of it but
 * image_index_told and image_index_each_told.
 */
struct image_follower {
        /* Everything is about to be listed, in that data directory; -1: there is none, or it cannot be read. */
        void (*attached)(struct image_follower *f, int data_fd);
        /* All that was there at that time has been read. */
        void (*scanned)(struct image_follower *f);
        /* It was just read: whatever the reason, and whether or not anything has changed. Not of records that are broken. */
        void (*seen)(struct image_follower *f, const struct image_sight *sight,
                     const struct image_record *record);
        /* Its record is not there any more. */
        void (*gone)(struct image_follower *f, const struct image_sight *sight);
        /* Records cannot be read any more, so that nobody knows what becomes of it. */
        void (*lost)(struct image_follower *f, const struct image_sight *sight);
};

struct image_index_stats {
        size_t images;
        size_t broken;        /* records that are none */
        size_t pending;       /* to be read (again) */
        size_t unwatched;     /* records that are not followed: there are not enough watches */
        uint64_t reads;       /* of one record each, since the start */
        uint64_t changes;     /* of images */
        uint64_t scans;       /* of all, the first one included */
        int64_t last_scan_ns; /* how long the last one took */
};

/* All borrowed. The index is empty until its part is attached (index_add_part, index_start). */
struct image_index *image_index_new(uv_loop_t *loop, struct jobs *jobs, struct index *index);
/* Nobody may wait any more. The loop must run once more afterwards. NULL is fine. */
void image_index_free(struct image_index *i);
struct index_part *image_index_part(struct image_index *i);

/* True: the index is up to date with everything that happened before this call. */
bool image_index_sync(struct image_index *i);
/* Right after image_index_sync returned false: have @w called when what was pending is done. */
void image_index_wait(struct image_index *i, struct waiter *w);
void image_index_cancel(struct image_index *i, struct waiter *w);

/* -1 with the reason when the store cannot be read: then what the index holds (if anything) is no news. */
int image_index_check(const struct image_index *i, struct err *e);

/* Oldest import first, then by id. */
size_t image_index_count(const struct image_index *i);
const struct image_entry *image_index_at(struct image_index *i, size_t at);
/* How many come before an image with this import and id: where a list that was interrupted goes on. */
size_t image_index_before(struct image_index *i, nsec imported_at, const char *id);

/* The order of two: less than, equal to or greater than 0. */
int image_index_compare(const struct image_entry *a, const struct image_entry *b);

/* The image of that whole id, or NULL. */
const struct image_entry *image_index_get(const struct image_index *i, const char *id);
/*
 * The image that @prefix means, "sha512-" and at least two lower-case hex digits; longer ids than ours (a whole SHA-512)
 * are cut. Errors: ERR_USAGE for anything else; ERR_NOT_FOUND; ERR_AMBIGUOUS when several begin so; what is wrong
 * with the record (ERR_BAD_DATA, ERR_LIMIT ...) when it is broken. All texts name @prefix.
 */
int image_index_find(struct image_index *i, const char *prefix, const struct image_entry **ret,
                     struct err *e);
/* The images of that name, or of that last element of a name (image_base_name): as lookup_find. */
const struct lookup_node *image_index_by_name(const struct image_index *i, struct text name,
                                              size_t *ret_n);
const struct lookup_node *image_index_by_base_name(const struct image_index *i, struct text name,
                                                   size_t *ret_n);

/*
 * The reply of ListImages without filters. A new reference. Made when first asked for after a change, and kept for a
 * moment. NULL with e: ERR_LIMIT (LIMIT_API_REPLY_BYTES).
 */
struct grpc_blob *image_index_list(struct image_index *i, bool detail, struct err *e);

/* One at a time, borrowed; NULL: no longer. Before the part is attached for the first time. */
void image_index_follow(struct image_index *i, struct image_follower *f);
/* What is kept with that image for the follower; NULL: none of that id is known. */
struct image_told *image_index_told(const struct image_index *i, const char *id);
void image_index_each_told(const struct image_index *i, void (*fn)(struct image_told *told));

/* Goes up with every change of any image. */
uint64_t image_index_generation(const struct image_index *i);
void image_index_stats(const struct image_index *i, struct image_index_stats *ret);
