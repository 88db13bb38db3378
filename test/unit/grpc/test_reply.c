/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/call.h"

#include "peer.h"

static const uint8_t empty[5] = { 0 };

static void late_answer_wakes_the_owner(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        size_t len;
        const uint8_t *frame = sample_frame("later", &len);
        struct peer_stream *s = peer_call(p, "/test.Test/Hold", frame, len);
        Sample__Sample reply = SAMPLE__SAMPLE__INIT;

        (void)state;
        peer_run(p);
        assert_string_equal(svc.last_text, "later");
        assert_int_equal(p->outputs, 0);
        assert_int_equal(s->n_header_blocks, 0);
        grpc_call_reply(svc.call, &reply.base);
        assert_true(p->outputs > 0);
        peer_run(p);
        assert_string_equal(s->grpc_status, "0");
        assert_int_equal(svc.n_cancelled, 0);
}

static void subscriber_gets_headers_before_anything_happens(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = peer_call(p, "/test.Test/Subscribe", empty, sizeof(empty));
        Sample__Sample event = SAMPLE__SAMPLE__INIT;

        (void)state;
        peer_run(p);
        assert_int_equal(s->http_status, 200);
        assert_int_equal(s->n_header_blocks, 1);
        assert_false(s->ended);
        assert_int_equal(grpc_call_send(svc.call, &event.base), GRPC_SEND_OK);
        peer_run(p);
        assert_int_equal(s->data.len, 5);
        grpc_call_finish(svc.call, GRPC_UNAVAILABLE, "going %s", "away");
        peer_run(p);
        assert_string_equal(s->grpc_status, "14");
        assert_string_equal(s->grpc_message, "going away");
        assert_int_equal(s->n_header_blocks, 2);
}

static void long_stream_pauses_and_goes_on(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        static const uint8_t ask[] = { 0, 0, 0, 0, 3, 0x18, 0xa0, 0x1f }; /* u32 = 4000 */
        struct peer_stream *s = peer_call(p, "/test.Test/List", ask, sizeof(ask));

        (void)state;
        peer_run(p);
        assert_string_equal(s->grpc_status, "0");
        assert_int_equal(s->data.len, 4000 * 1008);
        assert_true(svc.n_drained > 3);
}

static void reader_that_stops_stops_the_handler_with_bounded_memory(void **state)
{
        AUTO_PEER struct peer *p = peer_new_window(1000);
        static const uint8_t ask[] = { 0, 0, 0, 0, 3, 0x18, 0xa0, 0x1f };
        struct peer_stream *s = peer_call(p, "/test.Test/List", ask, sizeof(ask));

        (void)state;
        peer_run(p);
        assert_int_equal(s->data.len, 1000);
        assert_true(svc.to_send > 3000);
        assert_true(p->memory.used < LIMIT_GRPC_QUEUE_BYTES);
        peer_reset(p, s, NGHTTP2_CANCEL);
        peer_run(p);
        assert_int_equal(svc.n_cancelled, 1);
        assert_int_equal(p->memory.used, 0);
}

static void sending_past_the_limit_is_refused(void **state)
{
        AUTO_PEER struct peer *p = peer_new_window(1000);
        Sample__Sample m = SAMPLE__SAMPLE__INIT;
        static char text[100001];
        unsigned n = 0;

        (void)state;
        (void)peer_call(p, "/test.Test/Subscribe", empty, sizeof(empty));
        peer_run(p);
        memset(text, 't', sizeof(text) - 1);
        m.text = text;
        while (grpc_call_send(svc.call, &m.base) != GRPC_SEND_REFUSED)
                n++;
        assert_int_equal(n, LIMIT_GRPC_QUEUE_BYTES / 100005);
        grpc_call_finish(svc.call, GRPC_RESOURCE_EXHAUSTED, "too slow");
}

static void one_by_one_waits_until_each_reply_has_gone(void **state)
{
        AUTO_PEER struct peer *p = peer_new_window(8);
        struct peer_stream *s = peer_call(p, "/test.Test/Subscribe", empty, sizeof(empty));
        uint8_t *at;

        (void)state;
        peer_run(p);
        grpc_call_one_by_one(svc.call);
        assert_int_equal(grpc_call_send_reserve(svc.call, 3, &at), GRPC_SEND_PAUSE);
        memcpy(at, "abc", 3);
        peer_run(p);
        assert_int_equal(s->data.len, 8);
        assert_int_equal(svc.n_drained, 1);
        /* This one does not fit the client's window: not before it is out as a whole. */
        assert_int_equal(grpc_call_send_reserve(svc.call, 4, &at), GRPC_SEND_PAUSE);
        memcpy(at, "defg", 4);
        peer_run(p);
        assert_int_equal(s->data.len, 8);
        peer_widen(p, s, 8);
        assert_int_equal(s->data.len, 16);
        assert_int_equal(svc.n_drained, 1);
        peer_widen(p, s, 1);
        assert_int_equal(s->data.len, 17);
        assert_int_equal(svc.n_drained, 2);
        grpc_call_finish(svc.call, GRPC_OK, "%s", "");
}

