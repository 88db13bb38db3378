/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events in the order of their times. A service tells those of one pod or image in their order, but one pod after the
 * other when it finds many at once.
 */
#pragma once

#include <stddef.h>

#include "util/time.h"
#include "v1alpha/api.pb-c.h"

struct event_order {
        V1alpha__ListenEventsResponse **replies; /* owned, as each of them */
        size_t n_replies, cap_replies;
        struct event_place {
                const V1alpha__Event *event; /* borrowed from a reply */
                nsec time;     /* the event's, or that of one before it, if that is later */
                size_t number; /* as they came */
        } * v;                 /* owned */
        size_t n, cap;
};

#define EVENT_ORDER_NULL ((struct event_order){ 0 })

void event_order_add_consume(struct event_order *o, V1alpha__ListenEventsResponse *reply);
/*
 * By time; but events of one id, and those of one time, stay as they came: clocks of files are some milliseconds behind, and
 * nothing ends before it has begun.
 */
void event_order_sort(struct event_order *o);
void event_order_done(struct event_order *o);
