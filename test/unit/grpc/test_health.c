/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/health.h"

#include "grpc/frame.h"
#include "grpc/health/v1/health.pb-c.h"
#include "peer.h"

static void health_freep(struct grpc_health **h)
{
        *h = grpc_health_free(*h);
}

static struct peer *peer_with(struct grpc_health *h)
{
        struct peer *p = peer_new();

        grpc_router_add(&p->router, &grpc_health_service, h);
        return p;
}

/* The request's frame; to static storage, in turn. */
static const uint8_t *request(const char *service, size_t *ret_len)
{
        static uint8_t frames[8][512];
        static unsigned turn;
        uint8_t *to = frames[turn++ % 8];
        Grpc__Health__V1__HealthCheckRequest r = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
        char copy[400];

        (void)snprintf(copy, sizeof(copy), "%s", service);
        r.service = copy;
        *ret_len = GRPC_FRAME_HEAD + grpc__health__v1__health_check_request__get_packed_size(&r);
        grpc_frame_head(to, false, (uint32_t)(*ret_len - GRPC_FRAME_HEAD));
        (void)grpc__health__v1__health_check_request__pack(&r, to + GRPC_FRAME_HEAD);
        return to;
}

static struct peer_stream *ask(struct peer *p, const char *method, const char *service)
{
        char path[64];
        size_t len;
        const uint8_t *body = request(service, &len);
        struct peer_stream *s;

        (void)snprintf(path, sizeof(path), "/grpc.health.v1.Health/%s", method);
        s = peer_call(p, path, body, len);
        peer_run(p);
        return s;
}

/* What the stream heard so far, as digits: "12" is SERVING, then NOT_SERVING. */
static const char *heard(const struct peer_stream *s)
{
        static char text[64];
        struct grpc_frame_reader reader = { .max = 1000 };
        const uint8_t *at = s->data.data;
        size_t left = s->data.len, n = 0;
        struct grpc_frame f;

        while (grpc_frame_feed(&reader, &at, &left, &f) == GRPC_FRAME_MESSAGE) {
                Grpc__Health__V1__HealthCheckResponse *r =
                        grpc__health__v1__health_check_response__unpack(NULL, f.len, f.data);

                assert_non_null(r);
                assert_true(n + 1 < sizeof(text));
                text[n++] = (char)('0' + r->status);
                grpc__health__v1__health_check_response__free_unpacked(r, NULL);
        }
        text[n] = '\0';
        grpc_frame_done(&reader);
        return text;
}

static void check_tells_the_status(void **state)
{
        AUTO(health_freep) struct grpc_health *h = grpc_health_new();
        AUTO_PEER struct peer *p = peer_with(h);

        (void)state;
        grpc_health_set(h, "a.A", GRPC_HEALTH_SERVING);
        grpc_health_set(h, "b.B", GRPC_HEALTH_NOT_SERVING);
        assert_string_equal(heard(ask(p, "Check", "")), "1");
        assert_string_equal(heard(ask(p, "Check", "a.A")), "1");
        assert_string_equal(heard(ask(p, "Check", "b.B")), "2");
        grpc_health_set(h, "a.A", GRPC_HEALTH_NOT_SERVING);
        assert_string_equal(heard(ask(p, "Check", "a.A")), "2");
        for (unsigned i = 0; i < p->n_streams; i++)
                assert_string_equal(p->streams[i].grpc_status, "0");
}

static void check_of_an_unknown_service_is_not_found(void **state)
{
        AUTO(health_freep) struct grpc_health *h = grpc_health_new();
        AUTO_PEER struct peer *p = peer_with(h);
        struct peer_stream *s = ask(p, "Check", "no.Such");

        (void)state;
        assert_string_equal(s->grpc_status, "5");
        assert_string_equal(s->grpc_message, "unknown service no.Such");
}

static void a_name_that_no_service_has_is_refused(void **state)
{
        AUTO(health_freep) struct grpc_health *h = grpc_health_new();
        AUTO_PEER struct peer *p = peer_with(h);
        char name[LIMIT_GRPC_PATH_BYTES + 2];

        (void)state;
        memset(name, 'x', sizeof(name));
        name[sizeof(name) - 1] = '\0';
        assert_string_equal(ask(p, "Check", name)->grpc_status, "3");
        assert_string_equal(ask(p, "Watch", name)->grpc_status, "3");
        name[sizeof(name) - 2] = '\0';
        assert_string_equal(ask(p, "Check", name)->grpc_status, "5");
        assert_int_equal(grpc_health_watchers(h), 0);
}

static void list_has_every_service(void **state)
{
        AUTO(health_freep) struct grpc_health *h = grpc_health_new();
        AUTO_PEER struct peer *p = peer_with(h);
        Grpc__Health__V1__HealthListResponse *r;
        struct peer_stream *s;

        (void)state;
        grpc_health_set(h, "a.A", GRPC_HEALTH_NOT_SERVING);
        s = ask(p, "List", "");
        assert_string_equal(s->grpc_status, "0");
        r = grpc__health__v1__health_list_response__unpack(NULL, s->data.len - GRPC_FRAME_HEAD,
                                                           s->data.data + GRPC_FRAME_HEAD);
        assert_non_null(r);
        assert_int_equal(r->n_statuses, 2);
        assert_string_equal(r->statuses[0]->key, "");
        assert_int_equal(r->statuses[0]->value->status, GRPC_HEALTH_SERVING);
        assert_string_equal(r->statuses[1]->key, "a.A");
        assert_int_equal(r->statuses[1]->value->status, GRPC_HEALTH_NOT_SERVING);
        grpc__health__v1__health_list_response__free_unpacked(r, NULL);
}

