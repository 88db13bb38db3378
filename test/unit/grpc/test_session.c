/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/session.h"

#include "peer.h"

static const uint8_t empty[5] = { 0 };

static void unary_call_has_headers_data_and_trailers(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        size_t len;
        const uint8_t *frame = sample_frame("hello", &len);
        struct peer_stream *s = peer_call(p, "/test.Test/Echo", frame, len);

        (void)state;
        peer_run(p);
        assert_int_equal(s->http_status, 200);
        assert_string_equal(s->content_type, "application/grpc");
        assert_string_equal(s->grpc_status, "0");
        assert_string_equal(s->grpc_message, "");
        assert_int_equal(s->n_header_blocks, 2);
        assert_int_equal(s->data.len, len);
        assert_memory_equal(s->data.data, frame, len);
        assert_true(s->ended && s->closed);
        assert_int_equal(s->reset, NGHTTP2_NO_ERROR);
        assert_int_equal(grpc_session_calls(p->session), 0);
        assert_true(grpc_session_established(p->session));
}

static void request_split_at_every_byte_is_the_same_request(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        size_t len;
        const uint8_t *frame = sample_frame("split", &len);
        struct peer_stream *s = peer_call(p, "/test.Test/Echo", frame, len);
        const uint8_t *data;
        ssize_t n;

        (void)state;
        while ((n = nghttp2_session_mem_send(p->h2, &data)) > 0)
                for (ssize_t i = 0; i < n; i++)
                        peer_raw(p, data + i, 1);
        peer_run(p);
        assert_string_equal(s->grpc_status, "0");
        assert_int_equal(s->data.len, len);
}

static void many_calls_at_once_are_each_answered(void **state)
{
        AUTO_PEER struct peer *p = peer_new();

        (void)state;
        for (int round = 0; round < 5; round++) {
                for (unsigned i = 0; i < LIMIT_GRPC_STREAMS; i++)
                        (void)peer_call(p, "/test.Test/Echo", empty, sizeof(empty));
                peer_run(p);
        }
        for (unsigned i = 0; i < p->n_streams; i++)
                assert_string_equal(p->streams[i].grpc_status, "0");
        assert_int_equal(svc.n_calls, 5 * LIMIT_GRPC_STREAMS);
}

static void streams_over_the_limit_are_refused(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        unsigned refused = 0;

        (void)state;
        p->blocked = true; /* the client does not read, so it has not heard of the limit */
        for (unsigned i = 0; i < LIMIT_GRPC_STREAMS + 50; i++)
                (void)peer_call(p, "/test.Test/Hold", empty, sizeof(empty));
        peer_run(p);
        p->blocked = false;
        peer_run(p);
        for (unsigned i = 0; i < p->n_streams; i++)
                refused += p->streams[i].reset == NGHTTP2_REFUSED_STREAM;
        assert_int_equal(refused + svc.n_calls, LIMIT_GRPC_STREAMS + 50);
        assert_true(svc.n_calls <= LIMIT_GRPC_STREAMS);
        assert_false(p->goaway);
}

static void rapid_reset_ends_the_connection(void **state)
{
        AUTO_PEER struct peer *p = peer_new();

        (void)state;
        peer_run(p);
        for (unsigned i = 0; i < PEER_STREAMS && !p->goaway; i++) {
                struct peer_stream *s = peer_call(p, "/test.Test/Hold", empty, sizeof(empty));

                peer_run(p);
                peer_reset(p, s, NGHTTP2_CANCEL);
                peer_run(p);
        }
        assert_true(p->goaway);
        assert_true(svc.n_calls < 600);
        assert_int_equal(svc.n_cancelled, svc.n_calls);
        assert_false(grpc_session_alive(p->session));
}

