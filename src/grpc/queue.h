/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes waiting to be sent: appended at the end, taken from the front. One block of memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct grpc_queue {
        uint8_t *data; /* owned */
        size_t head;
        size_t tail;
        size_t cap;
};

/* Memory the queue would take after grpc_queue_reserve(@len), for accounting beforehand. */
size_t grpc_queue_cap_with(const struct grpc_queue *q, size_t len);
/* @len more bytes at the end, to be written by the caller. */
uint8_t *grpc_queue_reserve(struct grpc_queue *q, size_t len);
void grpc_queue_take(struct grpc_queue *q, uint8_t *to, size_t len); /* @len <= grpc_queue_len */
void grpc_queue_drop(struct grpc_queue *q, size_t len);
/* Forget the bytes; memory over @keep bytes is released. */
void grpc_queue_reset(struct grpc_queue *q, size_t keep);

static inline size_t grpc_queue_len(const struct grpc_queue *q)
{
        return q->tail - q->head;
}
