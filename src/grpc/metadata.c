/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/metadata.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/base64.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"

enum {
        FIELDS_MAX = 256, /* 8 KiB of header list cannot hold more, but lists in "-bin" can */
        BYTES_MAX = 2 * LIMIT_GRPC_HEADER_BYTES,
        FIELD_OVERHEAD = 32, /* RFC 9113 section 6.5.2 */
};

struct grpc_metadata *grpc_metadata_new(void)
{
        struct grpc_metadata *m = xcalloc(1, sizeof(*m));

        m->bytes = BUF_NULL(BYTES_MAX);
        return m;
}

void grpc_metadata_free(struct grpc_metadata *m)
{
        if (!m)
                return;
        buf_done(&m->bytes);
        free(m->fields);
        free(m);
}

size_t grpc_metadata_held(const struct grpc_metadata *m)
{
        return m ? sizeof(*m) + m->bytes.cap + m->cap * sizeof(*m->fields) : 0;
}

bool grpc_metadata_reserved(const char *name, size_t len)
{
        /* Those of connections are refused by nghttp2 in requests, and would be by clients. */
        static const char *const http[] = {
                "te",      "host",       "connection",       "content-type",      "content-length",
                "upgrade", "keep-alive", "proxy-connection", "transfer-encoding",
        };

        if (len == 0 || *name == ':' || (len >= 5 && memcmp(name, "grpc-", 5) == 0))
                return true;
        for (size_t i = 0; i < ARRAY_LEN(http); i++)
                if (strlen(http[i]) == len && memcmp(http[i], name, len) == 0)
                        return true;
        return false;
}

static bool is_binary(const char *name, size_t len)
{
        return len >= 4 && memcmp(name + len - 4, "-bin", 4) == 0;
}

/* With a NUL behind. *ret: where they are. */
static int add_bytes(struct grpc_metadata *m, const void *data, size_t len, uint32_t *ret)
{
        size_t at = m->bytes.len;

        if (buf_append(&m->bytes, data, len) < 0 || buf_putc(&m->bytes, '\0') < 0)
                return -ENOBUFS;
        *ret = (uint32_t)at;
        return 0;
}

static int add_field(struct grpc_metadata *m, const struct grpc_metadata_field *f)
{
        if (m->n == FIELDS_MAX)
                return -ENOBUFS;
        ARRAY_GROW(m->fields, m->n, m->cap);
        m->fields[m->n++] = *f;
        return 0;
}

static int receive_binary(struct grpc_metadata *m, struct grpc_metadata_field *f, const char *value,
                          size_t len)
{
        const char *end = value + len;

        for (;;) {
                const char *comma = memchr(value, ',', (size_t)(end - value));
                const char *stop = comma ? comma : end, *next = stop;
                size_t at = m->bytes.len;
                int r;

                while (value < stop && *value == ' ')
                        value++;
                while (stop > value && stop[-1] == ' ')
                        stop--;
                r = base64_decode(value, (size_t)(stop - value), &m->bytes);
                if (r == 0)
                        r = buf_putc(&m->bytes, '\0');
                if (r < 0)
                        return r;
                f->value = (uint32_t)at;
                f->value_len = (uint32_t)(m->bytes.len - 1 - at);
                r = add_field(m, f);
                if (r < 0 || !comma)
                        return r;
                value = next + 1;
        }
}

int grpc_metadata_receive(struct grpc_metadata *m, const char *name, size_t name_len,
                          const char *value, size_t value_len)
{
        struct grpc_metadata_field f = { .key_len = (uint32_t)name_len,
                                         .value_len = (uint32_t)value_len };

        if (add_bytes(m, name, name_len, &f.key) < 0)
                return -ENOBUFS;
        if (is_binary(name, name_len))
                return receive_binary(m, &f, value, value_len);
        if (add_bytes(m, value, value_len, &f.value) < 0)
                return -ENOBUFS;
        return add_field(m, &f);
}

/* PROTOCOL-HTTP2.md: Header-Name is 1*( %x30-39 / %x61-7A / "_" / "-" / "."). */
static bool key_is_good(const char *key, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (!((key[i] >= 'a' && key[i] <= 'z') || (key[i] >= '0' && key[i] <= '9') ||
                      key[i] == '_' || key[i] == '-' || key[i] == '.'))
                        return false;
        return len > 0;
}

/*
 * RFC 9113 section 8.2.1: no control characters, no space at either end. gRPC wants printable ASCII,
 * but what a client may send must not be refused when a handler sends it back.
 */
static bool value_is_good(const uint8_t *p, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
                        return false;
        return len == 0 || (p[0] != ' ' && p[0] != '\t' && p[len - 1] != ' ' && p[len - 1] != '\t');
}

static int send_field(struct grpc_metadata *m, const char *key, const void *value, size_t len)
{
        struct grpc_metadata_field f = { .key_len = (uint32_t)strlen(key),
                                         .value_len = (uint32_t)len };
        size_t listed = f.key_len + len + FIELD_OVERHEAD;

        if (listed > LIMIT_GRPC_HEADER_BYTES - m->listed ||
            add_bytes(m, key, f.key_len, &f.key) < 0 || add_bytes(m, value, len, &f.value) < 0 ||
            add_field(m, &f) < 0)
                return -ENOBUFS;
        m->listed += listed;
        return 0;
}

int grpc_metadata_send_reserved(struct grpc_metadata *m, const char *key, const void *value,
                                size_t len)
{
        AUTO(buf_done) struct buf text = BUF_NULL(LIMIT_GRPC_HEADER_BYTES);

        if (!is_binary(key, strlen(key)))
                return value_is_good(value, len) ? send_field(m, key, value, len) : -EINVAL;
        if (base64_encode(value, len, &text) < 0)
                return -ENOBUFS;
        while (text.len > 0 && text.data[text.len - 1] == '=') /* "should emit un-padded" */
                text.len--;
        return send_field(m, key, text.data, text.len);
}

int grpc_metadata_send(struct grpc_metadata *m, const char *key, const void *value, size_t len)
{
        size_t key_len = strlen(key);

        if (!key_is_good(key, key_len) || grpc_metadata_reserved(key, key_len))
                return -EINVAL;
        return grpc_metadata_send_reserved(m, key, value, len);
}
