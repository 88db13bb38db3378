/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of metadata (PROTOCOL-HTTP2.md, "Custom-Metadata"): what a client sent, decoded, or what goes
 * to it, encoded. In order, with duplicates. Bounded in bytes and in number: one header can hold a
 * thousand values.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

struct grpc_metadata {
        struct buf bytes; /* keys and values, each followed by NUL */
        struct grpc_metadata_field {
                uint32_t key, key_len; /* offset in bytes */
                uint32_t value, value_len;
        } * fields; /* owned */
        size_t n, cap;
        size_t listed; /* name + value + 32 each, RFC 9113 section 6.5.2 */
};

struct grpc_metadata *grpc_metadata_new(void) __attribute__((returns_nonnull));
void grpc_metadata_free(struct grpc_metadata *m);         /* NULL is fine */
size_t grpc_metadata_held(const struct grpc_metadata *m); /* memory it takes; NULL takes none */

static inline const char *grpc_metadata_key(const struct grpc_metadata *m, size_t i)
{
        return (const char *)m->bytes.data + m->fields[i].key;
}
static inline const void *grpc_metadata_value(const struct grpc_metadata *m, size_t i)
{
        return m->bytes.data + m->fields[i].value;
}

/* A name that belongs to HTTP or to gRPC itself: ":path", "te", "content-type", "grpc-...". */
bool grpc_metadata_reserved(const char *name, size_t len);

/*
 * A field as received. Values of "-bin" are decoded: base64 with or without padding, several in one
 * field apart by commas. 0; -EINVAL when that fails; -ENOBUFS when it is too much.
 */
int grpc_metadata_receive(struct grpc_metadata *m, const char *name, size_t name_len,
                          const char *value, size_t value_len);
/*
 * A field to send. 0; -EINVAL for a key that is malformed or reserved, or a value that HTTP does not
 * carry; -ENOBUFS when the list would be over LIMIT_GRPC_HEADER_BYTES.
 */
int grpc_metadata_send(struct grpc_metadata *m, const char *key, const void *value, size_t len);
/* The same for a name of our own: without that check. */
int grpc_metadata_send_reserved(struct grpc_metadata *m, const char *key, const void *value,
                                size_t len);
