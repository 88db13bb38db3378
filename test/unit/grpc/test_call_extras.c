/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers can do beside replying: metadata, details, compression, shared replies; and observers. */
#include "grpc/base64.h"
#include "grpc/frame.h"
#include "grpc/gzip.h"
#include "peer.h"

static const uint8_t empty[5] = { 0 };

#define FIELD(n, v)                                                                                \
        {                                                                                          \
                (uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), sizeof(n) - 1,               \
                        sizeof(v) - 1, 0                                                           \
        }

static struct peer_stream *act(struct peer *p, void (*what)(struct grpc_call *call))
{
        struct peer_stream *s;

        svc.act = what;
        s = peer_call(p, "/test.Test/Act", empty, sizeof(empty));
        peer_run(p);
        return s;
}

static bool has_line(const struct peer_stream *s, const char *line)
{
        const char *at = strstr(buf_str(&s->fields), line);

        return at && at[strlen(line)] == '\n';
}

/* Every field back: in front when its key has an "i", behind otherwise. */
static void give_back(struct grpc_call *call)
{
        Sample__Sample m = SAMPLE__SAMPLE__INIT;
        struct grpc_metadatum f;

        for (size_t i = 0; grpc_call_metadata_at(call, i, &f); i++)
                assert_true((strchr(f.key, 'i') ? grpc_call_add_header : grpc_call_add_trailer)(
                        call, f.key, f.value, f.len));
        grpc_call_reply(call, &m.base);
}

static void metadata_goes_there_and_back(void **state)
{
        static const nghttp2_nv more[] = {
                FIELD("x-initial", "one"),      FIELD("y", "a"),
                FIELD("x-initial", "two"),      FIELD("z-bin", "AAEC/w=="),
                FIELD("z-bin", "AA,AQ"),        FIELD("y", "caf\xc3\xa9, b"),
                FIELD("grpc-previous", "mine"),
        };
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s;

        (void)state;
        p->more = more;
        p->n_more = ARRAY_LEN(more);
        s = act(p, give_back);
        assert_string_equal(s->grpc_status, "0");
        /* "-bin" has an "i" too. */
        assert_string_equal(buf_str(&s->fields), "1 :status: 200\n"
                                                 "1 content-type: application/grpc\n"
                                                 "1 x-initial: one\n"
                                                 "1 x-initial: two\n"
                                                 "1 z-bin: AAEC/w\n"
                                                 "1 z-bin: AA\n"
                                                 "1 z-bin: AQ\n"
                                                 "2 grpc-status: 0\n"
                                                 "2 y: a\n"
                                                 "2 y: caf\xc3\xa9, b\n");
}

static void look_up(struct grpc_call *call)
{
        size_t len = 99;

        assert_memory_equal(grpc_call_metadata(call, "z-bin", &len), "\0\1", 3);
        assert_int_equal(len, 2);
        assert_string_equal(grpc_call_metadata(call, "user-agent", NULL), "test/1");
        assert_null(grpc_call_metadata(call, "Z-Bin", NULL));
        assert_null(grpc_call_metadata(call, "te", NULL));
        assert_null(grpc_call_metadata(call, "grpc-timeout", NULL));
        grpc_call_finish(call, GRPC_ABORTED, "%s", "");
}

static void values_are_found_by_key(void **state)
{
        static const nghttp2_nv more[] = { FIELD("user-agent", "test/1"), FIELD("z-bin", "AAE"),
                                           FIELD("z-bin", "AAEC"), FIELD("grpc-timeout", "1H") };
        AUTO_PEER struct peer *p = peer_new();

        (void)state;
        p->more = more;
        p->n_more = ARRAY_LEN(more);
        assert_string_equal(act(p, look_up)->grpc_status, "10");
}

static void bad_metadata_matters_only_to_those_who_read_it(void **state)
{
        static const nghttp2_nv more[] = { FIELD("z-bin", "A") };
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s;

        (void)state;
        p->more = more;
        p->n_more = 1;
        s = act(p, NULL);
        assert_string_equal(s->grpc_status, "13");
        assert_string_equal(s->grpc_message, "malformed binary metadata");
        s = peer_call(p, "/test.Test/Echo", empty, sizeof(empty));
        peer_run(p);
        assert_string_equal(s->grpc_status, "0");
}

