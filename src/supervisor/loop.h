/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop of the supervisor: raw epoll, because there is one such process per pod and every private page
 * of it is paid for each time; libuv would bring a thread pool's and a heap's worth of them.
 */
#pragma once

#include <stdint.h>
#include <sys/epoll.h>

#include "util/err.h"
#include "util/time.h"

/* Embedded in what it belongs to, which must outlive the turn in which it is stopped. */
struct loop_timer {
        nsec due;                            /* time_monotonic(); 0: not set */
        void (*ready)(struct loop_timer *t); /* as that of a source; may set it again */
        unsigned turn;                       /* in which it was set */
        struct loop_timer *next;
};

struct loop {
        int fd;                    /* owned */
        struct loop_timer *timers; /* borrowed; those that are set: a few */
        unsigned turn;
};

#define LOOP_NULL ((struct loop){ .fd = -1 })

/* Embedded in what it belongs to, which must outlive the turn in which it is removed. */
struct loop_source {
        int fd; /* borrowed while it is in the loop; -1: not in the loop */
        void (*ready)(struct loop_source *s,
                      uint32_t events); /* must not block; may add and remove */
};

#define LOOP_SOURCE_NULL ((struct loop_source){ .fd = -1 })

int loop_init(struct loop *ret, struct err *e);
void loop_done(struct loop *l);

/* Level-triggered. Returns 0, or -errno (-EPERM: always ready, such as a regular file). */
int loop_add(struct loop *l, struct loop_source *s, int fd, uint32_t events);
void loop_remove(struct loop *l, struct loop_source *s); /* no effect when it is not in the loop */

/* Call it once, in a turn after this one, when @due has come. With an old kernel (before 5.11) up to 1 ms late. */
void loop_timer_set(struct loop *l, struct loop_timer *t, nsec due);
void loop_timer_stop(struct loop *l, struct loop_timer *t); /* no effect when it is not set */

/* Wait at most @timeout_ms (-1: for ever) and call what is ready or due. Returns how many were, or -errno. */
int loop_turn(struct loop *l, int timeout_ms);
