/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/event_order.h"
#include "util/mem.h"

/* "a1" "b2": ids of one letter, and times in seconds; as one reply. */
static V1alpha__ListenEventsResponse *reply(const char *const *events)
{
        V1alpha__ListenEventsResponse *r = xcalloc(1, sizeof(*r));

        v1alpha__listen_events_response__init(r);
        for (; events[r->n_events]; r->n_events++)
                ;
        r->events = r->n_events ? xcalloc(r->n_events, sizeof(*r->events)) : NULL;
        for (size_t i = 0; i < r->n_events; i++) {
                V1alpha__Event *e = xcalloc(1, sizeof(*e));

                v1alpha__event__init(e);
                e->id = xstrndup(events[i], 1);
                e->from = xstrdup(events[i]);
                e->time = events[i][1] - '0';
                r->events[i] = e;
        }
        return r;
}

#define ADD(o, ...) event_order_add_consume(o, reply((const char *const[]){ __VA_ARGS__, NULL }))

static void expect(struct event_order *o, const char *want)
{
        char got[256] = "";

        event_order_sort(o);
        for (size_t i = 0; i < o->n; i++)
                (void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? " " : "",
                               o->v[i].event->from);
        assert_string_equal(got, want);
}

static void events_come_by_time(void **state)
{
        AUTO(event_order_done) struct event_order o = EVENT_ORDER_NULL;

        (void)state;
        ADD(&o, "a1-", "a3-", "b2-");
        ADD(&o, NULL);
        ADD(&o, "b4-", "c0-");
        expect(&o, "c0- a1- b2- a3- b4-");
}

static void what_belongs_together_stays_so(void **state)
{
        AUTO(event_order_done) struct event_order o = EVENT_ORDER_NULL;

        (void)state;
        ADD(&o, "a1x", "a1y", "b1x", "a5e", "a3f", "b4-", "b6-");
        expect(&o, "a1x a1y b1x b4- a5e a3f b6-");
}

static void nothing_is_no_trouble(void **state)
{
        AUTO(event_order_done) struct event_order o = EVENT_ORDER_NULL;

        (void)state;
        expect(&o, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(events_come_by_time),
                cmocka_unit_test(what_belongs_together_stays_so),
                cmocka_unit_test(nothing_is_no_trouble),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