static void streams_the_server_is_made_to_reset_are_limited_too(void **state)
{
        AUTO_PEER struct peer *p = peer_new();

        (void)state;
        peer_run(p);
        for (unsigned i = 0; i < PEER_STREAMS && !p->goaway; i++) {
                struct peer_stream *s = peer_open(p, "/test.Test/Echo", NULL, 0);
                uint8_t zero_window_update[] = { 0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

                peer_run(p);
                zero_window_update[5] = (uint8_t)(s->id >> 24);
                zero_window_update[6] = (uint8_t)(s->id >> 16);
                zero_window_update[7] = (uint8_t)(s->id >> 8);
                zero_window_update[8] = (uint8_t)s->id;
                peer_raw(p, zero_window_update, sizeof(zero_window_update));
                peer_run(p);
        }
        assert_true(p->goaway);
}

static void settings_that_make_a_window_too_large_end_the_connection(void **state)
{
        static const uint8_t widen[] = { 0, 0, 4, 8, 0, 0, 0, 0, 1, 0x7f, 0xff, 0, 0 };
        nghttp2_settings_entry window = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65535 };
        AUTO_PEER struct peer *p = peer_new();

        (void)state;
        (void)peer_open(p, "/test.Test/Echo", NULL, 0);
        peer_run(p);
        /* 65535 + 0x7fff0000 is all there can be. */
        peer_raw(p, widen, sizeof(widen));
        assert_int_equal(nghttp2_submit_settings(p->h2, 0, &window, 1), 0);
        peer_run(p);
        assert_false(p->goaway);
        window.value++;
        assert_int_equal(nghttp2_submit_settings(p->h2, 0, &window, 1), 0);
        peer_run(p);
        assert_true(p->goaway);
        assert_int_equal(p->goaway_error, NGHTTP2_FLOW_CONTROL_ERROR);
}

static void settings_flood_is_stopped_while_nobody_reads(void **state)
{
        static const uint8_t settings[9] = { 0, 0, 0, 4, 0 };
        AUTO_PEER struct peer *p = peer_new();
        unsigned n = 0;

        (void)state;
        peer_run(p);
        while (!p->failed && n++ < 5000)
                peer_raw(p, settings, sizeof(settings));
        assert_true(p->failed);
        assert_true(n < 2000);
}

