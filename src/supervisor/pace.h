/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often a pipe is read. A quiet one when the loop says so, at once. A loud one by the clock: an app that writes line by
 * line would otherwise wake us for each few of them, and every time both fight for the pipe's lock; left alone until the
 * pipe is half full it runs at its own speed, and we take hundreds of lines at a time.
 */
#pragma once

#include <stddef.h>

#include "util/time.h"

/* The longest that output waits in a pipe: nobody who follows it notices. */
#define PACE_MAX_NS (1 * NSEC_PER_MSEC)

struct pace {
        nsec last; /* when the pipe was read last (time_monotonic()) */
        nsec wait; /* how long it was left alone before; 0: not at all */
};

/*
 * @got bytes (0: none, and it is not the end) were read at @now from a pipe that holds @capacity. Returns when to read it
 * again, perhaps @now, which means at once; 0: when it is readable.
 */
nsec pace_next(struct pace *p, size_t got, size_t capacity, nsec now);