static void add_what_is_not_allowed(struct grpc_call *call)
{
        Sample__Sample m = SAMPLE__SAMPLE__INIT;
        char large[LIMIT_GRPC_HEADER_BYTES];

        memset(large, 'x', sizeof(large));
        assert_false(grpc_call_add_header(call, "grpc-status", "0", 1));
        assert_false(grpc_call_add_header(call, ":status", "200", 3));
        assert_false(grpc_call_add_header(call, "content-type", "x", 1));
        assert_false(grpc_call_add_header(call, "Upper", "x", 1));
        assert_false(grpc_call_add_trailer(call, "x", "a\nb", 3));
        assert_false(grpc_call_add_trailer(call, "x", large, sizeof(large)));
        assert_true(grpc_call_add_header(call, "x", "1", 1));
        assert_int_equal(grpc_call_send(call, &m.base), GRPC_SEND_OK);
        assert_false(grpc_call_add_header(call, "x", "2", 1)); /* they are out */
        assert_true(grpc_call_add_trailer(call, "x", "3", 1));
        grpc_call_finish(call, GRPC_OK, "%s", "");
}

static void what_is_not_the_handlers_is_refused(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = act(p, add_what_is_not_allowed);

        (void)state;
        assert_string_equal(s->grpc_status, "0");
        assert_string_equal(buf_str(&s->fields), "1 :status: 200\n"
                                                 "1 content-type: application/grpc\n"
                                                 "1 x: 1\n"
                                                 "2 grpc-status: 0\n"
                                                 "2 x: 3\n");
}

static void fail_with_both(struct grpc_call *call)
{
        assert_true(grpc_call_add_header(call, "i", "1", 1));
        assert_true(grpc_call_add_trailer(call, "t", "2", 1));
        grpc_call_finish(call, GRPC_NOT_FOUND, "%s", "no");
}

static void headers_of_the_handler_have_a_block_of_their_own(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = act(p, fail_with_both);

        (void)state;
        assert_string_equal(buf_str(&s->fields), "1 :status: 200\n"
                                                 "1 content-type: application/grpc\n"
                                                 "1 i: 1\n"
                                                 "2 grpc-status: 5\n"
                                                 "2 grpc-message: no\n"
                                                 "2 t: 2\n");
        assert_true(s->ended);
}

static void fail_with_details(struct grpc_call *call)
{
        const struct grpc_detail details[] = { { "a.B", "\x08\x01", 2 }, { "c.D", NULL, 0 } };

        grpc_call_finish_details(call, GRPC_NOT_FOUND, "no", details, 2);
}

static void details_are_a_status_message(void **state)
{
        static const char want[] = "\x08\x05\x12\x02no"
                                   "\x1a\x1d\x0a\x17type.googleapis.com/a.B\x12\x02\x08\x01"
                                   "\x1a\x19\x0a\x17type.googleapis.com/c.D";
        static const char name[] = "1 grpc-status-details-bin: ";
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = act(p, fail_with_details);
        AUTO(buf_done) struct buf got = BUF_NULL(1000);
        const char *at = strstr(buf_str(&s->fields), name);

        (void)state;
        assert_string_equal(s->grpc_status, "5");
        assert_string_equal(s->grpc_message, "no");
        assert_int_equal(s->n_header_blocks, 1);
        assert_non_null(at);
        at += strlen(name);
        assert_int_equal(base64_decode(at, strcspn(at, "\n"), &got), 0);
        assert_int_equal(got.len, sizeof(want) - 1);
        assert_memory_equal(got.data, want, got.len);
}

static void fail_with_too_much(struct grpc_call *call)
{
        static char bytes[4000];
        const struct grpc_detail detail = { "a.B", bytes, sizeof(bytes) };

        grpc_call_finish_details(call, GRPC_ABORTED, "much", &detail, 1);
}