static void bytes_that_are_not_http2_end_the_session(void **state)
{
        AUTO_PEER struct peer *p = peer_new();

        (void)state;
        peer_raw(p, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
        assert_true(p->failed);
        assert_false(grpc_session_alive(p->session));
        assert_false(grpc_session_established(p->session));
}

static void header_list_over_the_limit_is_refused_not_fatal(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        static char large[9000];
        struct peer_stream *s, *after;

        (void)state;
        memset(large, 'v', sizeof(large) - 1);
        s = peer_call_with(p, "/test.Test/Echo", "x-large", large, empty, sizeof(empty));
        peer_run(p);
        assert_string_equal(s->grpc_status, "8");
        after = peer_call(p, "/test.Test/Echo", empty, sizeof(empty));
        peer_run(p);
        assert_string_equal(after->grpc_status, "0");
}

static void deadline_is_reported_and_expires_the_call(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *later, *first;

        (void)state;
        later = peer_call_with(p, "/test.Test/Hold", "grpc-timeout", "5S", empty, sizeof(empty));
        peer_run(p);
        assert_int_equal(grpc_session_deadline(p->session), p->now + 5 * NSEC_PER_SEC);
        first = peer_call_with(p, "/test.Test/Hold", "grpc-timeout", "100m", empty, sizeof(empty));
        peer_run(p);
        assert_int_equal(grpc_session_deadline(p->session), p->now + 100 * NSEC_PER_MSEC);

        p->now += 100 * NSEC_PER_MSEC;
        grpc_session_tick(p->session, p->now);
        peer_run(p);
        assert_string_equal(first->grpc_status, "4");
        assert_int_equal(first->n_header_blocks, 1);
        assert_false(later->closed);
        assert_int_equal(svc.n_cancelled, 1);
        assert_int_equal(grpc_session_deadline(p->session), p->now + 4900 * NSEC_PER_MSEC);
}

static void drain_lets_calls_end_and_then_closes(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *held = peer_call(p, "/test.Test/Hold", empty, sizeof(empty));
        Sample__Sample reply = SAMPLE__SAMPLE__INIT;

        (void)state;
        peer_run(p);
        grpc_session_drain(p->session, GRPC_END_STOP, p->now);
        peer_run(p);
        assert_true(p->goaway);
        assert_int_equal(p->goaway_error, NGHTTP2_NO_ERROR);
        assert_int_equal(p->goaway_last, held->id);
        assert_true(grpc_session_alive(p->session));
        assert_non_null(svc.call);
        grpc_call_reply(svc.call, &reply.base);
        assert_true(p->outputs > 0);
        peer_run(p);
        assert_string_equal(held->grpc_status, "0");
        assert_false(grpc_session_alive(p->session));
}

static void drain_does_not_wait_for_a_client_that_answers_no_ping(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        uint8_t out[64 * 1024];

        (void)state;
        peer_run(p);
        grpc_session_drain(p->session, GRPC_END_STOP, p->now);
        assert_true(grpc_session_send(p->session, out, sizeof(out)) > 0);
        assert_int_equal(grpc_session_deadline(p->session), p->now + NSEC_PER_SEC / 2);
        grpc_session_tick(p->session, p->now + NSEC_PER_SEC / 2);
        while (grpc_session_send(p->session, out, sizeof(out)) > 0)
                ;
        assert_false(grpc_session_alive(p->session));
}

static void free_cancels_what_is_in_progress(void **state)
{
        AUTO_PEER struct peer *p = peer_new();

        (void)state;
        (void)peer_call(p, "/test.Test/Hold", empty, sizeof(empty));
        (void)peer_call(p, "/test.Test/Subscribe", empty, sizeof(empty));
        peer_run(p);
        peer_freep(&p);
        p = NULL;
        assert_int_equal(svc.n_cancelled, 2);
}

static void small_output_buffer_loses_nothing(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        static uint8_t out[GRPC_SESSION_SEND_MIN];
        static const uint8_t ask[] = {
                0, 0, 0, 0, 4, 0x18, 0xc0, 0x84, 0x3d
        }; /* u32 = 1,000,000 */
        struct peer_stream *s = peer_call(p, "/test.Test/Big", ask, sizeof(ask));
        const uint8_t *data;
        ssize_t n;

        (void)state;
        for (int i = 0; i < 1000 && !s->closed; i++) {
                size_t len;

                while ((n = nghttp2_session_mem_send(p->h2, &data)) > 0)
                        peer_raw(p, data, (size_t)n);
                len = grpc_session_send(p->session, out, sizeof(out));
                assert_int_equal(nghttp2_session_mem_recv(p->h2, out, len), len);
        }
        assert_string_equal(s->grpc_status, "0");
        assert_int_equal(s->data.len, 1000005);
        assert_int_equal(s->data.data[1000004], 'b');
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(unary_call_has_headers_data_and_trailers),
                cmocka_unit_test(request_split_at_every_byte_is_the_same_request),
                cmocka_unit_test(many_calls_at_once_are_each_answered),
                cmocka_unit_test(streams_over_the_limit_are_refused),
                cmocka_unit_test(rapid_reset_ends_the_connection),
                cmocka_unit_test(streams_the_server_is_made_to_reset_are_limited_too),
                cmocka_unit_test(settings_that_make_a_window_too_large_end_the_connection),
                cmocka_unit_test(settings_flood_is_stopped_while_nobody_reads),
                cmocka_unit_test(bytes_that_are_not_http2_end_the_session),
                cmocka_unit_test(header_list_over_the_limit_is_refused_not_fatal),
                cmocka_unit_test(deadline_is_reported_and_expires_the_call),
                cmocka_unit_test(drain_lets_calls_end_and_then_closes),
                cmocka_unit_test(drain_does_not_wait_for_a_client_that_answers_no_ping),
                cmocka_unit_test(free_cancels_what_is_in_progress),
                cmocka_unit_test(small_output_buffer_loses_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