/* What a subscriber is told that was given up while it did not read. */
static void status_follows_what_was_begun_once_the_client_reads_again(void **state)
{
        AUTO_PEER struct peer *p = peer_new_window(8);
        struct peer_stream *s = peer_call(p, "/test.Test/Subscribe", empty, sizeof(empty));
        uint8_t *at;

        (void)state;
        peer_run(p);
        grpc_call_one_by_one(svc.call);
        assert_int_equal(grpc_call_send_reserve(svc.call, 20, &at), GRPC_SEND_PAUSE);
        memset(at, 'x', 20);
        peer_run(p);
        grpc_call_finish(svc.call, GRPC_RESOURCE_EXHAUSTED, "too slow");
        peer_run(p);
        assert_int_equal(s->data.len, 8);
        assert_false(s->ended);
        peer_widen(p, s, 100);
        assert_int_equal(s->data.len, 25);
        assert_string_equal(s->grpc_status, "8");
        assert_string_equal(s->grpc_message, "too slow");
        assert_true(s->ended);
        assert_int_equal(svc.n_cancelled, 0);
        assert_int_equal(svc.n_drained, 0);
        assert_int_equal(p->memory.used, 0);
}

static void one_client_cannot_take_all_memory(void **state)
{
        AUTO_PEER struct peer *p = peer_new_window(1000);
        static const uint8_t ask[] = { 0, 0, 0, 0, 4, 0x18, 0xc0, 0x84, 0x3d }; /* 1,000,000 */
        unsigned refused = 0;

        (void)state;
        p->memory.max = 40 * 1000 * 1000;
        for (int i = 0; i < 20; i++)
                (void)peer_call(p, "/test.Test/Big", ask, sizeof(ask));
        peer_run(p);
        for (unsigned i = 0; i < p->n_streams; i++)
                refused += strcmp(p->streams[i].grpc_status, "8") == 0;
        assert_true(refused >= 10 && refused < 12);
        assert_true(p->memory.used <= 10 * 1000 * 1000);
}

static void reserve_is_filled_by_the_caller(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = peer_call(p, "/test.Test/Hold", empty, sizeof(empty));
        uint8_t *at;

        (void)state;
        peer_run(p);
        assert_int_equal(grpc_call_send_reserve(svc.call, 3, &at), GRPC_SEND_OK);
        memcpy(at, "abc", 3);
        assert_string_equal(grpc_call_method(svc.call)->name, "Hold");
        assert_true(grpc_call_deadline(svc.call) == INT64_MAX);
        grpc_call_finish(svc.call, GRPC_OK, "%s", "");
        peer_run(p);
        assert_int_equal(s->data.len, 8);
        assert_memory_equal(s->data.data, "\0\0\0\0\3abc", 8);
}

static void error_object_becomes_status_and_text(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = peer_call(p, "/test.Test/Hold", empty, sizeof(empty));
        struct err e;

        (void)state;
        peer_run(p);
        (void)err_set(&e, ERR_NOT_FOUND, 0, "no pod \"%s\"", "x");
        grpc_call_finish_err(svc.call, &e);
        peer_run(p);
        assert_string_equal(s->grpc_status, "5");
        assert_string_equal(s->grpc_message, "no pod \"x\"");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(late_answer_wakes_the_owner),
                cmocka_unit_test(subscriber_gets_headers_before_anything_happens),
                cmocka_unit_test(long_stream_pauses_and_goes_on),
                cmocka_unit_test(reader_that_stops_stops_the_handler_with_bounded_memory),
                cmocka_unit_test(sending_past_the_limit_is_refused),
                cmocka_unit_test(one_by_one_waits_until_each_reply_has_gone),
                cmocka_unit_test(status_follows_what_was_begun_once_the_client_reads_again),
                cmocka_unit_test(one_client_cannot_take_all_memory),
                cmocka_unit_test(reserve_is_filled_by_the_caller),
                cmocka_unit_test(error_object_becomes_status_and_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
