/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/frame.h"
#include "grpc/gzip.h"
#include "peer.h"

enum { WINDOW = 65535, MESSAGES = 200, TEXT = 1000 };

/* MESSAGES frames of a kilobyte; to static storage. */
static const uint8_t *many_frames(size_t *ret_len)
{
        static uint8_t all[MESSAGES * (TEXT + 20)];
        char text[TEXT + 1];
        size_t one;
        const uint8_t *frame;

        memset(text, 'x', TEXT);
        text[TEXT] = '\0';
        frame = sample_frame(text, &one);
        for (size_t i = 0; i < MESSAGES; i++)
                memcpy(all + i * one, frame, one);
        *ret_len = MESSAGES * one;
        return all;
}

static struct peer_stream *chat(struct peer *p)
{
        struct peer_stream *s;
        size_t len;
        const uint8_t *frame = sample_frame("first", &len);

        s = peer_open(p, "/test.Test/Chat", frame, len);
        peer_run(p);
        assert_int_equal(svc.n_messages, 1);
        return s;
}

static void say(struct peer *p, struct peer_stream *s, const uint8_t *body, size_t len, bool end)
{
        s->body = body;
        s->body_len = len;
        s->keep_open = !end;
        assert_int_equal(nghttp2_session_resume_data(p->h2, s->id), 0);
        peer_run(p);
}

static void a_paused_stream_takes_no_more_than_its_window(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = chat(p);
        size_t len;
        const uint8_t *frames = many_frames(&len);

        (void)state;
        grpc_call_pause_receive(svc.call);
        say(p, s, frames, len, true);
        assert_int_equal(svc.n_messages, 1);
        assert_int_equal(svc.n_half_closed, 0);
        assert_true(len - s->body_len <= WINDOW);
        assert_true(p->memory.used <= 2 * WINDOW + 4096);
        for (int i = 0; i < 100 && svc.n_half_closed == 0; i++) {
                grpc_call_resume_receive(svc.call);
                peer_run(p);
        }
        assert_int_equal(svc.n_messages, 1 + MESSAGES);
        assert_int_equal(svc.n_half_closed, 1);
        peer_run(p);
        assert_string_equal(s->grpc_status, "0");
}

static void other_streams_go_on_while_one_is_paused(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = chat(p);
        size_t len, one;
        const uint8_t *frames = many_frames(&len);

        (void)state;
        grpc_call_pause_receive(svc.call);
        say(p, s, frames, len, true);
        for (int i = 0; i < 300; i++) { /* more than the connection's window together */
                const uint8_t *frame = sample_frame("another", &one);
                struct peer_stream *echo = peer_call(p, "/test.Test/Echo", frame, one);

                peer_run(p);
                assert_string_equal(echo->grpc_status, "0");
        }
        assert_int_equal(svc.n_messages, 1);
}

static void the_end_waits_as_well(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = chat(p);

        (void)state;
        grpc_call_pause_receive(svc.call);
        say(p, s, NULL, 0, true);
        assert_int_equal(svc.n_half_closed, 0);
        grpc_call_resume_receive(svc.call);
        assert_int_equal(svc.n_half_closed, 1);
        peer_run(p);
        assert_string_equal(s->grpc_status, "0");
}

static void a_call_that_ends_while_it_is_paused_leaves_nothing(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = chat(p);
        size_t len;
        const uint8_t *frames = many_frames(&len);

        (void)state;
        grpc_call_pause_receive(svc.call);
        say(p, s, frames, len, false);
        grpc_call_finish(svc.call, GRPC_ABORTED, "%s", "");
        peer_run(p);
        assert_string_equal(s->grpc_status, "10");
        assert_int_equal(p->memory.used, 0);
}

static void compressed_messages_are_expanded(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        uint8_t body[5000], plain[5000];
        size_t len, packed;
        char text[4001];
        const uint8_t *frame;
        struct peer_stream *s;

        (void)state;
        memset(text, 't', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        frame = sample_frame(text, &len);
        memcpy(plain, frame, len);
        packed = grpc_shrink(frame + GRPC_FRAME_HEAD, len - GRPC_FRAME_HEAD, body + GRPC_FRAME_HEAD,
                             sizeof(body) - GRPC_FRAME_HEAD);
        assert_true(packed > 0);
        grpc_frame_head(body, true, (uint32_t)packed);
        s = peer_call_with(p, "/test.Test/Echo", "grpc-encoding", "gzip", body,
                           GRPC_FRAME_HEAD + packed);
        peer_run(p);
        assert_string_equal(s->grpc_status, "0");
        assert_int_equal(s->data.len, len);
        assert_memory_equal(s->data.data, plain, len);
}

static void what_is_no_call_is_answered_after_it(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = peer_open_with(p, "/", ":method", "PUT", "body", 4);

        (void)state;
        peer_run(p);
        assert_int_equal(s->http_status, 0);
        say(p, s, NULL, 0, true);
        assert_int_equal(s->http_status, 405);
        assert_true(s->ended && s->data.len > 0);
        assert_int_equal(s->reset, NGHTTP2_NO_ERROR);
}

static void what_is_no_call_and_never_ends_is_answered_in_the_end(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = peer_open_with(p, "/", "content-type", "text/html", "body", 4);

        (void)state;
        peer_run(p);
        assert_int_equal(s->http_status, 0);
        p->now += 120 * NSEC_PER_SEC;
        grpc_session_tick(p->session, p->now);
        peer_run(p);
        assert_int_equal(s->http_status, 415);
        assert_true(s->closed);
}

static void an_answer_to_head_has_no_body(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = peer_call_with(p, "/", ":method", "HEAD", NULL, 0);

        (void)state;
        peer_run(p);
        assert_int_equal(s->http_status, 405);
        assert_true(s->ended);
        assert_int_equal(s->data.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_paused_stream_takes_no_more_than_its_window),
                cmocka_unit_test(other_streams_go_on_while_one_is_paused),
                cmocka_unit_test(the_end_waits_as_well),
                cmocka_unit_test(a_call_that_ends_while_it_is_paused_leaves_nothing),
                cmocka_unit_test(compressed_messages_are_expanded),
                cmocka_unit_test(what_is_no_call_is_answered_after_it),
                cmocka_unit_test(what_is_no_call_and_never_ends_is_answered_in_the_end),
                cmocka_unit_test(an_answer_to_head_has_no_body),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
