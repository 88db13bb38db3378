/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of servers that are not ours, as bytes: the client must end each call with the right
 * code.
 */
#include <sys/socket.h>

#include "grpc/client_priv.h"
#include "grpc/wire_check.h"
#include "sample.pb-c.h"
#include "test.h"
#include "util/mem.h"

struct answer {
        uint8_t bytes[4096];
        size_t len;
};

static void frame(struct answer *a, uint8_t type, uint8_t flags, uint8_t stream, const void *data,
                  size_t len)
{
        uint8_t head[9] = { 0, (uint8_t)(len >> 8), (uint8_t)len, type, flags, 0, 0, 0, stream };

        assert_true(a->len + 9 + len <= sizeof(a->bytes));
        memcpy(a->bytes + a->len, head, 9);
        if (len > 0)
                memcpy(a->bytes + a->len + 9, data, len);
        a->len += 9 + len;
}

/* "name", "value", ..., NULL as HPACK literals without indexing. */
static void headers(struct answer *a, uint8_t flags, const char *const *fields)
{
        uint8_t block[1024];
        size_t n = 0;

        for (size_t i = 0; fields[i]; i++) {
                if (i % 2 == 0)
                        block[n++] = 0;
                block[n++] = (uint8_t)strlen(fields[i]);
                memcpy(block + n, fields[i], strlen(fields[i]));
                n += strlen(fields[i]);
        }
        frame(a, NGHTTP2_HEADERS, flags | NGHTTP2_FLAG_END_HEADERS, 1, block, n);
}

#define HEADERS(a, flags, ...) headers(a, flags, (const char *const[]){ __VA_ARGS__, NULL })
#define GRPC_HEADERS(a)        HEADERS(a, 0, ":status", "200", "content-type", "application/grpc")

/* The outcome of a unary call that is answered with @a and the end of the connection. */
static int call(const struct answer *a, struct err *e, enum grpc_code *ret_code)
{
        AUTO(grpc_message_freep) ProtobufCMessage *reply = NULL;
        static const uint8_t settings[9] = { 0, 0, 0, NGHTTP2_SETTINGS };
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        struct grpc_client *c = xcalloc(1, sizeof(*c));
        int fds[2], r;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        assert_int_equal(send(fds[1], settings, sizeof(settings), 0), sizeof(settings));
        assert_int_equal(send(fds[1], a->bytes, a->len, 0), a->len);
        (void)shutdown(fds[1], SHUT_WR);
        c->fd = fds[0];
        c->reader.max = 1000;
        c->message = BUF_NULL(1000);
        grpc_client_h2_init(c, 65535);
        r = grpc_client_unary(c, "/test.Test/Echo", &request.base, &sample__sample__descriptor,
                              5 * NSEC_PER_SEC, &reply, e);
        *ret_code = grpc_client_status(c);
        assert_int_equal(r == 0, reply != NULL);
        (void)grpc_client_free(c);
        (void)close(fds[1]);
        return r;
}

static void expect(const struct answer *a, enum err_kind kind, enum grpc_code code,
                   const char *text)
{
        enum grpc_code got;
        struct err e;

        assert_err(call(a, &e, &got), &e, kind, text);
        assert_int_equal(got, code);
}

static void plain_answer_is_taken(void **state)
{
        struct answer a = { .len = 0 };
        enum grpc_code code;
        struct err e;

        (void)state;
        GRPC_HEADERS(&a);
        frame(&a, NGHTTP2_DATA, 0, 1, "\0\0\0\0\2", 5);
        frame(&a, NGHTTP2_DATA, 0, 1, "\x08\x01", 2);
        HEADERS(&a, NGHTTP2_FLAG_END_STREAM, "grpc-status", "0");
        assert_ok(call(&a, &e, &code), &e);
        assert_int_equal(code, GRPC_OK);
}

