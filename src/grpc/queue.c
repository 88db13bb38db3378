/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

enum { CAP_MIN = 512 };

size_t grpc_queue_cap_with(const struct grpc_queue *q, size_t len)
{
        size_t need = grpc_queue_len(q) + len;
        size_t cap = 2 * q->cap;

        if (need <= q->cap)
                return q->cap;
        if (cap < need)
                cap = need; /* one large reply: exactly its size */
        return cap < CAP_MIN ? CAP_MIN : cap;
}

uint8_t *grpc_queue_reserve(struct grpc_queue *q, size_t len)
{
        size_t used = grpc_queue_len(q);
        uint8_t *at;

        if (len > q->cap - q->tail) {
                size_t cap = grpc_queue_cap_with(q, len);

                if (cap == q->cap) {
                        memmove(q->data, q->data + q->head, used);
                } else {
                        uint8_t *data = xmalloc(cap);

                        if (used > 0)
                                memcpy(data, q->data + q->head, used);
                        free(q->data);
                        q->data = data;
                        q->cap = cap;
                }
                q->head = 0;
                q->tail = used;
        }
        if (len == 0)
                return q->data;
        at = q->data + q->tail;
        q->tail += len;
        return at;
}

void grpc_queue_drop(struct grpc_queue *q, size_t len)
{
        assert(len <= grpc_queue_len(q));
        q->head += len;
        if (q->head == q->tail)
                q->head = q->tail = 0;
}

void grpc_queue_take(struct grpc_queue *q, uint8_t *to, size_t len)
{
        assert(len <= grpc_queue_len(q));
        if (len > 0)
                memcpy(to, q->data + q->head, len);
        grpc_queue_drop(q, len);
}

void grpc_queue_reset(struct grpc_queue *q, size_t keep)
{
        if (q->cap > keep) {
                free(q->data);
                *q = (struct grpc_queue){ 0 };
        }
        q->head = q->tail = 0;
}
