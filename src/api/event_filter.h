/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EventFilter of the v1alpha contract, checked and compiled: a pure function on an event. The conditions are combined by AND; an
 * empty one asks for nothing. Ids and names are compared exactly. since_time <= time < until_time, with times in full,
 * whatever part of a second they are at.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/event_ring.h"
#include "api/text_set.h"
#include "util/err.h"
#include "util/time.h"
#include "v1alpha/api.pb-c.h"

struct event_filter {
        uint32_t types; /* a bit for each that passes */
        struct text_set ids, names;
        nsec since; /* 0: not asked for */
        nsec until; /* INT64_MAX: not asked for */
        /* @since is asked of events with smaller numbers only. UINT64_MAX after init: of all. */
        uint64_t since_before;
};

/*
 * @wanted may be NULL: everything passes. It is borrowed, and must outlive *ret. Errors, with nothing to be released: ERR_USAGE for a
 * type that is none and for negative times; ERR_LIMIT for more than LIMIT_FILTER_VALUES values.
 */
int event_filter_init(struct event_filter *ret, const V1alpha__EventFilter *wanted, struct err *e);
void event_filter_done(struct event_filter *f);

/* Does it ask for single subjects, rather than for kinds of events that many are interested in? */
static inline bool event_filter_is_personal(const struct event_filter *f)
{
        return f->ids.n > 0 || f->names.n > 0;
}

static inline bool event_filter_wants_type(const struct event_filter *f, const struct event *event)
{
        return f->types >> event->type & 1;
}

static inline bool event_filter_wants_time(const struct event_filter *f, const struct event *event)
{
        return (event->time >= f->since || event->number >= f->since_before) &&
               event->time < f->until;
}

bool event_filter_passes(const struct event_filter *f, const struct event *event);
