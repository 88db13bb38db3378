/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The latest events of the node, numbered in the order in which they are told, each encoded once. The ring is also the queue of all
 * subscribers: each of them is a number, that of the next event it has not been sent. Whoever falls behind the
 * oldest event has missed some.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/time.h"
#include "v1alpha/api.pb-c.h"

struct event_datum {
        const char *key;
        const char *value;
};

/* An event to be. Everything is borrowed for the call; strings must be UTF-8. */
struct event_spec {
        V1alpha__EventType type;
        const char *id;
        const char *from;
        nsec time; /* since the epoch */
        const struct event_datum *data;
        size_t n_data;
};

struct event {
        uint64_t number;
        nsec time;
        V1alpha__EventType type;
        const char *id; /* owned by the event, as those below */
        const char *from;
        const uint8_t *encoded; /* an element of ListenEventsResponse: tag, length, Event */
        size_t len;
};

struct event_ring;

struct event_ring_stats {
        uint64_t told; /* since the start */
        uint64_t by_type[V1ALPHA__EVENT_TYPE__EVENT_TYPE_IMAGE_REMOVED + 1];
        size_t kept;
        size_t bytes; /* of those */
};

enum {
        EVENTS_KEPT_DEFAULT = 16384,
        EVENTS_KEPT_MAX = 1024 * 1024,
        EVENTS_BYTES_PER = 512, /* the bound in bytes is this times the bound in events */
};

/* At most @max events are kept, and at most EVENTS_BYTES_PER times that many bytes (but always the latest one). */
struct event_ring *event_ring_new(size_t max);
void event_ring_free(struct event_ring *r); /* NULL is fine */

/* Adds one to the end; the oldest may go. */
void event_ring_put(struct event_ring *r, const struct event_spec *spec);

uint64_t
event_ring_first(const struct event_ring *r); /* number of the oldest kept; equal to next: none */
uint64_t
event_ring_next(const struct event_ring *r); /* number that the next one will get; the first is 1 */
/* NULL unless first <= number < next. Valid until the next put. */
const struct event *event_ring_at(const struct event_ring *r, uint64_t number);

/* @fn runs within each put, after it: it only notes that there is something to do. */
void event_ring_on_put(struct event_ring *r, void (*fn)(void *arg), void *arg);
void event_ring_stats(const struct event_ring *r, struct event_ring_stats *ret);
