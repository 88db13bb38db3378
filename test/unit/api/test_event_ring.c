/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/event_ring.h"
#include "util/mem.h"

#define ID "11111111-0000-4000-8000-000000000001"

static void ring_free(struct event_ring **r)
{
        event_ring_free(*r);
}

#define AUTO_RING AUTO(ring_free) struct event_ring

static void put(struct event_ring *r, const char *from, nsec time)
{
        const struct event_datum data[] = { { "time_ns", "1" }, { "pid", "42" } };
        const struct event_spec spec = {
                .type = V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_STARTED,
                .id = ID,
                .from = from,
                .time = time,
                .data = data,
                .n_data = ARRAY_LEN(data),
        };

        event_ring_put(r, &spec);
}

static V1alpha__Event *first_of(V1alpha__ListenEventsResponse **ret, const struct event *e)
{
        *ret = v1alpha__listen_events_response__unpack(NULL, e->len, e->encoded);
        assert_non_null(*ret);
        assert_int_equal((*ret)->n_events, 1);
        return (*ret)->events[0];
}

static void an_empty_ring_has_no_events(void **state)
{
        AUTO_RING *r = event_ring_new(10);
        struct event_ring_stats stats;

        (void)state;
        assert_int_equal(event_ring_first(r), 1);
        assert_int_equal(event_ring_next(r), 1);
        assert_null(event_ring_at(r, 0));
        assert_null(event_ring_at(r, 1));
        event_ring_stats(r, &stats);
        assert_int_equal(stats.told, 0);
        assert_int_equal(stats.kept, 0);
        assert_int_equal(stats.bytes, 0);
        event_ring_free(NULL);
}

static void an_event_is_an_element_of_the_reply(void **state)
{
        AUTO_RING *r = event_ring_new(10);
        V1alpha__ListenEventsResponse *reply;
        const struct event *e;
        V1alpha__Event *got;

        (void)state;
        put(r, "web", 1700000000 * NSEC_PER_SEC + 999999999);
        e = event_ring_at(r, 1);
        assert_int_equal(e->number, 1);
        assert_int_equal(e->time, 1700000000 * NSEC_PER_SEC + 999999999);
        assert_int_equal(e->type, V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_STARTED);
        assert_string_equal(e->id, ID);
        assert_string_equal(e->from, "web");
        got = first_of(&reply, e);
        assert_int_equal(got->type, V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_STARTED);
        assert_string_equal(got->id, ID);
        assert_string_equal(got->from, "web");
        assert_int_equal(got->time, 1700000000);
        assert_int_equal(got->n_data, 2);
        assert_string_equal(got->data[1]->key, "pid");
        assert_string_equal(got->data[1]->value, "42");
        v1alpha__listen_events_response__free_unpacked(reply, NULL);
}

/* Elements one after the other are a reply of all of them. */
static void elements_can_be_joined(void **state)
{
        AUTO_RING *r = event_ring_new(10);
        V1alpha__ListenEventsResponse *reply;
        uint8_t bytes[1024];
        size_t len = 0;

        (void)state;
        for (int i = 0; i < 3; i++) {
                const struct event *e;

                put(r, "web", i * NSEC_PER_SEC);
                e = event_ring_at(r, (uint64_t)i + 1);
                memcpy(bytes + len, e->encoded, e->len);
                len += e->len;
        }
        reply = v1alpha__listen_events_response__unpack(NULL, len, bytes);
        assert_non_null(reply);
        assert_int_equal(reply->n_events, 3);
        assert_int_equal(reply->events[2]->time, 2);
        v1alpha__listen_events_response__free_unpacked(reply, NULL);
}

static void the_latest_are_kept(void **state)
{
        AUTO_RING *r = event_ring_new(100);
        struct event_ring_stats stats;
        char name[16];

        (void)state;
        for (int i = 1; i <= 1000; i++) {
                (void)snprintf(name, sizeof(name), "app-%d", i);
                put(r, name, i);
                assert_int_equal(event_ring_next(r), i + 1);
                assert_int_equal(event_ring_first(r), i > 100 ? i - 99 : 1);
                assert_string_equal(event_ring_at(r, (uint64_t)i)->from, name);
                for (uint64_t k = event_ring_first(r); k < event_ring_next(r); k++) {
                        assert_int_equal(event_ring_at(r, k)->number, k);
                        assert_int_equal(event_ring_at(r, k)->time, k);
                }
        }
        assert_null(event_ring_at(r, 900));
        assert_non_null(event_ring_at(r, 901));
        assert_null(event_ring_at(r, 1001));
        event_ring_stats(r, &stats);
        assert_int_equal(stats.told, 1000);
        assert_int_equal(stats.kept, 100);
        assert_int_equal(stats.by_type[V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_STARTED], 1000);
        assert_true(stats.bytes > 100 * sizeof(struct event));
}

