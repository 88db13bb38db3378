/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for what: work is numbered as it comes and done in that order, and a waiter wants all that was there when it
 * came. It does not wait for what comes later, so that no stream of changes can keep it waiting.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct waiter {
        /* Once, when everything that was pending is done. The waiter is out of the list then and may be freed. */
        void (*fn)(struct waiter *w);
        uint64_t until; /* this and those below: pending.c's; all zero before the first wait */
        bool waits;
        struct waiter *prev, *next;
};

struct pending {
        uint64_t last;          /* number of the latest work */
        struct waiter *waiters; /* borrowed; in the order in which they came */
};

/* The number of a new piece of work. */
static inline uint64_t pending_add(struct pending *p)
{
        return ++p->last;
}

/* Wait for all work up to now. */
void pending_wait(struct pending *p, struct waiter *w);
/* Nothing happens when it does not wait. */
void pending_cancel(struct pending *p, struct waiter *w);
/* All work with numbers below @oldest is done (UINT64_MAX: all there is): call those who waited for it. */
void pending_done(struct pending *p, uint64_t oldest);
