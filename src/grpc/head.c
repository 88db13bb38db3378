/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/head.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/auto.h"

static const struct {
        char letter;
        nsec unit;
} units[] = {
        { 'n', 1 },
        { 'u', NSEC_PER_USEC },
        { 'm', NSEC_PER_MSEC },
        { 'S', NSEC_PER_SEC },
        { 'M', 60 * NSEC_PER_SEC },
        { 'H', 3600 * NSEC_PER_SEC },
};

bool grpc_timeout_parse(const char *value, size_t len, nsec *ret)
{
        nsec n = 0;

        if (len < 2 || len > 9)
                return false;
        for (size_t i = 0; i + 1 < len; i++) {
                if (value[i] < '0' || value[i] > '9')
                        return false;
                n = 10 * n + (value[i] - '0');
        }
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                if (units[i].letter != value[len - 1])
                        continue;
                /* 99999999 hours are past the end of time: 292 years. */
                if (__builtin_mul_overflow(n, units[i].unit, ret))
                        *ret = INT64_MAX;
                return true;
        }
        return false;
}

void grpc_timeout_print(nsec timeout, char ret[static GRPC_TIMEOUT_TEXT])
{
        size_t i = 0;
        nsec n;

        while (i + 1 < ARRAY_LEN(units) && timeout / units[i].unit > 99999998)
                i++;
        n = timeout / units[i].unit + (timeout % units[i].unit != 0);
        (void)snprintf(ret, GRPC_TIMEOUT_TEXT, "%" PRId64 "%c", n < 0 ? 0 : n, units[i].letter);
}

/*
 * "application/grpc", optionally "+proto", optionally parameters. Media types know no case (RFC
 * 9110 section 8.3.1).
 */
static bool content_type_is_grpc(const char *value, size_t len)
{
        static const char base[] = "application/grpc", proto[] = "+proto";

        if (len < strlen(base) || strncasecmp(value, base, strlen(base)) != 0)
                return false;
        value += strlen(base);
        len -= strlen(base);
        if (len >= strlen(proto) && strncasecmp(value, proto, strlen(proto)) == 0) {
                value += strlen(proto);
                len -= strlen(proto);
        }
        return len == 0 || *value == ';' || *value == ' ';
}

void grpc_head_init(struct grpc_head *h)
{
        /* Not the path: it is large, and path_len says what of it is there. */
        memset(h, 0, offsetof(struct grpc_head, path));
}

static void set_path(struct grpc_head *h, const char *value, size_t len)
{
        if (len > sizeof(h->path)) {
                h->path_too_long = true;
                return;
        }
        memcpy(h->path, value, len);
        h->path_len = (uint16_t)len;
}

static bool is(const char *name, size_t len, const char *want)
{
        return strlen(want) == len && memcmp(name, want, len) == 0;
}

static void set_method(struct grpc_head *h, const char *value, size_t len)
{
        h->post = is(value, len, "POST");
        h->is_head = is(value, len, "HEAD");
}

static enum grpc_encoding encoding_of(const char *value, size_t len)
{
        if (is(value, len, "identity"))
                return GRPC_ENCODING_IDENTITY;
        if (is(value, len, "gzip"))
                return GRPC_ENCODING_GZIP;
        return is(value, len, "deflate") ? GRPC_ENCODING_DEFLATE : GRPC_ENCODING_UNKNOWN;
}

/* "identity,deflate, gzip" */
static bool lists_gzip(const char *value, size_t len)
{
        const char *end = value + len;

        while (value < end) {
                const char *comma = memchr(value, ',', (size_t)(end - value));
                const char *stop = comma ? comma : end;

                while (value < stop && *value == ' ')
                        value++;
                while (stop > value && stop[-1] == ' ')
                        stop--;
                if (is(value, (size_t)(stop - value), "gzip"))
                        return true;
                value = comma ? comma + 1 : end;
        }
        return false;
}

static void add_grpc(struct grpc_head *h, const char *name, size_t name_len, const char *value,
                     size_t value_len)
{
        if (is(name, name_len, "grpc-timeout"))
                h->timeout_kind = grpc_timeout_parse(value, value_len, &h->timeout)
                                          ? GRPC_TIMEOUT_SET
                                          : GRPC_TIMEOUT_MALFORMED;
        else if (is(name, name_len, "grpc-encoding"))
                h->encoding = encoding_of(value, value_len);
        else if (is(name, name_len, "grpc-accept-encoding"))
                h->accepts_gzip = h->accepts_gzip || lists_gzip(value, value_len);
}

void grpc_head_add(struct grpc_head *h, const char *name, size_t name_len, const char *value,
                   size_t value_len)
{
        h->bytes += name_len + value_len + 32;
        if (h->bytes > LIMIT_GRPC_HEADER_BYTES)
                return;
        /* Most fields differ from all of ours in length already. */
        if (is(name, name_len, ":path"))
                set_path(h, value, value_len);
        else if (is(name, name_len, ":method"))
                set_method(h, value, value_len);
        else if (is(name, name_len, "content-type"))
                h->content_type_ok = content_type_is_grpc(value, value_len);
        else if (name_len > 5 && memcmp(name, "grpc-", 5) == 0)
                add_grpc(h, name, name_len, value, value_len);
        else if (is(name, name_len, "host"))
                h->hosts = h->hosts < 2 ? h->hosts + 1 : 2;
}

unsigned grpc_head_check(const struct grpc_head *h, enum grpc_code *ret_code, const char **ret_text)
{
        *ret_code = GRPC_OK;
        *ret_text = "";
        if (h->bytes <= LIMIT_GRPC_HEADER_BYTES) {
                if (h->hosts > 1) { /* gRFC A41 */
                        *ret_text = "more than one host field\n";
                        return 400;
                }
                if (!h->post) {
                        *ret_text = "gRPC calls are POST requests\n";
                        return 405;
                }
                if (!h->content_type_ok) {
                        *ret_text = "content-type must be application/grpc\n";
                        return 415;
                }
        }
        if (h->bytes > LIMIT_GRPC_HEADER_BYTES) {
                *ret_code = GRPC_RESOURCE_EXHAUSTED;
                *ret_text = "request metadata is over the limit of 8192 bytes";
        } else if (h->timeout_kind == GRPC_TIMEOUT_MALFORMED) {
                *ret_code = GRPC_INTERNAL;
                *ret_text = "malformed grpc-timeout";
        } else if (h->path_too_long) {
                *ret_code = GRPC_UNIMPLEMENTED;
                *ret_text = "unknown method (its path is over the limit of 256 bytes)";
        }
        return 200;
}
