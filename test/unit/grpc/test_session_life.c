/* SPDX-License-Identifier: Apache-2.0 */
/* How a session ends: by its clocks, by what the client does too often or too slowly. */
#include "grpc/session.h"

#include "peer.h"

static const uint8_t empty[5] = { 0 };

static void tick(struct peer *p, nsec span)
{
        p->now += span;
        grpc_session_tick(p->session, p->now);
        peer_run(p);
}

/* The call that is held. */
static void answer(void)
{
        Sample__Sample reply = SAMPLE__SAMPLE__INIT;

        assert_non_null(svc.call);
        grpc_call_reply(svc.call, &reply.base);
}

static void ping(struct peer *p)
{
        assert_int_equal(nghttp2_submit_ping(p->h2, 0, NULL), 0);
        peer_run(p);
}

static void eager_pings_end_the_connection(void **state)
{
        AUTO_PEER struct peer *p = peer_new();

        (void)state;
        peer_run(p);
        for (int i = 0; i < 3; i++) /* the first is fine, and two mistakes are */
                ping(p);
        assert_false(p->goaway);
        assert_true(grpc_session_alive(p->session));
        ping(p);
        assert_true(p->goaway);
        assert_int_equal(p->goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
        assert_string_equal(p->goaway_debug, "too_many_pings");
        assert_false(grpc_session_alive(p->session));
        assert_int_equal(grpc_session_end(p->session), GRPC_END_PINGS);
        assert_int_equal(p->stats.pings_received, 4);
        assert_int_equal(p->stats.goaways_sent, 1);
}

static void pings_between_answers_are_welcome(void **state)
{
        AUTO_PEER struct peer *p = peer_new();

        (void)state;
        for (int i = 0; i < 50; i++) {
                struct peer_stream *s = peer_call(p, "/test.Test/Echo", empty, sizeof(empty));

                peer_run(p);
                assert_string_equal(s->grpc_status, "0");
                ping(p);
                ping(p);
        }
        assert_false(p->goaway);
}

static void idle_connection_is_ended_politely(void **state)
{
        AUTO_PEER struct peer *p = peer_new_keepalive(
                &(struct grpc_keepalive_config){ .max_idle = 60 * NSEC_PER_SEC });
        struct peer_stream *s;

        (void)state;
        peer_run(p);
        assert_int_equal(grpc_session_deadline(p->session), p->now + 60 * NSEC_PER_SEC);
        p->now += 50 * NSEC_PER_SEC;
        s = peer_call(p, "/test.Test/Hold", empty, sizeof(empty));
        peer_run(p);
        tick(p, 50 * NSEC_PER_SEC);
        assert_false(p->goaway); /* a call runs */
        answer();
        peer_run(p);
        assert_true(s->closed);
        tick(p, 59 * NSEC_PER_SEC);
        assert_false(p->goaway);
        tick(p, 10 * NSEC_PER_SEC);
        assert_true(p->goaway);
        assert_int_equal(p->goaway_error, NGHTTP2_NO_ERROR);
        assert_int_equal(p->goaway_last, s->id);
        assert_false(grpc_session_alive(p->session));
        assert_int_equal(grpc_session_end(p->session), GRPC_END_IDLE);
}

static void old_connection_gets_no_new_calls_and_then_no_more_time(void **state)
{
        AUTO_PEER struct peer *p = peer_new_keepalive(&(struct grpc_keepalive_config){
                .max_age = 60 * NSEC_PER_SEC, .max_age_grace = 5 * NSEC_PER_SEC });
        struct peer_stream *s;

        (void)state;
        s = peer_call(p, "/test.Test/Hold", empty, sizeof(empty));
        peer_run(p);
        tick(p, 60 * NSEC_PER_SEC);
        assert_true(p->goaway);
        assert_int_equal(p->goaway_last, s->id);
        assert_true(grpc_session_alive(p->session)); /* the call may end */
        assert_int_equal(grpc_session_end(p->session), GRPC_END_AGE);
        assert_int_equal(grpc_session_deadline(p->session), p->now + 5 * NSEC_PER_SEC);
        tick(p, 5 * NSEC_PER_SEC);
        assert_false(grpc_session_alive(p->session));
}

static void silent_client_is_pinged_and_dropped(void **state)
{
        AUTO_PEER struct peer *p = peer_new_keepalive(&(struct grpc_keepalive_config){
                .ping_after = 60 * NSEC_PER_SEC, .ping_timeout = 5 * NSEC_PER_SEC });
        uint8_t out[GRPC_SESSION_SEND_MIN];

        (void)state;
        peer_run(p);
        tick(p, 60 * NSEC_PER_SEC); /* the client answers */
        assert_int_equal(grpc_session_deadline(p->session), p->now + 60 * NSEC_PER_SEC);
        p->now += 60 * NSEC_PER_SEC;
        grpc_session_tick(p->session, p->now);
        assert_int_equal(grpc_session_send(p->session, out, sizeof(out)), 17); /* and now not */
        assert_int_equal(out[3], NGHTTP2_PING);
        p->now += 5 * NSEC_PER_SEC;
        grpc_session_tick(p->session, p->now);
        assert_false(grpc_session_alive(p->session));
        assert_int_equal(grpc_session_end(p->session), GRPC_END_KEEPALIVE);
}

static void client_that_ignores_our_settings_is_told(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        static const uint8_t hello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
        uint8_t out[GRPC_SESSION_SEND_MIN];
        size_t n;

        (void)state;
        peer_raw(p, hello, sizeof(hello) - 1);
        while (grpc_session_send(p->session, out, sizeof(out)) > 0)
                ;
        assert_int_equal(grpc_session_deadline(p->session), p->now + 20 * NSEC_PER_SEC);
        grpc_session_tick(p->session, p->now + 20 * NSEC_PER_SEC);
        n = grpc_session_send(p->session, out, sizeof(out));
        assert_true(n >= 17);
        assert_int_equal(out[3], NGHTTP2_GOAWAY);
        assert_int_equal(out[16], NGHTTP2_SETTINGS_TIMEOUT);
        while (grpc_session_send(p->session, out, sizeof(out)) > 0)
                ;
        assert_false(grpc_session_alive(p->session));
        assert_int_equal(grpc_session_end(p->session), GRPC_END_SETTINGS_TIME);
}

static void request_that_does_not_go_on_is_refused(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        static const uint8_t half[] = { 0, 0, 0, 0, 9, 1, 2, 3 };
        struct peer_stream *stuck = peer_open(p, "/test.Test/Echo", half, sizeof(half));
        struct peer_stream *bare = peer_open(p, "/test.Test/Echo", NULL, 0);
        struct peer_stream *pausing = peer_open(p, "/test.Test/Chat", empty, sizeof(empty));
        struct peer_stream *partial = peer_open(p, "/test.Test/Chat", half, sizeof(half));
        struct peer_stream *answered = peer_call(p, "/test.Test/Hold", empty, sizeof(empty));

        (void)state;
        peer_run(p);
        assert_int_equal(grpc_session_deadline(p->session), p->now + 60 * NSEC_PER_SEC);
        tick(p, 59 * NSEC_PER_SEC);
        assert_false(stuck->closed);
        tick(p, NSEC_PER_SEC);
        assert_string_equal(stuck->grpc_status, "4");
        assert_string_equal(stuck->grpc_message, "the request did not arrive in time");
        assert_string_equal(bare->grpc_status, "4");
        assert_string_equal(partial->grpc_status, "4");
        assert_false(pausing->closed); /* it owes nothing */
        assert_false(answered->closed);
        assert_true(grpc_session_alive(p->session));
}

static void request_that_trickles_is_not_refused(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        static const uint8_t head[] = { 0, 0, 0, 0, 100 };
        struct peer_stream *s = peer_open(p, "/test.Test/Echo", head, sizeof(head));

        (void)state;
        peer_run(p);
        for (int i = 0; i < 10; i++) {
                static const uint8_t byte[] = { 0 };

                p->now += 50 * NSEC_PER_SEC;
                s->body = byte;
                s->body_len = 1;
                assert_int_equal(nghttp2_session_resume_data(p->h2, s->id), 0);
                peer_run(p);
                grpc_session_tick(p->session, p->now);
        }
        assert_false(s->closed);
}

/* A frame of @type for stream @id with @len bytes of @payload, straight to the session. */
static void raw_frame(struct peer *p, uint8_t type, uint8_t flags, uint8_t id, const void *payload,
                      uint8_t len)
{
        uint8_t frame[9 + 255] = { 0, 0, len, type, flags, 0, 0, 0, id };

        if (len > 0)
                memcpy(frame + 9, payload, len);
        peer_raw(p, frame, 9u + len);
}

/* :method POST, :scheme http, :path / by HPACK's static table (RFC 7541 appendix A). */
static const uint8_t small_head[] = { 0x83, 0x86, 0x84 };

static void header_block_that_never_ends_ends_the_connection(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        uint8_t out[GRPC_SESSION_SEND_MIN];

        (void)state;
        peer_run(p);
        raw_frame(p, NGHTTP2_HEADERS, 0, 1, small_head, sizeof(small_head));
        grpc_session_tick(p->session, p->now + 60 * NSEC_PER_SEC);
        while (grpc_session_send(p->session, out, sizeof(out)) > 0)
                ;
        assert_false(grpc_session_alive(p->session));
        assert_int_equal(grpc_session_end(p->session), GRPC_END_STALLED);
}

static void stream_id_that_was_skipped_is_an_error(void **state)
{
        AUTO_PEER struct peer *p = peer_new();

        (void)state;
        assert_int_equal(nghttp2_session_set_next_stream_id(p->h2, 5), 0);
        (void)peer_call(p, "/test.Test/Hold", empty, sizeof(empty));
        peer_run(p);
        assert_false(p->goaway);
        raw_frame(p, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 3, small_head, sizeof(small_head));
        peer_run(p);
        assert_true(p->goaway);
        assert_int_equal(p->goaway_error, NGHTTP2_PROTOCOL_ERROR);
        assert_int_equal(grpc_session_end(p->session), GRPC_END_PROTOCOL);
        assert_false(grpc_session_alive(p->session));
}

static void calls_that_sit_on_memory_give_it_back(void **state)
{
        AUTO_PEER struct peer *p = peer_new_window(100);
        static const uint8_t ask[] = {
                0, 0, 0, 0, 4, 0x18, 0xc0, 0x84, 0x3d
        }; /* u32 = 1,000,000 */
        struct peer_stream *s = peer_call(p, "/test.Test/Big", ask, sizeof(ask));

        (void)state;
        peer_run(p);
        assert_true(p->memory.used >= 999000);
        assert_int_equal(grpc_session_shed(p->session, p->now), 0); /* it moved just now */
        p->now += 60 * NSEC_PER_SEC;
        assert_int_equal(grpc_session_shed(p->session, p->now), 1);
        peer_run(p);
        assert_true(s->closed);
        assert_int_equal(s->reset, NGHTTP2_CANCEL);
        assert_int_equal(p->memory.used, 0);
}

static void streams_and_resets_are_counted(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = peer_call(p, "/test.Test/Hold", empty, sizeof(empty));

        (void)state;
        (void)peer_call(p, "/test.Test/Echo", empty, sizeof(empty));
        peer_run(p);
        assert_int_equal(p->stats.streams, 1);
        assert_int_equal(p->stats.streams_opened, 2);
        peer_reset(p, s, NGHTTP2_CANCEL);
        peer_run(p);
        assert_int_equal(p->stats.streams, 0);
        assert_int_equal(p->stats.resets_received, 1);
        assert_int_equal(p->stats.resets_sent, 0);
}

static void streams_after_the_final_goaway_are_not_served(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *held = peer_call(p, "/test.Test/Hold", empty, sizeof(empty));
        unsigned before;

        (void)state;
        peer_run(p);
        grpc_session_drain(p->session, GRPC_END_STOP, p->now);
        peer_run(p);
        assert_int_equal(p->goaway_last, held->id);
        before = svc.n_calls;
        /* By hand: no client library would. HPACK goes on to be decoded. */
        raw_frame(p, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
                  (uint8_t)(held->id + 2), small_head, sizeof(small_head));
        peer_run(p);
        assert_int_equal(svc.n_calls, before);
        assert_int_equal(grpc_session_calls(p->session), 1);
        answer();
        peer_run(p);
        assert_string_equal(held->grpc_status, "0");
        assert_false(grpc_session_alive(p->session));
}

static void calls_between_the_two_goaways_are_served(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s;

        (void)state;
        peer_run(p);
        p->blocked = true; /* the notice is under way */
        grpc_session_drain(p->session, GRPC_END_STOP, p->now);
        s = peer_call(p, "/test.Test/Echo", empty, sizeof(empty));
        peer_run(p);
        p->blocked = false;
        peer_run(p);
        assert_string_equal(s->grpc_status, "0");
        assert_int_equal(p->goaway_last, s->id);
        assert_false(grpc_session_alive(p->session));
        assert_int_equal(grpc_session_end(p->session), GRPC_END_STOP);
        assert_int_equal(p->stats.goaways_sent, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(eager_pings_end_the_connection),
                cmocka_unit_test(pings_between_answers_are_welcome),
                cmocka_unit_test(idle_connection_is_ended_politely),
                cmocka_unit_test(old_connection_gets_no_new_calls_and_then_no_more_time),
                cmocka_unit_test(silent_client_is_pinged_and_dropped),
                cmocka_unit_test(client_that_ignores_our_settings_is_told),
                cmocka_unit_test(request_that_does_not_go_on_is_refused),
                cmocka_unit_test(request_that_trickles_is_not_refused),
                cmocka_unit_test(header_block_that_never_ends_ends_the_connection),
                cmocka_unit_test(stream_id_that_was_skipped_is_an_error),
                cmocka_unit_test(calls_that_sit_on_memory_give_it_back),
                cmocka_unit_test(streams_and_resets_are_counted),
                cmocka_unit_test(streams_after_the_final_goaway_are_not_served),
                cmocka_unit_test(calls_between_the_two_goaways_are_served),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