static void details_that_clients_would_refuse_are_left_out(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s = act(p, fail_with_too_much);

        (void)state;
        assert_string_equal(buf_str(&s->fields), "1 :status: 200\n"
                                                 "1 content-type: application/grpc\n"
                                                 "1 grpc-status: 10\n"
                                                 "1 grpc-message: much\n");
}

/* Shared replies. */

static struct grpc_blob *shared[2];

static void send_shared(struct grpc_call *call)
{
        grpc_call_reply_shared(call, shared[0]);
}

static void send_blobs(struct grpc_call *call)
{
        struct grpc_blob *const blobs[] = { shared[0], shared[1], shared[0] };

        (void)grpc_call_send_blobs(call, blobs, 3);
        grpc_call_finish(call, GRPC_OK, "%s", "");
}

static void blobs_are_one_message(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        AUTO(grpc_blob_unrefp) struct grpc_blob *a = grpc_blob_new_copy("abc", 3);
        AUTO(grpc_blob_unrefp) struct grpc_blob *b = grpc_blob_new_copy("de", 2);
        struct peer_stream *s;

        (void)state;
        shared[0] = a;
        shared[1] = b;
        s = act(p, send_blobs);
        assert_int_equal(s->data.len, 13);
        assert_memory_equal(s->data.data,
                            "\0\0\0\0\x08"
                            "abcdeabc",
                            13);
        s = act(p, send_shared);
        assert_memory_equal(s->data.data, "\0\0\0\0\3abc", 8);
        assert_int_equal(a->refs, 1);
        assert_int_equal(p->memory.used, 0);
}

/* A reply that nobody takes, by many calls: it is held, and charged, once. */
static void slow_readers_share_one_blob(void **state)
{
        enum { LEN = 3000000, CALLS = 50 };
        AUTO_PEER struct peer *p = peer_new_window(1000);
        struct grpc_blob *b = grpc_blob_new(LEN);

        (void)state;
        memset(b->data, 'b', LEN);
        shared[0] = b;
        for (int i = 0; i < CALLS; i++)
                (void)act(p, send_shared);
        assert_int_equal(b->queued, CALLS);
        assert_true(p->memory.used >= LEN && p->memory.used < LEN + CALLS * 1000);
        (void)grpc_blob_unref(b); /* its maker has a newer one */
        for (int i = 0; i < CALLS; i++)
                peer_reset(p, &p->streams[i], NGHTTP2_CANCEL);
        peer_run(p);
        assert_int_equal(p->memory.used, 0);
}

static void old_blobs_that_a_client_does_not_take_are_bounded(void **state)
{
        enum { LEN = 1000000 };
        AUTO_PEER struct peer *p = peer_new_window(1000);
        unsigned taken = 0;

        (void)state;
        p->memory.max = 20 * LEN;
        for (int i = 0; i < 20; i++) {
                AUTO(grpc_blob_unrefp) struct grpc_blob *b = grpc_blob_new(LEN);

                memset(b->data, 'b', LEN);
                shared[0] = b;
                taken += strcmp(act(p, send_shared)->grpc_status, "8") != 0;
        }
        assert_int_equal(taken, 4); /* a quarter, and the queues take some */
        assert_int_equal(p->stats.calls.refused_memory, 16);
}

/* Compression of replies. */

enum { TEXT = 5000 };

static void send_text(struct grpc_call *call)
{
        Sample__Sample m = SAMPLE__SAMPLE__INIT;
        char text[TEXT + 1];

        memset(text, 't', TEXT);
        text[TEXT] = '\0';
        m.text = text;
        grpc_call_reply(call, &m.base);
}

static void compress_text(struct grpc_call *call)
{
        grpc_call_compress(call, GRPC_COMPRESS_ACCEPTED);
        send_text(call);
}

static void never_compress_text(struct grpc_call *call)
{
        grpc_call_compress(call, GRPC_COMPRESS_NEVER);
        send_text(call);
}

static void compress_shared(struct grpc_call *call)
{
        grpc_call_compress(call, GRPC_COMPRESS_ACCEPTED);
        grpc_call_reply_shared(call, shared[0]);
}

