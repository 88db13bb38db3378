/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/event_order.h"

#include <stdlib.h>
#include <string.h>

#include "cli/event_lines.h"
#include "util/mem.h"

void event_order_done(struct event_order *o)
{
        for (size_t i = 0; i < o->n_replies; i++)
                v1alpha__listen_events_response__free_unpacked(o->replies[i], NULL);
        free(o->replies);
        free(o->v);
        *o = EVENT_ORDER_NULL;
}

void event_order_add_consume(struct event_order *o, V1alpha__ListenEventsResponse *reply)
{
        ARRAY_GROW(o->replies, o->n_replies, o->cap_replies);
        o->replies[o->n_replies++] = reply;
        for (size_t i = 0; i < reply->n_events; i++) {
                ARRAY_GROW(o->v, o->n, o->cap);
                o->v[o->n] = (struct event_place){ .event = reply->events[i],
                                                   .time = event_time(reply->events[i]),
                                                   .number = o->n };
                o->n++;
        }
}

static int by_number(const struct event_place *a, const struct event_place *b)
{
        return a->number < b->number ? -1 : a->number > b->number;
}

static int by_id(const void *x, const void *y)
{
        const struct event_place *a = x, *b = y;
        int r = strcmp(a->event->id, b->event->id);

        return r != 0 ? r : by_number(a, b);
}

static int by_time(const void *x, const void *y)
{
        const struct event_place *a = x, *b = y;

        return a->time != b->time ? (a->time < b->time ? -1 : 1) : by_number(a, b);
}

void event_order_sort(struct event_order *o)
{
        if (o->n == 0)
                return;
        qsort(o->v, o->n, sizeof(*o->v), by_id);
        for (size_t i = 1; i < o->n; i++)
                if (o->v[i].time < o->v[i - 1].time &&
                    strcmp(o->v[i].event->id, o->v[i - 1].event->id) == 0)
                        o->v[i].time = o->v[i - 1].time;
        qsort(o->v, o->n, sizeof(*o->v), by_time);
}
