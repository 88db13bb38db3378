/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes waiting to be sent: appended at the end, taken from the front. Bytes of its own lie in one
 * block of memory; shared ones (grpc/blob.h) are only referred to, and have their places between.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "grpc/blob.h"

struct grpc_queue_blob {
        struct grpc_blob *blob; /* held */
        size_t own_before; /* bytes of the queue's own that come first, counted since its reset */
};

struct grpc_queue {
        uint8_t *data; /* owned */
        size_t head;
        size_t tail;
        size_t cap;

        /* All zero as long as nobody shares. */
        struct grpc_account *account;  /* borrowed; of the client whose queue it is */
        struct grpc_queue_blob *blobs; /* owned; from first_blob up to n_blobs */
        size_t first_blob, n_blobs, cap_blobs;
        size_t blob_taken; /* of the first blob */
        size_t shared;     /* bytes of blobs that wait */
        size_t own_taken;  /* since the reset */
};

/*
 * Memory it takes now, and would take with @len more bytes of its own and @n more blobs: for
 * accounting beforehand.
 */
static inline size_t grpc_queue_held(const struct grpc_queue *q)
{
        return q->cap + q->cap_blobs * sizeof(*q->blobs);
}
size_t grpc_queue_held_with(const struct grpc_queue *q, size_t len, size_t n);
/* @len more bytes at the end, to be written by the caller. */
uint8_t *grpc_queue_reserve(struct grpc_queue *q, size_t len);
/*
 * The blob's bytes at the end. Takes over one hold of @blob (grpc_blob_hold) for @account, which is
 * the same for all that is in the queue.
 */
void grpc_queue_add_blob_consume(struct grpc_queue *q, struct grpc_blob *blob,
                                 struct grpc_account *account);
void grpc_queue_take(struct grpc_queue *q, uint8_t *to, size_t len); /* @len <= grpc_queue_len */
void grpc_queue_drop(struct grpc_queue *q, size_t len);
/* Forget the bytes, let go of blobs; memory over @keep bytes is released. */
void grpc_queue_reset(struct grpc_queue *q, size_t keep);
void grpc_queue_done(struct grpc_queue *q); /* releases all */

static inline size_t grpc_queue_len(const struct grpc_queue *q)
{
        return q->tail - q->head + q->shared;
}