static void http_errors_are_mapped(void **state)
{
        static const struct {
                const char *status, *text;
                enum err_kind kind;
                enum grpc_code code;
        } table[] = {
                { "400", "no gRPC status in the answer (HTTP status 400)", ERR_INTERNAL,
                  GRPC_INTERNAL },
                { "401", "no gRPC status in the answer (HTTP status 401)", ERR_PERMISSION,
                  GRPC_UNAUTHENTICATED },
                { "404", "no gRPC status in the answer (HTTP status 404)", ERR_UNSUPPORTED,
                  GRPC_UNIMPLEMENTED },
                { "503", "no gRPC status in the answer (HTTP status 503)", ERR_UNAVAILABLE,
                  GRPC_UNAVAILABLE },
                { "418", "no gRPC status in the answer (HTTP status 418)", ERR_INTERNAL,
                  GRPC_UNKNOWN },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct answer a = { .len = 0 };

                HEADERS(&a, 0, ":status", table[i].status);
                frame(&a, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "<html>", 6);
                expect(&a, table[i].kind, table[i].code, table[i].text);
        }
}

static void resets_are_mapped(void **state)
{
        static const struct {
                uint8_t error;
                const char *text;
                enum err_kind kind;
                enum grpc_code code;
        } table[] = {
                { 2, "the server reset the call (INTERNAL_ERROR)", ERR_INTERNAL, GRPC_INTERNAL },
                { 7, "the server reset the call (REFUSED_STREAM)", ERR_UNAVAILABLE,
                  GRPC_UNAVAILABLE },
                { 8, "the server reset the call (CANCEL)", ERR_CANCELLED, GRPC_CANCELLED },
                { 11, "the server reset the call (ENHANCE_YOUR_CALM)", ERR_LIMIT,
                  GRPC_RESOURCE_EXHAUSTED },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct answer a = { .len = 0 };
                uint8_t error[4] = { 0, 0, 0, table[i].error };

                GRPC_HEADERS(&a);
                frame(&a, NGHTTP2_RST_STREAM, 0, 1, error, 4);
                expect(&a, table[i].kind, table[i].code, table[i].text);
        }
}

static void broken_answers_are_errors(void **state)
{
        struct answer none = { .len = 0 }, two = none, cut = none, compressed = none, large = none,
                      nostatus = none, odd = none, closed = none;

        (void)state;
        HEADERS(&none, NGHTTP2_FLAG_END_STREAM, ":status", "200", "grpc-status", "0");
        expect(&none, ERR_BAD_DATA, GRPC_OK, "the server gave no reply");

        GRPC_HEADERS(&two);
        frame(&two, NGHTTP2_DATA, 0, 1, "\0\0\0\0\0\0\0\0\0\0", 10);
        HEADERS(&two, NGHTTP2_FLAG_END_STREAM, "grpc-status", "0");
        expect(&two, ERR_BAD_DATA, GRPC_OK, "the server gave more than one reply");

        GRPC_HEADERS(&cut);
        frame(&cut, NGHTTP2_DATA, 0, 1, "\0\0\0\0\0\0\0", 7);
        HEADERS(&cut, NGHTTP2_FLAG_END_STREAM, "grpc-status", "0");
        expect(&cut, ERR_BAD_DATA, GRPC_OK, "the last reply is incomplete");

        GRPC_HEADERS(&compressed);
        frame(&compressed, NGHTTP2_DATA, 0, 1, "\1\0\0\0\0", 5);
        expect(&compressed, ERR_BAD_DATA, GRPC_DATA_LOSS, "malformed or compressed reply");

        GRPC_HEADERS(&large);
        frame(&large, NGHTTP2_DATA, 0, 1, "\0\0\0\x10\0", 5);
        expect(&large, ERR_LIMIT, GRPC_RESOURCE_EXHAUSTED,
               "a reply of 4096 bytes is over the limit of 1000");

        GRPC_HEADERS(&nostatus);
        HEADERS(&nostatus, NGHTTP2_FLAG_END_STREAM, "x", "y");
        expect(&nostatus, ERR_INTERNAL, GRPC_UNKNOWN,
               "no gRPC status in the answer (HTTP status 200)");

        HEADERS(&odd, NGHTTP2_FLAG_END_STREAM, ":status", "200", "grpc-status", "99",
                "grpc-message", "odd");
        expect(&odd, ERR_INTERNAL, GRPC_UNKNOWN, "odd");

        GRPC_HEADERS(&closed);
        expect(&closed, ERR_UNAVAILABLE, GRPC_UNAVAILABLE, "the server closed the connection");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plain_answer_is_taken),
                cmocka_unit_test(http_errors_are_mapped),
                cmocka_unit_test(resets_are_mapped),
                cmocka_unit_test(broken_answers_are_errors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
