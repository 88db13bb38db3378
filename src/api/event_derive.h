/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events are differences: what has happened to a pod until now (pod/past.h) less what was told of it. Pure: no clock, no disk.
 *
 * What was told stays told, whatever is read later: a pod that is unreadable for a while, or broken, has no news, and is
 * not told anew when it can be read again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/encoded.h"
#include "api/event_ring.h"
#include "image/past.h"
#include "pod/past.h"

enum {
        POD_TOLD_PREPARED = 1 << 0,
        POD_TOLD_ABORTED = 1 << 1,
        POD_TOLD_STARTED = 1 << 2,
        POD_TOLD_EXITED = 1 << 3,
        POD_TOLD_COLLECTED = 1 << 4,
        POD_TOLD_EVENTS = (1 << 5) - 1,
        /* Not events: */
        POD_TOLD_SEEN = 1 << 5,  /* it was looked at, so what happened before has been considered */
        POD_TOLD_OTHER = 1 << 6, /* it was in a data directory that is no longer ours */
};

enum {
        APP_TOLD_STARTED = 1 << 0,
        APP_TOLD_EXITED = 1 << 1,
};

enum { POD_TOLD_FEW = 32 }; /* apps whose bits need no memory of their own */

/* Of one pod; there may be thousands. Zero: nothing was told. */
struct pod_told {
        char *name; /* owned; of the pod, once it was known; NULL */
        union {
                uint8_t few[POD_TOLD_FEW /
                            4]; /* two bits for each app, in the order of the manifest */
                uint8_t *many;  /* owned; with more than POD_TOLD_FEW apps */
        } apps;
        uint16_t n_apps; /* of which anything was told, or less */
        uint8_t pod;     /* POD_TOLD_* */
};

#define POD_TOLD_NULL ((struct pod_told){ .n_apps = 0 })

void pod_told_done(struct pod_told *t); /* usable as POD_TOLD_NULL afterwards */
unsigned pod_told_app(const struct pod_told *t, size_t app); /* APP_TOLD_* */

/* Who looks, and when. */
struct event_look {
        nsec now;      /* the time of what nobody has noted the time of */
        bool baseline; /* the first look at everything: only what is not older than */
        nsec since;    /* this is told, the rest taken as told */
};

/* *@spec is borrowed for the call. */
typedef void (*event_tell_fn)(const struct event_spec *spec, void *arg);

/* Is there anything that was not told? */
bool event_derive_has_news(const struct pod_past *past, const struct pod_told *told);

/*
 * Tell what was not told yet, in order: prepared or aborted, started, the apps as they started and as they ended, exited,
 * collected. Afterwards all that is in @past counts as told.
 */
void event_derive_pod(const struct pod_past *past, struct pod_told *told,
                      const struct event_look *look, event_tell_fn tell, void *arg);

/*
 * What must have happened to a pod that vanished without last words: it ended, if it had begun, and was removed. @last: what was
 * known of it (api/encoded.h); NULL: nothing but @told. @told must not be empty, or @last say that the pod was more
 * than an embryo: else *ret is of a pod to which nothing has happened. Release it with pod_past_done.
 */
void event_derive_lost(const struct uuid *uuid, const struct encoded *last,
                       const struct pod_told *told, struct pod_past *ret);

/* As much as @last (NULL: nothing) says of an image, which is all but its times. Release it with image_past_done. */
void event_derive_image_of(const char *id, const struct encoded *last, struct image_past *ret);

/* Its import, or its removal at @past->removed_at; that being 0: as observed. */
void event_derive_imported(const struct image_past *past, const struct event_look *look,
                           event_tell_fn tell, void *arg);
void event_derive_removed(const struct image_past *past, const struct event_look *look,
                          event_tell_fn tell, void *arg);
