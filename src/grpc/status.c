/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/status.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/utf8.h"
#include "util/auto.h"
#include "util/mem.h"

static const char *const code_names[] = {
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
};
static_assert(ARRAY_LEN(code_names) == GRPC_CODE_MAX, "a name for every code");

const char *grpc_code_name(enum grpc_code code)
{
        return (unsigned)code < GRPC_CODE_MAX ? code_names[code] : "UNKNOWN";
}

static const uint8_t code_of_kind[] = {
        [ERR_INTERNAL] = GRPC_INTERNAL,
        [ERR_USAGE] = GRPC_INVALID_ARGUMENT,
        [ERR_NOT_FOUND] = GRPC_NOT_FOUND,
        [ERR_EXISTS] = GRPC_ALREADY_EXISTS,
        [ERR_AMBIGUOUS] = GRPC_INVALID_ARGUMENT,
        [ERR_BUSY] = GRPC_ABORTED,
        [ERR_STATE] = GRPC_FAILED_PRECONDITION,
        [ERR_BAD_DATA] = GRPC_DATA_LOSS,
        [ERR_LIMIT] = GRPC_RESOURCE_EXHAUSTED,
        [ERR_NO_SPACE] = GRPC_RESOURCE_EXHAUSTED,
        [ERR_PERMISSION] = GRPC_PERMISSION_DENIED,
        [ERR_UNSUPPORTED] = GRPC_UNIMPLEMENTED,
        [ERR_TIMEOUT] = GRPC_DEADLINE_EXCEEDED,
        [ERR_CANCELLED] = GRPC_CANCELLED,
        [ERR_UNAVAILABLE] = GRPC_UNAVAILABLE,
};
static_assert(ARRAY_LEN(code_of_kind) == ERR_KIND_MAX, "a code for every kind");

enum grpc_code grpc_code_from_err(enum err_kind kind)
{
        return (unsigned)kind < ERR_KIND_MAX ? code_of_kind[kind] : GRPC_UNKNOWN;
}

static const uint8_t kind_of_code[] = {
        [GRPC_OK] = ERR_INTERNAL, /* not an error: nobody asks */
        [GRPC_CANCELLED] = ERR_CANCELLED,
        [GRPC_UNKNOWN] = ERR_INTERNAL,
        [GRPC_INVALID_ARGUMENT] = ERR_USAGE,
        [GRPC_DEADLINE_EXCEEDED] = ERR_TIMEOUT,
        [GRPC_NOT_FOUND] = ERR_NOT_FOUND,
        [GRPC_ALREADY_EXISTS] = ERR_EXISTS,
        [GRPC_PERMISSION_DENIED] = ERR_PERMISSION,
        [GRPC_RESOURCE_EXHAUSTED] = ERR_LIMIT,
        [GRPC_FAILED_PRECONDITION] = ERR_STATE,
        [GRPC_ABORTED] = ERR_BUSY,
        [GRPC_OUT_OF_RANGE] = ERR_USAGE,
        [GRPC_UNIMPLEMENTED] = ERR_UNSUPPORTED,
        [GRPC_INTERNAL] = ERR_INTERNAL,
        [GRPC_UNAVAILABLE] = ERR_UNAVAILABLE,
        [GRPC_DATA_LOSS] = ERR_BAD_DATA,
        [GRPC_UNAUTHENTICATED] = ERR_PERMISSION,
};
static_assert(ARRAY_LEN(kind_of_code) == GRPC_CODE_MAX, "a kind for every code");

enum err_kind grpc_code_to_err(enum grpc_code code)
{
        return (unsigned)code < GRPC_CODE_MAX ? kind_of_code[code] : ERR_INTERNAL;
}

static int encode_bytes(const uint8_t *p, size_t n, struct buf *out)
{
        static const char hex[] = "0123456789ABCDEF";
        uint8_t escaped[12];
        size_t len = 0;

        for (size_t i = 0; i < n; i++) {
                if (p[i] >= 0x20 && p[i] <= 0x7e && p[i] != '%') {
                        escaped[len++] = p[i];
                        continue;
                }
                escaped[len++] = '%';
                escaped[len++] = (uint8_t)hex[p[i] >> 4];
                escaped[len++] = (uint8_t)hex[p[i] & 0xf];
        }
        return buf_append(out, escaped, len);
}

void grpc_message_encode(const char *text, struct buf *out)
{
        static const uint8_t replacement[] = { 0xef, 0xbf, 0xbd };
        const uint8_t *p = (const uint8_t *)text;
        size_t left = strlen(text);

        /* A whole character at a time, so that a cut leaves valid UTF-8 behind. */
        while (left > 0) {
                size_t n = grpc_utf8_char(p, left);
                int r = n > 0 ? encode_bytes(p, n, out)
                              : encode_bytes(replacement, sizeof(replacement), out);

                if (r < 0)
                        return;
                n = n > 0 ? n : 1;
                p += n;
                left -= n;
        }
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

void grpc_message_decode(const char *data, size_t len, struct buf *out)
{
        for (size_t i = 0; i < len; i++) {
                char c = data[i];

                if (c == '%' && len - i > 2 && hex_value(data[i + 1]) >= 0 &&
                    hex_value(data[i + 2]) >= 0) {
                        c = (char)(hex_value(data[i + 1]) << 4 | hex_value(data[i + 2]));
                        i += 2;
                }
                if (buf_putc(out, c ? c : '?') < 0)
                        return;
        }
}

/* Protobuf by hand, for three small messages: google/rpc/status.proto, google/protobuf/any.proto. */
enum { VARINT_MAX = 10, WIRE_VARINT = 0, WIRE_LEN = 2 };

static size_t put_varint(uint8_t *to, uint64_t v)
{
        size_t n = 0;

        while (v > 0x7f) {
                to[n++] = (uint8_t)(v | 0x80);
                v >>= 7;
        }
        to[n++] = (uint8_t)v;
        return n;
}

/* Tag, length and the bytes; a field of length 0 is the same as none. */
static int put_bytes(struct buf *out, unsigned field, const void *data, size_t len)
{
        uint8_t head[1 + VARINT_MAX] = { (uint8_t)(field << 3 | WIRE_LEN) };
        int r = len > 0 ? buf_append(out, head, 1 + put_varint(head + 1, len)) : 0;

        return r < 0 ? r : buf_append(out, data, len);
}

static int put_detail(struct buf *out, const struct grpc_detail *d)
{
        AUTO(buf_done) struct buf any = BUF_NULL(out->max);
        AUTO_FREE char *url = xasprintf("type.googleapis.com/%s", d->type);

        if (put_bytes(&any, 1, url, strlen(url)) < 0 || put_bytes(&any, 2, d->data, d->len) < 0)
                return -ENOBUFS;
        return put_bytes(out, 3, any.data, any.len);
}

int grpc_status_encode(enum grpc_code code, const char *text, const struct grpc_detail *details,
                       size_t n, struct buf *out)
{
        AUTO_FREE char *clean = grpc_utf8_clean(text, strlen(text));
        uint8_t head[1 + VARINT_MAX] = { 1 << 3 | WIRE_VARINT };
        int r = 0;

        if (code != GRPC_OK)
                r = buf_append(out, head, 1 + put_varint(head + 1, code));
        if (r == 0)
                r = put_bytes(out, 2, clean, strlen(clean));
        for (size_t i = 0; i < n && r == 0; i++)
                r = put_detail(out, &details[i]);
        return r;
}