static void watch_hears_the_status_at_once_and_every_change_once(void **state)
{
        AUTO(health_freep) struct grpc_health *h = grpc_health_new();
        AUTO_PEER struct peer *p = peer_with(h);
        struct peer_stream *all = ask(p, "Watch", ""), *a;

        (void)state;
        assert_string_equal(heard(all), "1");
        grpc_health_set(h, "a.A", GRPC_HEALTH_SERVING);
        a = ask(p, "Watch", "a.A");
        assert_string_equal(heard(a), "1");
        grpc_health_set(h, "a.A", GRPC_HEALTH_SERVING);
        grpc_health_set(h, "a.A", GRPC_HEALTH_NOT_SERVING);
        grpc_health_set(h, "a.A", GRPC_HEALTH_NOT_SERVING);
        grpc_health_set(h, "a.A", GRPC_HEALTH_SERVING);
        peer_run(p);
        assert_string_equal(heard(a), "121");
        assert_string_equal(heard(all), "1");
        assert_false(a->ended || all->ended);
        assert_int_equal(grpc_health_watchers(h), 2);
}

static void watch_of_an_unknown_service_waits_for_it(void **state)
{
        AUTO(health_freep) struct grpc_health *h = grpc_health_new();
        AUTO_PEER struct peer *p = peer_with(h);
        struct peer_stream *s = ask(p, "Watch", "late.Late");

        (void)state;
        assert_string_equal(heard(s), "3");
        assert_false(s->ended);
        grpc_health_set(h, "other.Other", GRPC_HEALTH_SERVING);
        peer_run(p);
        assert_string_equal(heard(s), "3");
        grpc_health_set(h, "late.Late", GRPC_HEALTH_SERVING);
        peer_run(p);
        assert_string_equal(heard(s), "31");
}

static void watchers_that_leave_are_forgotten(void **state)
{
        AUTO(health_freep) struct grpc_health *h = grpc_health_new();
        AUTO_PEER struct peer *p = peer_with(h);
        struct peer_stream *s[3];

        (void)state;
        for (int i = 0; i < 3; i++)
                s[i] = ask(p, "Watch", "");
        assert_int_equal(grpc_health_watchers(h), 3);
        peer_reset(p, s[1], NGHTTP2_CANCEL);
        peer_run(p);
        assert_int_equal(grpc_health_watchers(h), 2);
        grpc_health_set(h, "", GRPC_HEALTH_NOT_SERVING);
        peer_run(p);
        assert_string_equal(heard(s[0]), "12");
        assert_string_equal(heard(s[1]), "1");
        assert_string_equal(heard(s[2]), "12");
}

static void shutdown_tells_all_and_ends_watches(void **state)
{
        AUTO(health_freep) struct grpc_health *h = grpc_health_new();
        AUTO_PEER struct peer *p = peer_with(h);
        struct peer_stream *all = ask(p, "Watch", ""), *none = ask(p, "Watch", "no.Such"), *late;

        (void)state;
        grpc_health_set(h, "a.A", GRPC_HEALTH_SERVING);
        grpc_health_shutdown(h);
        peer_run(p);
        assert_string_equal(heard(all), "12");
        assert_string_equal(all->grpc_status, "14");
        assert_string_equal(heard(none), "3");
        assert_string_equal(none->grpc_status, "14");
        grpc_health_set(h, "a.A", GRPC_HEALTH_SERVING);
        assert_string_equal(heard(ask(p, "Check", "a.A")), "2");
        late = ask(p, "Watch", "a.A");
        assert_string_equal(heard(late), "2");
        assert_string_equal(late->grpc_status, "14");
        assert_int_equal(grpc_health_watchers(h), 0);
}

static void a_watcher_that_never_reads_is_let_go_when_memory_is_short(void **state)
{
        AUTO(health_freep) struct grpc_health *h = grpc_health_new();
        AUTO_PEER struct peer *p = peer_with(h);
        struct peer_stream *s = ask(p, "Watch", "");
        size_t max = p->memory.max;

        (void)state;
        p->memory.max = p->memory.used;
        for (int i = 0; i < 100000 && grpc_health_watchers(h) > 0; i++)
                grpc_health_set(h, "", i % 2 ? GRPC_HEALTH_SERVING : GRPC_HEALTH_NOT_SERVING);
        assert_int_equal(grpc_health_watchers(h), 0);
        p->memory.max = max;
        peer_run(p);
        assert_string_equal(s->grpc_status, "8");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(check_tells_the_status),
                cmocka_unit_test(check_of_an_unknown_service_is_not_found),
                cmocka_unit_test(a_name_that_no_service_has_is_refused),
                cmocka_unit_test(list_has_every_service),
                cmocka_unit_test(watch_hears_the_status_at_once_and_every_change_once),
                cmocka_unit_test(watch_of_an_unknown_service_waits_for_it),
                cmocka_unit_test(watchers_that_leave_are_forgotten),
                cmocka_unit_test(shutdown_tells_all_and_ends_watches),
                cmocka_unit_test(a_watcher_that_never_reads_is_let_go_when_memory_is_short),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
