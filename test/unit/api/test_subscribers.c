/* SPDX-License-Identifier: Apache-2.0 */
#include "api/subscribers.h"

#include "peer.h"
#include "util/mem.h"

static const uint8_t empty[5] = { 0 };

enum { LISTENERS = 64 };

struct listener {
        struct subscriber subscriber; /* first */
        struct subscribers *all;
        struct event_filter filter;
        struct peer_stream *stream;
        bool over;
};

/* Subscribers on one connection, and a ring that the test puts events into. */
struct world {
        uv_loop_t loop;
        uv_timer_t server; /* stands for what keeps a service going */
        struct jobs jobs;
        struct event_ring *ring;
        struct subscribers *all;
        struct peer *peer;
        size_t n;
        struct listener v[LISTENERS];
};

static void over(struct subscriber *s)
{
        ((struct listener *)s)->over = true;
}

static void tick(uv_timer_t *timer)
{
        (void)timer;
}

static void world_init(struct world *w, size_t kept, int32_t window)
{
        memset(w, 0, sizeof(*w));
        assert_int_equal(uv_loop_init(&w->loop), 0);
        (void)uv_timer_init(&w->loop, &w->server);
        (void)uv_timer_start(&w->server, tick, 1000000, 0);
        jobs_init(&w->jobs, &w->loop);
        w->ring = event_ring_new(kept);
        w->all = subscribers_new(&w->loop, &w->jobs, w->ring);
        w->peer = peer_new_window(window);
}

static void world_done(struct world *w)
{
        for (size_t i = 0; i < w->n; i++) {
                if (!w->v[i].over)
                        subscribers_remove(w->all, &w->v[i].subscriber);
                event_filter_done(&w->v[i].filter);
        }
        peer_freep(&w->peer);
        subscribers_free(w->all);
        jobs_close(&w->jobs);
        uv_close((uv_handle_t *)&w->server, NULL);
        event_ring_free(w->ring);
        assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(uv_loop_close(&w->loop), 0);
}

#define AUTO_WORLD AUTO(world_done) struct world

/* Everything is sent that can be, and the calls are told of drains as the service does it. */
static void run(struct world *w)
{
        for (int i = 0; i < 100; i++) {
                (void)uv_run(&w->loop, UV_RUN_NOWAIT);
                peer_run(w->peer);
        }
}

static void on_drain(struct grpc_call *call, void *arg)
{
        (void)call;
        subscribers_drained(((struct listener *)arg)->all, arg);
}

static struct listener *listen_with(struct world *w, const V1alpha__EventFilter *wanted,
                                    uint64_t cursor)
{
        static const struct grpc_call_watch watch = { .on_drain = on_drain };
        struct listener *l = &w->v[w->n++];
        struct err e;

        assert_true(w->n <= LISTENERS);
        assert_ok(event_filter_init(&l->filter, wanted, &e), &e);
        l->all = w->all;
        l->stream = peer_call(w->peer, "/test.Test/Subscribe", empty, sizeof(empty));
        peer_run(w->peer);
        l->subscriber = (struct subscriber){
                .call = svc.call, .filter = &l->filter, .over = over, .cursor = cursor
        };
        grpc_call_watch(svc.call, &watch, l);
        subscribers_add(w->all, &l->subscriber);
        return l;
}

static struct listener *listen_to(struct world *w, const V1alpha__EventFilter *wanted)
{
        return listen_with(w, wanted, event_ring_next(w->ring));
}

static void put(struct world *w, V1alpha__EventType type, const char *id, const char *from)
{
        event_ring_put(w->ring,
                       &(struct event_spec){
                               .type = type, .id = id, .from = from, .time = 100 * NSEC_PER_SEC });
}

#define STARTED V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_STARTED
#define EXITED  V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_EXITED

/* @n events "from", "from+1" ... of the type. */
static void put_many(struct world *w, V1alpha__EventType type, unsigned from, unsigned n)
{
        char name[16];

        for (unsigned i = 0; i < n; i++) {
                (void)snprintf(name, sizeof(name), "%u", from + i);
                put(w, type, "id", name);
        }
}

