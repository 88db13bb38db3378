/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the source of events:
 *
 *   event_tail.c    the last words of what was removed, read on from where we were
 *   event_pods.c    what the index of pods sees
 *   event_images.c  what the index of images sees
 *   event_source.c  the object
 */
#pragma once

#include <uthash.h>

#include "api/event_derive.h"
#include "api/event_source.h"
#include "util/ledger.h"

enum { FINISHED_MAX = 1024 };

/* Of which nothing will be told any more: a line that says it all once more is not news. The latest ones only. */
struct finished {
        uint64_t *keys; /* owned; a ring of FINISHED_MAX; NULL: none yet */
        size_t next;
};

/* The last words of pods, or of images, and the data directory that they are of. */
struct event_tail {
        struct index *index; /* borrowed */
        const char *name;    /* beneath the data directory */
        struct ledger_place place;
        struct finished finished;
        dev_t dev; /* of the data directory; */
        ino_t ino; /* 0: there was none yet */
        nsec since;
        bool present;  /* it is there, and can be read */
        bool baseline; /* not all that was there at first has been looked at */
};

/* What is remembered of pods and images while nothing can be read. */
struct event_lost_pod {
        UT_hash_handle hh; /* by uuid */
        struct uuid uuid;
        ino_t ino;
        struct pod_told told;
};

struct event_lost_image {
        UT_hash_handle hh; /* by id */
        char id[IMAGE_ID_LEN + 1];
        struct image_told told;
};

struct event_source {
        struct index *index;
        struct pod_index *pods;
        struct image_index *images;
        struct event_ring *ring;
        size_t listeners;
        struct pod_follower pod_follower;
        struct event_tail pod_tail;
        struct event_lost_pod *lost_pods; /* owned */
        struct image_follower image_follower;
        struct event_tail image_tail;
        struct event_lost_image *lost_images; /* owned */
};

/* --- event_source.c */

/* An event_tell_fn; @source is a struct event_source. */
void event_source_tell(const struct event_spec *spec, void *source);

/* --- event_tail.c */

void event_tail_init(struct event_tail *t, struct index *index, const char *name, nsec since);
void event_tail_done(struct event_tail *t);

/*
 * Everything is about to be listed in @data_fd (-1: there is none). True: that is another directory than the one before, so what
 * was remembered is not of it.
 */
bool event_tail_attached(struct event_tail *t, int data_fd);

/* Each line that was not read yet. @data_fd: -1 if it is not at hand. Nothing happens when it cannot be read. */
void event_tail_read(struct event_tail *t, int data_fd,
                     void (*fn)(const char *line, size_t len, void *arg), void *arg);

/* Look with the baseline rule (@first: nothing has been considered of what it is about) or without. */
struct event_look event_tail_look(const struct event_tail *t, bool first);

uint64_t event_key(const char *text, uint64_t more);
bool event_finished_has(const struct finished *f, uint64_t key);
void event_finished_add(struct finished *f, uint64_t key);

/* --- event_pods.c */

void event_pods_init(struct event_source *s, nsec since);
void event_pods_done(struct event_source *s);

/* --- event_images.c */

void event_images_init(struct event_source *s, nsec since);
void event_images_done(struct event_source *s);
