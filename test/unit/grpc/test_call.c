/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/call.h"

#include "peer.h"

static const uint8_t empty[5] = { 0 };

/* A conversation as bytes: what goes in as DATA, what status comes back. */
static const struct {
        const char *name;
        const char *path;
        const char *header, *value; /* NULL: the usual headers */
        const char *body;
        size_t body_len;
        unsigned http_status;
        const char *status, *message;
} answers[] = {
#define BODY(s) s, sizeof(s) - 1
        { "empty request", "/test.Test/Echo", 0, 0, BODY("\0\0\0\0\0"), 200, "0", "" },
        { "unknown method", "/test.Test/Nope", 0, 0, BODY("\0\0\0\0\0"), 200, "12",
          "unknown method Nope" },
        { "method names have a case", "/test.Test/echo", 0, 0, BODY("\0\0\0\0\0"), 200, "12",
          "unknown method echo" },
        { "unknown service", "/v1alpha.Nope/GetInfo", 0, 0, BODY("\0\0\0\0\0"), 200, "12",
          "unknown service v1alpha.Nope" },
        { "path without method", "/x", 0, 0, BODY("\0\0\0\0\0"), 200, "12",
          "malformed method name: \"/x\"" },
        { "no message", "/test.Test/Echo", 0, 0, BODY(""), 200, "12", "no request message" },
        { "two messages", "/test.Test/Echo", 0, 0, BODY("\0\0\0\0\0\0\0\0\0\0"), 200, "12",
          "more than one request message" },
        { "end within the prefix", "/test.Test/Echo", 0, 0, BODY("\0\0\0"), 200, "13",
          "the request ends within a message" },
        { "end within the message", "/test.Test/Echo", 0, 0, BODY("\0\0\0\0\x05xx"), 200, "13",
          "the request ends within a message" },
        { "undecodable", "/test.Test/Echo", 0, 0, BODY("\0\0\0\0\x02\x72\x7f"), 200, "13",
          "cannot decode the request: Sample.text: truncated" },
        { "not UTF-8", "/test.Test/Echo", 0, 0, BODY("\0\0\0\0\x04\x72\x02\xff\xfe"), 200, "13",
          "cannot decode the request: Sample.text: string is not UTF-8" },
        { "over the message limit", "/test.Test/Echo", 0, 0, BODY("\0\0\x40\0\x01"), 200, "8",
          "received message larger than max (4194305 vs. 4194304)" },
        { "compressed without encoding", "/test.Test/Echo", 0, 0, BODY("\1\0\0\0\0"), 200, "13",
          "compressed message without grpc-encoding" },
        { "compressed with identity", "/test.Test/Echo", "grpc-encoding", "identity",
          BODY("\1\0\0\0\0"), 200, "13", "compressed message without grpc-encoding" },
        { "compressed with gzip", "/test.Test/Echo", "grpc-encoding", "gzip", BODY("\1\0\0\0\0"),
          200, "12", "no message compression is supported" },
        { "gzip named, not used", "/test.Test/Echo", "grpc-encoding", "gzip", BODY("\0\0\0\0\0"),
          200, "0", "" },
        { "flag that does not exist", "/test.Test/Echo", 0, 0, BODY("\2\0\0\0\0"), 200, "13",
          "malformed message prefix" },
        { "malformed timeout", "/test.Test/Echo", "grpc-timeout", "1x", BODY("\0\0\0\0\0"), 200,
          "13", "malformed grpc-timeout" },
        { "timeout of nothing", "/test.Test/Hold", "grpc-timeout", "0m", BODY("\0\0\0\0\0"), 200,
          "4", "deadline exceeded" },
        { "content-type +proto", "/test.Test/Echo", "content-type", "application/grpc+proto",
          BODY("\0\0\0\0\0"), 200, "0", "" },
        { "content-type +json", "/test.Test/Echo", "content-type", "application/grpc+json",
          BODY("\0\0\0\0\0"), 415, "", "" },
        { "content-type of the web", "/test.Test/Echo", "content-type", "text/html", BODY("x"), 415,
          "", "" },
        { "no content-type", "/test.Test/Echo", "content-type", NULL, BODY("\0\0\0\0\0"), 415, "",
          "" },
        { "GET", "/test.Test/Echo", ":method", "GET", BODY(""), 405, "", "" },
        { "no reply of the method", "/test.Test/Mute", 0, 0, BODY("\0\0\0\0\0"), 200, "13",
          "the method gave no reply" },
        { "stream without a message", "/test.Test/MuteStream", 0, 0, BODY("\0\0\0\0\0"), 200, "0",
          "" },
        { "error with a text", "/test.Test/Refuse", 0, 0,
          BODY("\0\0\0\0\x0b\x08\x05\x72\x07"
               "a\xc3\xa9\n%z."),
          200, "5", "a%C3%A9%0A%25z." },
        { "error without a text", "/test.Test/Refuse", 0, 0, BODY("\0\0\0\0\x02\x08\x07"), 200, "7",
          "" },
};