static void replies_are_compressed_for_those_who_do_it_too(void **state)
{
        static const nghttp2_nv accepts[] = { FIELD("grpc-accept-encoding", "identity, gzip") };
        static const nghttp2_nv does[] = { FIELD("grpc-encoding", "gzip"),
                                           FIELD("grpc-accept-encoding", "gzip") };
        static const nghttp2_nv does_alone[] = { FIELD("grpc-encoding", "gzip") };
        static const nghttp2_nv other[] = { FIELD("grpc-accept-encoding", "deflate,br,xgzip") };
        static const struct {
                const nghttp2_nv *more;
                size_t n;
                void (*what)(struct grpc_call *call);
                bool want;
        } table[] = {
                { NULL, 0, send_text, false },       { accepts, 1, send_text, false },
                { does, 2, send_text, true },        { does_alone, 1, send_text, false },
                { accepts, 1, compress_text, true }, { other, 1, compress_text, false },
                { NULL, 0, compress_text, false },   { does, 2, never_compress_text, false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                AUTO_PEER struct peer *p = peer_new();
                struct peer_stream *s;

                p->more = table[i].more;
                p->n_more = table[i].n;
                s = act(p, table[i].what);
                assert_string_equal(s->grpc_status, "0");
                if (has_line(s, "1 grpc-encoding: gzip") != table[i].want ||
                    (s->data.data[0] == 1) != table[i].want ||
                    (s->data.len < TEXT) != table[i].want)
                        fail_msg("row %zu: flag %u, %zu bytes", i, s->data.data[0], s->data.len);
                assert_int_equal(p->stats.calls.compressed_out, table[i].want);
        }
}

static void small_replies_stay_as_they_are(void **state)
{
        static const nghttp2_nv does[] = { FIELD("grpc-encoding", "gzip"),
                                           FIELD("grpc-accept-encoding", "gzip") };
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s;

        (void)state;
        p->more = does;
        p->n_more = 2;
        s = peer_call(p, "/test.Test/Echo", empty, sizeof(empty));
        peer_run(p);
        assert_true(has_line(s, "1 grpc-encoding: gzip")); /* it may come, says this */
        assert_memory_equal(s->data.data, empty, 5);
}

static void a_shared_reply_is_compressed_once(void **state)
{
        static const nghttp2_nv accepts[] = { FIELD("grpc-accept-encoding", "gzip") };
        AUTO_PEER struct peer *p = peer_new();
        AUTO(grpc_blob_unrefp) struct grpc_blob *b = grpc_blob_new(TEXT);
        struct grpc_blob *shrunk;
        AUTO_FREE uint8_t *back = NULL;
        struct peer_stream *s;
        size_t len;

        (void)state;
        memset(b->data, 's', TEXT);
        shared[0] = b;
        p->more = accepts;
        p->n_more = 1;
        (void)act(p, compress_shared);
        shrunk = b->gzip;
        assert_non_null(shrunk);
        s = act(p, compress_shared);
        assert_ptr_equal(b->gzip, shrunk);
        assert_int_equal(s->data.len, 5 + shrunk->len);
        assert_int_equal(grpc_expand(GRPC_ENCODING_GZIP, s->data.data + 5, s->data.len - 5, TEXT,
                                     &back, &len),
                         GRPC_EXPAND_OK);
        assert_int_equal(len, TEXT);
        assert_int_equal(p->stats.calls.compressed_out, 2);
        assert_int_equal(p->stats.calls.uncompressed_bytes, 2 * TEXT);
}

/* Observers. */

static void observers_are_told_once_of_each_call(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        struct peer_stream *s;

        (void)state;
        s = peer_call(p, "/test.Test/Echo", "\0\0\0\0\2\x18\x07", 7);
        peer_run(p);
        assert_int_equal(p->n_call_ends, 1);
        assert_ptr_equal(p->last_end.service, &test_service);
        assert_string_equal(p->last_end.method->name, "Echo");
        assert_string_equal(p->last_path, "/test.Test/Echo");
        assert_int_equal(p->last_end.code, GRPC_OK);
        assert_int_equal(p->last_end.http_status, 200);
        assert_int_equal(p->last_end.duration, NSEC_PER_MSEC);
        assert_int_equal(p->last_end.messages_in, 1);
        assert_int_equal(p->last_end.messages_out, 1);
        assert_int_equal(p->last_end.bytes_in, 7);
        assert_int_equal(p->last_end.bytes_out, 7);

        (void)peer_call(p, "/test.Test/Nope", empty, sizeof(empty));
        peer_run(p);
        assert_null(p->last_end.method);
        assert_string_equal(p->last_path, "/test.Test/Nope");
        assert_int_equal(p->last_end.code, GRPC_UNIMPLEMENTED);

        (void)peer_call_with(p, "/test.Test/Echo", ":method", "PUT", NULL, 0);
        peer_run(p);
        assert_int_equal(p->last_end.http_status, 405);
        assert_int_equal(p->last_end.code, GRPC_UNKNOWN);

        s = peer_call(p, "/test.Test/Hold", empty, sizeof(empty));
        peer_run(p);
        assert_int_equal(p->n_call_starts, 4);
        assert_int_equal(p->n_call_ends, 3);
        peer_reset(p, s, NGHTTP2_CANCEL);
        peer_run(p);
        assert_int_equal(p->last_end.code, GRPC_CANCELLED);

        (void)peer_call_with(p, "/test.Test/Hold", "grpc-timeout", "1S", empty, sizeof(empty));
        peer_run(p);
        grpc_session_tick(p->session, p->now + NSEC_PER_SEC);
        peer_run(p);
        assert_int_equal(p->last_end.code, GRPC_DEADLINE_EXCEEDED);
        assert_int_equal(p->n_call_ends, 5);
        assert_int_equal(p->stats.calls.by_code[GRPC_OK], 1);
        assert_int_equal(p->stats.calls.by_code[GRPC_CANCELLED], 1);
        assert_int_equal(p->stats.calls.messages_in, 3); /* Nope's was not looked at */
}

static void idle_subscriber(struct grpc_call *call)
{
        grpc_call_start(call);
}

static void a_stream_that_waits_holds_no_buffer(void **state)
{
        AUTO_PEER struct peer *p = peer_new();
        enum { LEN = 700000 };
        uint8_t *at;

        (void)state;
        svc.act = idle_subscriber;
        (void)peer_call(p, "/test.Test/ActStream", empty, sizeof(empty));
        peer_run(p);
        assert_int_equal(grpc_call_send_reserve(svc.call, LEN, &at), GRPC_SEND_PAUSE);
        memset(at, 'x', LEN);
        assert_true(p->memory.used > LEN);
        peer_run(p);
        assert_true(p->memory.used < 100000);
        assert_int_equal(grpc_call_send_reserve(svc.call, 3, &at), GRPC_SEND_OK);
        memcpy(at, "abc", 3);
        peer_run(p);
        assert_int_equal(p->streams[0].data.len, LEN + 5 + 8);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(metadata_goes_there_and_back),
                cmocka_unit_test(values_are_found_by_key),
                cmocka_unit_test(bad_metadata_matters_only_to_those_who_read_it),
                cmocka_unit_test(what_is_not_the_handlers_is_refused),
                cmocka_unit_test(headers_of_the_handler_have_a_block_of_their_own),
                cmocka_unit_test(details_are_a_status_message),
                cmocka_unit_test(details_that_clients_would_refuse_are_left_out),
                cmocka_unit_test(blobs_are_one_message),
                cmocka_unit_test(slow_readers_share_one_blob),
                cmocka_unit_test(old_blobs_that_a_client_does_not_take_are_bounded),
                cmocka_unit_test(replies_are_compressed_for_those_who_do_it_too),
                cmocka_unit_test(small_replies_stay_as_they_are),
                cmocka_unit_test(a_shared_reply_is_compressed_once),
                cmocka_unit_test(observers_are_told_once_of_each_call),
                cmocka_unit_test(a_stream_that_waits_holds_no_buffer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
