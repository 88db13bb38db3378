/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/blob.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

struct grpc_blob *grpc_blob_new(size_t len)
{
        struct grpc_blob *b = xmalloc(sizeof(*b) + len);

        *b = (struct grpc_blob){ .len = len, .refs = 1 };
        return b;
}

struct grpc_blob *grpc_blob_new_copy(const void *data, size_t len)
{
        struct grpc_blob *b = grpc_blob_new(len);

        if (len > 0)
                memcpy(b->data, data, len);
        return b;
}

struct grpc_blob *grpc_blob_ref(struct grpc_blob *b)
{
        b->refs++;
        return b;
}

struct grpc_blob *grpc_blob_unref(struct grpc_blob *b)
{
        if (!b || --b->refs > 0)
                return NULL;
        assert(b->queued == 0);
        (void)grpc_blob_unref(b->gzip);
        free(b);
        return NULL;
}

bool grpc_blob_hold(struct grpc_blob *b, struct grpc_account *a)
{
        size_t nothing = 0;

        if (b->queued == 0) {
                if (!grpc_account_set(a, &nothing, b->len))
                        return false;
                b->payer = a;
        }
        b->queued++;
        b->payer_queued += b->payer == a;
        (void)grpc_blob_ref(b);
        return true;
}

void grpc_blob_release(struct grpc_blob *b, struct grpc_account *a)
{
        assert(b->queued > 0);
        if (b->payer == a && --b->payer_queued == 0) {
                a->charged -= b->len; /* the others go on holding it, at everybody's expense */
                b->payer = NULL;
        }
        if (--b->queued == 0)
                a->memory->used -= b->len;
        (void)grpc_blob_unref(b);
}