static void conversations_end_as_the_table_says(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
                AUTO_PEER struct peer *p = peer_new();
                struct peer_stream *s =
                        peer_call_with(p, answers[i].path, answers[i].header, answers[i].value,
                                       answers[i].body, answers[i].body_len);

                peer_run(p);
                if (s->http_status != answers[i].http_status ||
                    strcmp(s->grpc_status, answers[i].status) != 0 ||
                    strcmp(s->grpc_message, answers[i].message) != 0)
                        fail_msg("%s: HTTP %u, status \"%s\", message \"%s\"", answers[i].name,
                                 s->http_status, s->grpc_status, s->grpc_message);
                assert_true(s->ended);
                assert_true(s->closed);
                assert_false(p->failed || p->goaway);
                assert_int_equal(grpc_session_calls(p->session), 0);
        }
}

static void refusal_before_the_request_is_complete_resets_without_error(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = peer_open(p, "/test.Test/Nope", empty, 3);

        (void)state;
        peer_run(p);
        assert_string_equal(s->grpc_status, "12");
        assert_true(s->ended && s->closed);
        assert_int_equal(s->reset, NGHTTP2_NO_ERROR);
        assert_int_equal(grpc_session_calls(p->session), 0);
}

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

static void cancellation_reaches_the_handler_once(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = peer_call(p, "/test.Test/Hold", empty, sizeof(empty));

        (void)state;
        peer_run(p);
        peer_reset(p, s, NGHTTP2_CANCEL);
        peer_run(p);
        assert_int_equal(svc.n_cancelled, 1);
        assert_int_equal(grpc_session_calls(p->session), 0);
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

static void deadline_in_the_middle_of_a_message_resets_the_stream(void **state)
{
        AUTO_PEER struct peer *p = peer_new_window(1000);
        static const uint8_t ask[] = { 0, 0, 0, 0, 3, 0x18, 0xa0, 0x1f };
        struct peer_stream *s =
                peer_call_with(p, "/test.Test/List", "grpc-timeout", "1S", ask, sizeof(ask));

        (void)state;
        peer_run(p);
        grpc_session_tick(p->session, p->now + NSEC_PER_SEC);
        peer_run(p);
        assert_true(s->closed);
        assert_string_equal(s->grpc_status, "");
        assert_int_equal(s->reset, NGHTTP2_CANCEL);
        assert_int_equal(svc.n_cancelled, 1);
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

static void half_received_requests_are_charged(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        static uint8_t body[300000] = { 0, 0, 0x10, 0, 0 }; /* says 1 MiB */
        struct peer_stream *s = peer_open(p, "/test.Test/Echo", body, sizeof(body));

        (void)state;
        p->memory.max = 800 * 1000;
        peer_run(p);
        assert_string_equal(s->grpc_status, "8");
        assert_int_equal(p->memory.used, 0);
}

static void messages_flow_both_ways_in_a_bidirectional_call(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        static const uint8_t two[10] = { 0 };
        struct peer_stream *s = peer_open(p, "/test.Test/Chat", two, sizeof(two));

        (void)state;
        peer_run(p);
        assert_int_equal(svc.n_messages, 2);
        assert_int_equal(s->data.len, 10); /* answered while the request is open */
        assert_false(s->ended);
        s->body = two;
        s->body_len = 5;
        s->keep_open = false;
        assert_int_equal(nghttp2_session_resume_data(p->h2, s->id), 0);
        peer_run(p);
        assert_int_equal(svc.n_messages, 3);
        assert_int_equal(svc.n_half_closed, 1);
        assert_int_equal(s->data.len, 15);
        assert_string_equal(s->grpc_status, "0");
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
                cmocka_unit_test(conversations_end_as_the_table_says),
                cmocka_unit_test(refusal_before_the_request_is_complete_resets_without_error),
                cmocka_unit_test(late_answer_wakes_the_owner),
                cmocka_unit_test(cancellation_reaches_the_handler_once),
                cmocka_unit_test(subscriber_gets_headers_before_anything_happens),
                cmocka_unit_test(long_stream_pauses_and_goes_on),
                cmocka_unit_test(reader_that_stops_stops_the_handler_with_bounded_memory),
                cmocka_unit_test(deadline_in_the_middle_of_a_message_resets_the_stream),
                cmocka_unit_test(sending_past_the_limit_is_refused),
                cmocka_unit_test(one_client_cannot_take_all_memory),
                cmocka_unit_test(half_received_requests_are_charged),
                cmocka_unit_test(messages_flow_both_ways_in_a_bidirectional_call),
                cmocka_unit_test(reserve_is_filled_by_the_caller),
                cmocka_unit_test(error_object_becomes_status_and_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