/* What has come as text: the names of the events, ',' between them, '|' after each response. */
static const char *got(const struct listener *l)
{
        static char text[1 << 20];
        const uint8_t *at = l->stream->data.data, *end = at + l->stream->data.len;
        char *to = text;

        *to = '\0';
        while (end - at >= 5) {
                size_t len = (size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 | at[4];
                V1alpha__ListenEventsResponse *r;

                if ((size_t)(end - at) < 5 + len)
                        break;
                r = v1alpha__listen_events_response__unpack(NULL, len, at + 5);
                assert_non_null(r);
                for (size_t i = 0; i < r->n_events; i++)
                        to += sprintf(to, "%s%s", i > 0 ? "," : "", r->events[i]->from);
                to += sprintf(to, "|");
                v1alpha__listen_events_response__free_unpacked(r, NULL);
                at += 5 + len;
        }
        return text;
}

static size_t responses(const struct listener *l)
{
        size_t n = 0;

        for (const char *c = got(l); *c; c++)
                n += *c == '|';
        return n;
}

/* Are the names that came @from up to @to, each once, in order? */
static void assert_got_all(const struct listener *l, unsigned from, unsigned to)
{
        const char *c = got(l);

        for (unsigned i = from; i < to; i++) {
                char *end;

                assert_int_equal(strtoul(c, &end, 10), i);
                assert_true(*end == ',' || *end == '|');
                c = end + 1;
        }
        assert_int_equal(*c, '\0');
}

static struct subscribers_stats stats(const struct world *w)
{
        struct subscribers_stats s;

        subscribers_stats(w->all, &s);
        return s;
}

static V1alpha__EventFilter wanting(V1alpha__EventType *type, char **name)
{
        V1alpha__EventFilter f;

        v1alpha__event_filter__init(&f);
        f.types = type;
        f.n_types = type ? 1 : 0;
        f.names = name;
        f.n_names = name ? 1 : 0;
        return f;
}

static void what_happens_at_once_comes_in_one_response(void **state)
{
        AUTO_WORLD w;
        struct listener *a, *b;

        (void)state;
        world_init(&w, 1000, 0);
        put_many(&w, STARTED, 0, 3);
        a = listen_to(&w, NULL);
        run(&w);
        assert_string_equal(got(a), "");
        put_many(&w, STARTED, 3, 3);
        b = listen_to(&w, NULL);
        run(&w);
        assert_string_equal(got(a), "3,4,5|");
        assert_string_equal(got(b), "");
        put_many(&w, EXITED, 6, 1);
        run(&w);
        assert_string_equal(got(a), "3,4,5|6|");
        assert_string_equal(got(b), "6|");
        assert_int_equal(stats(&w).now, 2);
}

static void replay_begins_with_the_oldest_that_is_kept(void **state)
{
        AUTO_WORLD w;
        struct listener *l;

        (void)state;
        world_init(&w, 4, 0);
        put_many(&w, STARTED, 0, 10);
        l = listen_with(&w, NULL, 0);
        put_many(&w, STARTED, 10,
                 1); /* one more is forgotten before anybody looked at the new one */
        run(&w);
        assert_string_equal(got(l), "7,8,9,10|");
        assert_false(l->over);
}

static void a_burst_is_split_into_bounded_responses(void **state)
{
        AUTO_WORLD w;
        struct listener *l;

        (void)state;
        world_init(&w, 20000, 0);
        l = listen_to(&w, NULL);
        put_many(&w, STARTED, 0, 15000);
        run(&w);
        assert_got_all(l, 0, 15000);
        assert_true(responses(l) >= l->stream->data.len / (EVENTS_RESPONSE_BYTES + 5));
        assert_true(responses(l) <= 20);
}

static void responses_are_made_once_for_all_who_want_the_same(void **state)
{
        V1alpha__EventType type = EXITED;
        V1alpha__EventFilter exits = wanting(&type, NULL);
        AUTO_WORLD w;

        (void)state;
        world_init(&w, 1000, 0);
        for (int i = 0; i < 20; i++)
                (void)listen_to(&w, NULL);
        for (int i = 0; i < 20; i++)
                (void)listen_to(&w, &exits);
        put_many(&w, STARTED, 0, 10);
        put_many(&w, EXITED, 10, 10);
        run(&w);
        for (size_t i = 0; i < 20; i++)
                assert_got_all(&w.v[i], 0, 20);
        for (size_t i = 20; i < 40; i++)
                assert_got_all(&w.v[i], 10, 20);
        assert_int_equal(stats(&w).responses, 40);
        assert_int_equal(stats(&w).made, 2);
}

static void times_are_respected_when_responses_are_shared(void **state)
{
        V1alpha__EventFilter early = wanting(NULL, NULL), late = wanting(NULL, NULL);
        AUTO_WORLD w;
        struct listener *any, *before, *after;

        (void)state;
        world_init(&w, 1000, 0);
        early.until_time = 100;
        late.since_time = 101;
        any = listen_to(&w, NULL);
        before = listen_to(&w, &early);
        after = listen_to(&w, &late);
        put_many(&w, STARTED, 0, 2);
        run(&w);
        assert_string_equal(got(any), "0,1|");
        assert_string_equal(got(before), "");
        assert_string_equal(got(after), "");
        assert_int_equal(stats(&w).responses, 1);
        /* The other way round: what is made for one who leaves some out is not for one who wants them. */
        (void)listen_with(&w, &late, 1);
        any = listen_with(&w, NULL, 1);
        run(&w);
        assert_string_equal(got(any), "0,1|");
}

static void names_are_looked_for(void **state)
{
        char *name = "7";
        V1alpha__EventFilter seven = wanting(NULL, &name);
        AUTO_WORLD w;
        struct listener *l;

        (void)state;
        world_init(&w, 10000, 0);
        l = listen_to(&w, &seven);
        put_many(&w, STARTED, 0, 10);
        run(&w);
        put_many(&w, STARTED, 0, 5000); /* more than a step looks at */
        run(&w);
        assert_string_equal(got(l), "7|7|");
}

static void what_nobody_wants_is_passed_over(void **state)
{
        V1alpha__EventType type = EXITED;
        V1alpha__EventFilter exits = wanting(&type, NULL);
        AUTO_WORLD w;
        struct listener *l;

        (void)state;
        world_init(&w, 10, 0);
        l = listen_to(&w, &exits);
        for (unsigned i = 0; i < 100; i++) {
                put_many(&w, STARTED, i, 5);
                run(&w);
        }
        put_many(&w, EXITED, 1000, 1);
        run(&w);
        assert_string_equal(got(l), "1000|");
        assert_int_equal(stats(&w).responses, 1);
}

static void who_does_not_read_is_dropped_and_nobody_else(void **state)
{
        AUTO_WORLD w;
        struct listener *slow, *good;

        (void)state;
        world_init(&w, 10, 200);
        slow = listen_to(&w, NULL);
        for (unsigned i = 0; i < 30; i++) {
                put_many(&w, STARTED, i, 1);
                run(&w);
        }
        /* Its window is full, and the response that did not fit has begun. The others have an account of their own. */
        assert_true(slow->over);
        assert_string_equal(slow->stream->grpc_status, "");
        assert_int_equal(stats(&w).now, 0);
        assert_int_equal(stats(&w).dropped, 1);
        good = listen_to(&w, NULL);
        put_many(&w, STARTED, 100, 3);
        run(&w);
        assert_string_equal(got(good), "100,101,102|");
        peer_widen(w.peer, slow->stream, 10000);
        run(&w);
        assert_string_equal(slow->stream->grpc_status, "8");
        assert_non_null(strstr(slow->stream->grpc_message, "too slow: 11 events behind, and the "
                                                           "first 1 of them"));
        assert_true(w.peer->memory.used < 1024); /* the one who listens has an empty queue */
}

static void who_waits_but_misses_nothing_stays(void **state)
{
        V1alpha__EventType type = EXITED;
        V1alpha__EventFilter exits = wanting(&type, NULL);
        AUTO_WORLD w;
        struct listener *l;

        (void)state;
        world_init(&w, 10, 30);
        l = listen_to(&w, &exits);
        put_many(&w, EXITED, 0, 2);
        run(&w);
        for (unsigned i = 0; i < 100; i++) {
                put_many(&w, STARTED, i, 5);
                run(&w);
        }
        assert_false(l->over);
        put_many(&w, EXITED, 2, 2);
        run(&w);
        peer_widen(w.peer, l->stream, 1000);
        run(&w);
        assert_string_equal(got(l), "0,1|2,3|");
}

static void the_end_comes_after_all_that_was_told(void **state)
{
        AUTO_WORLD w;
        struct listener *l, *idle;

        (void)state;
        world_init(&w, 100, 60);
        idle = listen_to(&w, NULL);
        run(&w);
        subscribers_end(w.all, &idle->subscriber);
        run(&w);
        assert_true(idle->over);
        assert_string_equal(idle->stream->grpc_status, "0");
        l = listen_to(&w, NULL);
        put_many(&w, STARTED, 0, 5);
        run(&w);
        put_many(&w, STARTED, 5, 5);
        subscribers_end(w.all, &l->subscriber);
        put_many(&w, STARTED, 10, 5);
        run(&w);
        assert_false(l->over); /* its client has to read first */
        peer_widen(w.peer, l->stream, 1000);
        run(&w);
        assert_true(l->over);
        assert_got_all(l, 0, 10);
        assert_string_equal(l->stream->grpc_status, "0");
        assert_int_equal(stats(&w).dropped, 0);
}

static void the_end_is_before_what_is_told_later(void **state)
{
        AUTO_WORLD w;
        struct listener *l, *all;

        (void)state;
        world_init(&w, 100, 0);
        all = listen_to(&w, NULL);
        l = listen_to(&w, NULL);
        put_many(&w, STARTED, 0, 5);
        subscribers_end(w.all, &l->subscriber);
        put_many(&w, STARTED, 5, 5);
        run(&w);
        assert_got_all(all, 0, 10);
        assert_got_all(l, 0, 5);
        assert_string_equal(l->stream->grpc_status, "0");
}

static void the_end_comes_though_nothing_more_is_wanted(void **state)
{
        V1alpha__EventType type = EXITED;
        V1alpha__EventFilter exits = wanting(&type, NULL);
        AUTO_WORLD w;
        struct listener *told, *later;

        (void)state;
        world_init(&w, 5000, 30);
        told = listen_to(&w, &exits);
        later = listen_to(&w, &exits);
        put_many(&w, EXITED, 0, 2);
        run(&w);
        put_many(&w, STARTED, 2, 3000);
        subscribers_end(w.all, &told->subscriber);
        run(&w);
        /* Its client has not taken all yet; the status waits behind that. */
        assert_true(told->over);
        peer_widen(w.peer, told->stream, 1000);
        assert_got_all(told, 0, 2);
        assert_string_equal(told->stream->grpc_status, "0");
        /* What there is was passed over by the time that the end is decided. */
        subscribers_end(w.all, &later->subscriber);
        run(&w);
        assert_true(later->over);
}

static void want_of_memory_delays(void **state)
{
        AUTO_WORLD w;
        struct listener *l;

        (void)state;
        world_init(&w, 100, 0);
        l = listen_to(&w, NULL);
        w.peer->memory.max = 1;
        put_many(&w, STARTED, 0, 5);
        run(&w);
        assert_string_equal(got(l), "");
        assert_true(stats(&w).put_off > 0);
        assert_false(l->over);
        w.peer->memory.max = 1 << 20;
        for (int i = 0; i < 10000 && l->stream->data.len == 0; i++) {
                (void)usleep(1000);
                run(&w);
        }
        assert_got_all(l, 0, 5);
}

static void who_leaves_within_a_round_is_not_looked_at(void **state)
{
        AUTO_WORLD w;

        (void)state;
        world_init(&w, 100, 0);
        for (int i = 0; i < LISTENERS; i++)
                (void)listen_to(&w, NULL);
        run(&w);
        put_many(&w, STARTED, 0, 1);
        for (size_t i = 0; i < LISTENERS; i++)
                if (i % 3 != 1) {
                        subscribers_remove(w.all, &w.v[i].subscriber);
                        w.v[i].over = true;
                }
        run(&w);
        for (size_t i = 0; i < LISTENERS; i++)
                assert_string_equal(got(&w.v[i]), i % 3 == 1 ? "0|" : "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_happens_at_once_comes_in_one_response),
                cmocka_unit_test(replay_begins_with_the_oldest_that_is_kept),
                cmocka_unit_test(a_burst_is_split_into_bounded_responses),
                cmocka_unit_test(responses_are_made_once_for_all_who_want_the_same),
                cmocka_unit_test(times_are_respected_when_responses_are_shared),
                cmocka_unit_test(names_are_looked_for),
                cmocka_unit_test(what_nobody_wants_is_passed_over),
                cmocka_unit_test(who_does_not_read_is_dropped_and_nobody_else),
                cmocka_unit_test(who_waits_but_misses_nothing_stays),
                cmocka_unit_test(the_end_comes_after_all_that_was_told),
                cmocka_unit_test(the_end_is_before_what_is_told_later),
                cmocka_unit_test(the_end_comes_though_nothing_more_is_wanted),
                cmocka_unit_test(want_of_memory_delays),
                cmocka_unit_test(who_leaves_within_a_round_is_not_looked_at),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
