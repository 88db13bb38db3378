/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that many replies share: made once, filled before the first is sent, never changed after that,
 * freed by whoever lets go last. For one thread, as all of this layer.
 *
 * The memory of a blob is its maker's to bound. Slow readers can make blobs outlive their maker's
 * interest, one old list each, so a blob that waits in queues is charged as well: once, however many
 * calls wait for it, to the client that was first to ask. That bounds what a client can pin to its part
 * of grpc_memory, and all of them to the whole.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc/memory.h"

struct grpc_blob {
        size_t len;
        size_t refs;
        size_t queued;              /* of the references: those of calls' queues */
        struct grpc_account *payer; /* borrowed; NULL: nobody, or one that is gone */
        size_t payer_queued;        /* of @queued: in the payer's calls */
        struct grpc_blob *gzip;     /* owned; the same compressed, made when first wanted */
        bool gzip_useless;          /* compressing does not make it smaller */
        uint8_t data[];
};

/* @len bytes to be filled by the caller, who owns the one reference. */
struct grpc_blob *grpc_blob_new(size_t len) __attribute__((returns_nonnull));
struct grpc_blob *grpc_blob_new_copy(const void *data, size_t len) __attribute__((returns_nonnull));
struct grpc_blob *grpc_blob_ref(struct grpc_blob *b);   /* returns @b */
struct grpc_blob *grpc_blob_unref(struct grpc_blob *b); /* NULL is fine; returns NULL */
static inline void grpc_blob_unrefp(struct grpc_blob **b)
{
        (void)grpc_blob_unref(*b);
}

/*
 * A reference for a queue of the client @a. False, nothing taken: the memory does not allow it. Always
 * true for a blob that waits in some queue already.
 */
bool grpc_blob_hold(struct grpc_blob *b, struct grpc_account *a);
/* Its counterpart, with the same @a. */
void grpc_blob_release(struct grpc_blob *b, struct grpc_account *a);
