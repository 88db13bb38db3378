/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

enum {
        CAP_MIN = 512,
        BLOBS_MIN = 4,
};

static size_t own_len(const struct grpc_queue *q)
{
        return q->tail - q->head;
}

static size_t cap_with(const struct grpc_queue *q, size_t len)
{
        size_t need = own_len(q) + len;
        size_t cap = 2 * q->cap;

        if (need <= q->cap)
                return q->cap;
        if (cap < need)
                cap = need; /* one large reply: exactly its size */
        return cap < CAP_MIN ? CAP_MIN : cap;
}

static size_t cap_blobs_with(const struct grpc_queue *q, size_t n)
{
        size_t need = q->n_blobs - q->first_blob + n;
        size_t cap = q->cap_blobs ? 2 * q->cap_blobs : BLOBS_MIN;

        if (need <= q->cap_blobs)
                return q->cap_blobs;
        return cap < need ? need : cap;
}

size_t grpc_queue_held_with(const struct grpc_queue *q, size_t len, size_t n)
{
        return cap_with(q, len) + cap_blobs_with(q, n) * sizeof(*q->blobs);
}

uint8_t *grpc_queue_reserve(struct grpc_queue *q, size_t len)
{
        size_t used = own_len(q);
        uint8_t *at;

        if (len > q->cap - q->tail) {
                size_t cap = cap_with(q, len);

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

void grpc_queue_add_blob_consume(struct grpc_queue *q, struct grpc_blob *blob,
                                 struct grpc_account *account)
{
        size_t cap = cap_blobs_with(q, 1);

        if (blob->len == 0) {
                grpc_blob_release(blob, account);
                return;
        }
        q->account = account;
        if (q->first_blob > 0 && q->n_blobs == q->cap_blobs) {
                q->n_blobs -= q->first_blob;
                memmove(q->blobs, q->blobs + q->first_blob, q->n_blobs * sizeof(*q->blobs));
                q->first_blob = 0;
        }
        if (cap != q->cap_blobs) {
                q->blobs = xreallocarray(q->blobs, cap, sizeof(*q->blobs));
                q->cap_blobs = cap;
        }
        q->blobs[q->n_blobs++] = (struct grpc_queue_blob){ blob, q->own_taken + own_len(q) };
        q->shared += blob->len;
}

static void drop_own(struct grpc_queue *q, size_t len)
{
        q->head += len;
        q->own_taken += len;
        if (q->head == q->tail)
                q->head = q->tail = 0;
}

static void drop_blob(struct grpc_queue *q)
{
        grpc_blob_release(q->blobs[q->first_blob].blob, q->account);
        q->first_blob++;
        q->blob_taken = 0;
        if (q->first_blob == q->n_blobs)
                q->first_blob = q->n_blobs = 0;
}

/* The longest piece at the front that lies in one place, at most @max bytes of it. */
static size_t front(const struct grpc_queue *q, size_t max, const uint8_t **ret, bool *ret_own)
{
        size_t n = own_len(q);

        *ret_own = true;
        *ret = q->data + q->head;
        if (q->n_blobs > 0) {
                const struct grpc_queue_blob *first = &q->blobs[q->first_blob];

                n = first->own_before - q->own_taken;
                if (n == 0) {
                        *ret_own = false;
                        *ret = first->blob->data + q->blob_taken;
                        n = first->blob->len - q->blob_taken;
                }
        }
        return n < max ? n : max;
}

/* @to may be NULL. */
static void advance(struct grpc_queue *q, uint8_t *to, size_t len)
{
        assert(len <= grpc_queue_len(q));
        while (len > 0) {
                const uint8_t *from;
                bool own;
                size_t n = front(q, len, &from, &own);

                if (to && n > 0) {
                        memcpy(to, from, n);
                        to += n;
                }
                len -= n;
                if (own) {
                        drop_own(q, n);
                        continue;
                }
                q->blob_taken += n;
                q->shared -= n;
                if (q->blob_taken == q->blobs[q->first_blob].blob->len)
                        drop_blob(q);
        }
}

void grpc_queue_drop(struct grpc_queue *q, size_t len)
{
        advance(q, NULL, len);
}

void grpc_queue_take(struct grpc_queue *q, uint8_t *to, size_t len)
{
        advance(q, to, len);
}

void grpc_queue_reset(struct grpc_queue *q, size_t keep)
{
        while (q->n_blobs > 0)
                drop_blob(q);
        q->shared = q->own_taken = 0;
        if (q->cap_blobs > BLOBS_MIN) {
                free(q->blobs);
                q->blobs = NULL;
                q->cap_blobs = 0;
        }
        if (q->cap > keep) {
                free(q->data);
                q->data = NULL;
                q->cap = 0;
        }
        q->head = q->tail = 0;
}

void grpc_queue_done(struct grpc_queue *q)
{
        grpc_queue_reset(q, 0);
        free(q->blobs);
        *q = (struct grpc_queue){ 0 };
}
