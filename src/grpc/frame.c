/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/frame.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

void grpc_frame_head(uint8_t to[static GRPC_FRAME_HEAD], bool compressed, uint32_t len)
{
        to[0] = compressed;
        to[1] = (uint8_t)(len >> 24);
        to[2] = (uint8_t)(len >> 16);
        to[3] = (uint8_t)(len >> 8);
        to[4] = (uint8_t)len;
}

static size_t claimed(const struct grpc_frame_reader *r)
{
        return (size_t)r->head[1] << 24 | (size_t)r->head[2] << 16 | (size_t)r->head[3] << 8 |
               r->head[4];
}

static size_t min_size(size_t a, size_t b)
{
        return a < b ? a : b;
}

static void collect(struct grpc_frame_reader *r, const uint8_t *p, size_t n, size_t want)
{
        if (r->len + n > r->cap) {
                size_t cap = r->cap ? r->cap : 256;

                while (cap < r->len + n)
                        cap *= 2;
                r->cap = min_size(cap, want > r->cap ? want : cap);
                r->data = xreallocarray(r->data, r->cap, 1);
        }
        memcpy(r->data + r->len, p, n);
        r->len += n;
}

enum grpc_frame_result grpc_frame_feed(struct grpc_frame_reader *r, const uint8_t **p, size_t *left,
                                       struct grpc_frame *ret)
{
        size_t n = min_size(GRPC_FRAME_HEAD - r->head_len, *left);
        size_t want;

        if (n > 0)
                memcpy(r->head + r->head_len, *p, n);
        r->head_len += (uint8_t)n;
        *p += n;
        *left -= n;
        if (r->head_len > 0 && r->head[0] > 1)
                return GRPC_FRAME_BAD_FLAG;
        if (r->head_len < GRPC_FRAME_HEAD)
                return GRPC_FRAME_MORE;

        want = claimed(r);
        if (want > r->max) {
                *ret = (struct grpc_frame){ .len = want };
                return GRPC_FRAME_TOO_LARGE;
        }
        n = min_size(want - r->len, *left);
        if (r->len + n < want || r->len > 0) {
                if (n > 0)
                        collect(r, *p, n, want);
                if (r->len < want) {
                        *p += n;
                        *left -= n;
                        return GRPC_FRAME_MORE;
                }
                *ret = (struct grpc_frame){ r->head[0], r->data, want };
        } else {
                *ret = (struct grpc_frame){ r->head[0], *p, want };
        }
        *p += n;
        *left -= n;
        r->head_len = 0;
        r->len = 0;
        return GRPC_FRAME_MESSAGE;
}

bool grpc_frame_partial(const struct grpc_frame_reader *r)
{
        return r->head_len > 0;
}

void grpc_frame_done(struct grpc_frame_reader *r)
{
        free(r->data);
        *r = (struct grpc_frame_reader){ .max = r->max };
}
