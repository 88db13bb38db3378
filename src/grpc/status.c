/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/status.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "grpc/utf8.h"
#include "util/auto.h"

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
