/* SPDX-License-Identifier: Apache-2.0 */
/* What image_index.c (the images), image_follow.c (when to look at them) and image_read.c (how) share. */
#pragma once

#include <sys/inotify.h>
#include <uthash.h>

#include "api/image_index.h"
#include "api/sorted.h"

/* What is watched for: of the directories, and of each record's own. */
enum {
        IMAGE_WATCH_DIR = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
                          IN_DELETE_SELF | IN_MOVE_SELF,
        IMAGE_WATCH_RECORD = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
                             IN_MODIFY | IN_CLOSE_WRITE,
};

/* A name in images/records that may be an image. */
struct image_slot {
        UT_hash_handle hh; /* by id */
        char id[IMAGE_ID_LEN + 1];
        struct image_entry *entry; /* owned; NULL: broken, or not read yet */
        char *problem;             /* owned; why it is broken; NULL: it is not, or not read yet */
        enum err_kind problem_kind;
        struct image_told told;         /* the follower's */
        int wd;                         /* of its directory; 0: not watched */
        bool unwatched;                 /* there was no watch left for it */
        bool listed;                    /* it was there in the last listing */
        bool queued;                    /* is to be read */
        uint64_t number;                /* of that work (api/pending.h) */
        struct image_slot *prev, *next; /* of the queue */
};

struct image_index {
        struct index_part part; /* first */
        struct watch_owner owner;
        uv_loop_t *loop; /* borrowed, as the following */
        struct jobs *jobs;
        struct index *index;
        struct watch *watch; /* of the index */
        struct job job;
        unsigned handles; /* not yet closed */
        uv_timer_t retry;

        /* What there is. */
        struct image_follower *follower; /* borrowed; NULL: none */
        struct image_slot *slots;        /* owned; by id */
        struct sorted ids;               /* of slots */
        struct sorted ages;              /* of entries */
        struct lookup names, base_names;
        struct grpc_blob *lists[2]; /* of detail: no, yes; NULL: not made */
        uv_timer_t drop;            /* lets go of the lists */
        uint64_t lists_used,
                lists_seen; /* how often they were asked for, and when that was last looked at */
        uint64_t generation;

        /* What is to be done. */
        bool attached;        /* there is a data directory */
        bool scan;            /* the records are to be listed */
        uint64_t scan_number; /* of that work */
        struct pending pending;
        struct image_slot *queue; /* to be read, first come first served */
        size_t n_queued;
        size_t n_unwatched;
        int records_fd;                     /* open while records are read; -1 */
        int data_wd, images_wd, records_wd; /* 0: not watched */
        bool unfollowed;                    /* there was no watch left for one of those */
        bool failed;                        /* @failure says why nothing is known */
        struct err failure;
        nsec looked_at; /* when records without a watch were read last (CLOCK_MONOTONIC) */
        nsec scan_began;
        bool scanning; /* the scan that began then is not over: records wait that it found */
        struct image_index_stats stats;
};

/* image_index.c */

struct image_slot *image_slot_get(struct image_index *i,
                                  const char *id); /* made when it is not there */
/* Its image is this one from now on, NULL: it is none. Takes over @entry. */
void image_slot_set_consume(struct image_index *i, struct image_slot *slot,
                            struct image_entry *entry);
/* Must not be queued or watched. */
void image_slot_free(struct image_index *i, struct image_slot *slot);

/* image_follow.c */

void image_follow_init(struct image_index *i);
/* No more watches, queue or descriptor. */
void image_follow_done(struct image_index *i);

/*
 * Its record is to be read. Numbers grow along the queue; what is in it already has not been read yet, and will not be read
 * twice: it must not be queued.
 */
void image_slot_enqueue(struct image_index *i, struct image_slot *slot, uint64_t number);
void image_slot_dequeue(struct image_index *i, struct image_slot *slot); /* if it is queued */
/* All records are to be listed, and read again. */
void image_index_need_scan(struct image_index *i);

/* image_read.c */

/* One piece of the work that there is. False: it cannot be done now, and will be tried again. */
bool image_read_next(struct image_index *i);
/* All is read: let go of what was needed for it. */
void image_read_rest(struct image_index *i);
/* The directories above the records are not watched any more. */
void image_read_unwatch(struct image_index *i);
void image_slot_unwatch(struct image_index *i, struct image_slot *slot);
void image_slots_drop(struct image_index *i);
/* Nothing is known, for a reason that @e tells. */
void image_index_fail(struct image_index *i, const struct err *e);
