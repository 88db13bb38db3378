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
        { "compressed with gzip, corrupt", "/test.Test/Echo", "grpc-encoding", "gzip",
          BODY("\1\0\0\0\0"), 200, "13", "cannot decompress the request" },
        { "compressed with what we do not know", "/test.Test/Echo", "grpc-encoding", "zstd",
          BODY("\1\0\0\0\0"), 200, "12", "the request's compression is not supported" },
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

static void a_request_can_be_freed_before_the_end(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        static char text[20001];
        const uint8_t *frame;
        struct peer_stream *s;
        size_t len;

        (void)state;
        memset(text, 't', sizeof(text) - 1);
        frame = sample_frame(text, &len);
        s = peer_call(p, "/test.Test/Subscribe", frame, len);
        peer_run(p);
        assert_true(p->memory.used > 20000);
        grpc_call_free_request(svc.call);
        assert_true(p->memory.used < 4096);
        grpc_call_free_request(svc.call); /* once more changes nothing */
        grpc_call_finish(svc.call, GRPC_OK, "%s", "");
        peer_run(p);
        assert_string_equal(s->grpc_status, "0");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(conversations_end_as_the_table_says),
                cmocka_unit_test(refusal_before_the_request_is_complete_resets_without_error),
                cmocka_unit_test(cancellation_reaches_the_handler_once),
                cmocka_unit_test(deadline_in_the_middle_of_a_message_resets_the_stream),
                cmocka_unit_test(half_received_requests_are_charged),
                cmocka_unit_test(messages_flow_both_ways_in_a_bidirectional_call),
                cmocka_unit_test(a_request_can_be_freed_before_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
