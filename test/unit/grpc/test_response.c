/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of an answer, as they go over the wire. */
#include "peer.h"

static const uint8_t empty[5] = { 0 };

struct frames {
        uint8_t types[32];
        uint8_t flags[32];
        size_t lengths[32];
        unsigned n;
};

/* What the session sends for a call, without SETTINGS and WINDOW_UPDATE. */
static struct frames answer(const char *path, const char *name, const char *value, const void *body,
                            size_t len)
{
        AUTO_PEER struct peer *p = peer_new();
        static uint8_t out[64 * 1024];
        struct frames f = { 0 };
        const uint8_t *data;
        ssize_t n;

        (void)peer_call_with(p, path, name, value, body, len);
        while ((n = nghttp2_session_mem_send(p->h2, &data)) > 0)
                peer_raw(p, data, (size_t)n);
        n = (ssize_t)grpc_session_send(p->session, out, sizeof(out));
        for (size_t at = 0; at + 9 <= (size_t)n;) {
                size_t length = (size_t)out[at] << 16 | (size_t)out[at + 1] << 8 | out[at + 2];

                if (out[at + 3] != NGHTTP2_SETTINGS && out[at + 3] != NGHTTP2_WINDOW_UPDATE) {
                        assert_true(f.n < 32);
                        f.types[f.n] = out[at + 3];
                        f.flags[f.n] = out[at + 4];
                        f.lengths[f.n++] = length;
                }
                at += 9 + length;
        }
        return f;
}

static void reply_is_headers_data_trailers_and_nothing_else(void **state)
{
        struct frames f = answer("/test.Test/Echo", NULL, NULL, empty, sizeof(empty));

        (void)state;
        assert_int_equal(f.n, 3);
        assert_int_equal(f.types[0], NGHTTP2_HEADERS);
        assert_int_equal(f.flags[0], NGHTTP2_FLAG_END_HEADERS);
        assert_int_equal(f.types[1], NGHTTP2_DATA);
        assert_int_equal(f.flags[1], 0);
        assert_int_equal(f.lengths[1], 5);
        assert_int_equal(f.types[2], NGHTTP2_HEADERS);
        assert_int_equal(f.flags[2], NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM);
}

static void error_is_one_header_block(void **state)
{
        struct frames f = answer("/test.Test/Nope", NULL, NULL, empty, sizeof(empty));

        (void)state;
        assert_int_equal(f.n, 1);
        assert_int_equal(f.types[0], NGHTTP2_HEADERS);
        assert_int_equal(f.flags[0], NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM);
}

static void http_error_has_a_small_body(void **state)
{
        struct frames f =
                answer("/test.Test/Echo", "content-type", "text/plain", empty, sizeof(empty));

        (void)state;
        assert_int_equal(f.n, 2);
        assert_int_equal(f.types[0], NGHTTP2_HEADERS);
        assert_int_equal(f.flags[0], NGHTTP2_FLAG_END_HEADERS);
        assert_int_equal(f.types[1], NGHTTP2_DATA);
        assert_int_equal(f.flags[1], NGHTTP2_FLAG_END_STREAM);
        assert_true(f.lengths[1] > 0 && f.lengths[1] < 100);
}

static void many_small_replies_share_data_frames(void **state)
{
        static const uint8_t ask[] = { 0, 0, 0, 0, 2, 0x18, 40 }; /* 40 replies of 1008 bytes */
        struct frames f = answer("/test.Test/List", NULL, NULL, ask, sizeof(ask));

        (void)state;
        assert_int_equal(f.n, 5);
        assert_int_equal(f.lengths[1], 16384);
        assert_int_equal(f.lengths[2], 16384);
        assert_int_equal(f.lengths[3], 40 * 1008 - 2 * 16384);
        assert_int_equal(f.types[4], NGHTTP2_HEADERS);
}

static void refused_compression_says_what_is_accepted(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s =
                peer_call_with(p, "/test.Test/Echo", "grpc-encoding", "zstd", "\1\0\0\0\0", 5);

        (void)state;
        peer_run(p);
        assert_string_equal(s->grpc_status, "12");
        assert_string_equal(s->accept_encoding, "identity,deflate,gzip");
}

static void http_errors_name_type_and_method(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = peer_call_with(p, "/test.Test/Echo", ":method", "GET", NULL, 0);

        (void)state;
        peer_run(p);
        assert_int_equal(s->http_status, 405);
        assert_string_equal(s->content_type, "text/plain");
        assert_string_equal(s->grpc_status, "");
        assert_int_equal(p->memory.used, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reply_is_headers_data_trailers_and_nothing_else),
                cmocka_unit_test(error_is_one_header_block),
                cmocka_unit_test(http_error_has_a_small_body),
                cmocka_unit_test(many_small_replies_share_data_frames),
                cmocka_unit_test(refused_compression_says_what_is_accepted),
                cmocka_unit_test(http_errors_name_type_and_method),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
