/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Those who listen to events. The ring of events (api/event_ring.h) is the queue of them all: a subscriber is a number, that of the
 * next event it has not been sent, with a filter and a call. Whenever its client has taken the last response, it
 * is sent one more with all that has happened since; a client that does not read costs the one response
 * that waits for it. If the ring lets go of an event that it still wanted, its call is ended, then and there.
 *
 * It is all done in small steps between other work. Responses are made once for all who want the same of the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "api/event_filter.h"
#include "api/event_ring.h"
#include "api/jobs.h"
#include "grpc/call.h"

enum {
        /* A response is closed when the next event would make it larger: well below the 4 MiB that clients take. */
        EVENTS_RESPONSE_BYTES = 64 * 1024,
        /* The same of a response that no other subscriber can share: a thousand who do not read hold no more than 16 MB. */
        EVENTS_OWN_RESPONSE_BYTES = 16 * 1024,
};

struct subscribers;

struct subscriber {
        /* Set by the owner before it is added, and left alone from then on (but for filter.since_before); borrowed. */
        struct grpc_call *call;
        const struct event_filter *filter;
        /* Its call is over, by us. The subscriber is not used any more, and may be freed. */
        void (*over)(struct subscriber *s);
        /* Number of the next event to look at; 0: the oldest that is known when it is first looked at. */
        uint64_t cursor;

        /* Those below are subscribers.c's; zero before it is added. */
        uint64_t
                end; /* no event from that number on is sent, and then the call ends with OK; 0: never */
        bool waits;      /* its client has not taken the last response yet */
        bool wants_next; /* the event at @cursor is to be sent: there is nothing to look for meanwhile */
        bool hungry; /* in that list */
        struct subscriber *prev, *next;
        struct subscriber *hungry_prev, *hungry_next;
};

struct subscribers_stats {
        size_t now;
        uint64_t dropped;   /* whose client was too slow */
        uint64_t responses; /* that were sent, and */
        uint64_t made;      /* how many different ones they were */
        uint64_t put_off;   /* times that there was no memory for one */
};

/* All borrowed. Takes the place of event_ring_on_put. */
struct subscribers *subscribers_new(uv_loop_t *loop, struct jobs *jobs, struct event_ring *ring);
/* Nobody may be subscribed any more. The loop must run once more afterwards. NULL is fine. */
void subscribers_free(struct subscribers *all);

/* From now on @s gets events. Its call must be told of drains by subscribers_drained, and have no other replies. */
void subscribers_add(struct subscribers *all, struct subscriber *s);
/* Its call was cancelled: it gets nothing any more. */
void subscribers_remove(struct subscribers *all, struct subscriber *s);
/* For on_drain. */
void subscribers_drained(struct subscribers *all, struct subscriber *s);
/* What has been told up to now is still sent, and then the call ends with OK. */
void subscribers_end(struct subscribers *all, struct subscriber *s);

void subscribers_stats(const struct subscribers *all, struct subscribers_stats *ret);