static void bytes_are_bounded_too(void **state)
{
        enum { MAX = 8, BIG = 3000 };
        AUTO_RING *r = event_ring_new(MAX);
        struct event_ring_stats stats;
        char big[2 * MAX * EVENTS_BYTES_PER];

        (void)state;
        memset(big, 'x', sizeof(big));
        big[BIG] = '\0';
        put(r, "small", 1);
        put(r, big, 2); /* twice in the block: as a string and encoded */
        assert_int_equal(event_ring_first(r), 2);
        put(r, "small", 3);
        event_ring_stats(r, &stats);
        assert_true(stats.bytes <= MAX * EVENTS_BYTES_PER || stats.kept == 1);
        /* The latest one is kept whatever its size. */
        big[BIG] = 'x';
        big[sizeof(big) - 1] = '\0';
        put(r, big, 4);
        assert_int_equal(event_ring_first(r), 4);
        assert_int_equal(strlen(event_ring_at(r, 4)->from), sizeof(big) - 1);
        put(r, "small", 5);
        assert_int_equal(event_ring_first(r), 5);
}

static void one_place_is_enough(void **state)
{
        AUTO_RING *r = event_ring_new(1);

        (void)state;
        for (int i = 1; i < 5; i++) {
                put(r, "a", i);
                assert_int_equal(event_ring_first(r), i);
                assert_int_equal(event_ring_at(r, (uint64_t)i)->time, i);
        }
}

/* Clients refuse a whole reply for one wrong byte. */
static void strings_that_are_no_utf8_are_made_so(void **state)
{
        AUTO_RING *r = event_ring_new(4);
        const struct event_datum data[] = { { "reason", "a\xff"
                                                        "b" },
                                            { "k\xc3", "v" } };
        const struct event_spec spec = {
                .type = V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_EXITED,
                .id = ID,
                .from = "\xed\xa0\x80",
                .data = data,
                .n_data = ARRAY_LEN(data),
        };
        V1alpha__ListenEventsResponse *reply;
        const struct event *e;
        V1alpha__Event *got;

        (void)state;
        event_ring_put(r, &spec);
        e = event_ring_at(r, 1);
        got = first_of(&reply, e);
        assert_string_equal(got->data[0]->value, "a\xef\xbf\xbd"
                                                 "b");
        assert_string_equal(got->data[1]->key, "k\xef\xbf\xbd");
        assert_string_equal(got->from, e->from);
        assert_string_equal(got->from, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
        v1alpha__listen_events_response__free_unpacked(reply, NULL);
}

static void seconds_are_those_the_time_is_in(void **state)
{
        static const struct {
                nsec time;
                int64_t seconds;
        } cases[] = {
                { 0, 0 },   { 999999999, 0 },      { NSEC_PER_SEC, 1 },
                { -1, -1 }, { -NSEC_PER_SEC, -1 }, { INT64_MAX, INT64_MAX / NSEC_PER_SEC },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_RING *r = event_ring_new(1);
                V1alpha__ListenEventsResponse *reply;

                put(r, "x", cases[i].time);
                assert_int_equal(first_of(&reply, event_ring_at(r, 1))->time, cases[i].seconds);
                v1alpha__listen_events_response__free_unpacked(reply, NULL);
        }
}

struct seen {
        struct event_ring *ring;
        uint64_t last;
        int n;
};

static void note(void *arg)
{
        struct seen *s = arg;

        s->last = event_ring_next(s->ring) - 1;
        assert_non_null(event_ring_at(s->ring, s->last));
        s->n++;
}

static void each_put_is_told_after_it(void **state)
{
        AUTO_RING *r = event_ring_new(2);
        struct seen seen = { .ring = r };

        (void)state;
        event_ring_on_put(r, note, &seen);
        put(r, "a", 1);
        assert_int_equal(seen.last, 1);
        put(r, "a", 1);
        put(r, "a", 1);
        assert_int_equal(seen.last, 3);
        assert_int_equal(seen.n, 3);
        event_ring_on_put(r, NULL, NULL);
        put(r, "a", 1);
        assert_int_equal(seen.n, 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_ring_has_no_events),
                cmocka_unit_test(an_event_is_an_element_of_the_reply),
                cmocka_unit_test(elements_can_be_joined),
                cmocka_unit_test(the_latest_are_kept),
                cmocka_unit_test(bytes_are_bounded_too),
                cmocka_unit_test(one_place_is_enough),
                cmocka_unit_test(strings_that_are_no_utf8_are_made_so),
                cmocka_unit_test(seconds_are_those_the_time_is_in),
                cmocka_unit_test(each_put_is_told_after_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
