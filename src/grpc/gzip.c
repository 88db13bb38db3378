/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/gzip.h"

#include <libdeflate.h>
#include <stdbool.h>
#include <stdlib.h>

#include "util/auto.h"
#include "util/mem.h"

enum {
        LEVEL = 1,          /* higher ones take three times as long for a tenth less */
        RATIO_MAX = 1032,   /* deflate cannot do better: 258 bytes for two bits */
        GZIP_SIZE_TAIL = 4, /* RFC 1952 section 2.3.1: ISIZE ends the member */
        EXPECTED_RATIO = 4,
};

/* One of each for the thread: both forget a message when they are done with it. */
static struct libdeflate_decompressor *decompressor(void)
{
        static struct libdeflate_decompressor *d;

        if (!d && !(d = libdeflate_alloc_decompressor()))
                abort();
        return d;
}

static struct libdeflate_compressor *compressor(void)
{
        static struct libdeflate_compressor *c;

        if (!c && !(c = libdeflate_alloc_compressor(LEVEL)))
                abort();
        return c;
}

static enum libdeflate_result run(enum grpc_encoding encoding, const uint8_t *data, size_t len,
                                  uint8_t *to, size_t room, size_t *ret_len)
{
        size_t used;
        enum libdeflate_result r =
                encoding == GRPC_ENCODING_GZIP
                        ? libdeflate_gzip_decompress_ex(decompressor(), data, len, to, room, &used,
                                                        ret_len)
                        : libdeflate_zlib_decompress_ex(decompressor(), data, len, to, room, &used,
                                                        ret_len);

        return r == LIBDEFLATE_SUCCESS && used != len ? LIBDEFLATE_BAD_DATA : r;
}

/* What to make room for at first. A gzip message says its size; more than that is a lie. */
static size_t first_room(enum grpc_encoding encoding, const uint8_t *data, size_t len, size_t limit,
                         bool *ret_final)
{
        size_t room = len <= limit / EXPECTED_RATIO ? len * EXPECTED_RATIO : limit;

        *ret_final = encoding == GRPC_ENCODING_GZIP || room == limit;
        if (encoding != GRPC_ENCODING_GZIP || len < GZIP_SIZE_TAIL)
                return room;
        data += len - GZIP_SIZE_TAIL;
        return (size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16 |
               (size_t)data[3] << 24;
}

enum grpc_expand_result grpc_expand(enum grpc_encoding encoding, const uint8_t *data, size_t len,
                                    size_t max, uint8_t **ret, size_t *ret_len)
{
        bool final;
        size_t possible = len <= max / RATIO_MAX ? len * RATIO_MAX : max;
        size_t room = first_room(encoding, data, len, possible, &final);

        if (room / RATIO_MAX > len)
                return GRPC_EXPAND_CORRUPT;
        if (room > max)
                return GRPC_EXPAND_TOO_LARGE;
        if (room > possible)
                return GRPC_EXPAND_CORRUPT;
        for (;;) {
                uint8_t *to = xmalloc(room + 1); /* not 0 */
                enum libdeflate_result r = run(encoding, data, len, to, room, ret_len);

                if (r == LIBDEFLATE_SUCCESS) {
                        *ret = to;
                        return GRPC_EXPAND_OK;
                }
                free(to);
                if (r != LIBDEFLATE_INSUFFICIENT_SPACE || encoding == GRPC_ENCODING_GZIP)
                        return GRPC_EXPAND_CORRUPT;
                if (final)
                        return GRPC_EXPAND_TOO_LARGE;
                final = room > possible / 2;
                room = final ? possible : 2 * room;
        }
}

size_t grpc_shrink(const void *data, size_t len, uint8_t *to, size_t room)
{
        return libdeflate_gzip_compress(compressor(), data, len, to, room);
}

struct grpc_blob *grpc_blob_shrink(struct grpc_blob *b)
{
        AUTO_FREE uint8_t *to = NULL;
        size_t n;

        if (b->gzip || b->gzip_useless || b->len < GRPC_SHRINK_MIN || b->len > GRPC_SHRINK_MAX)
                return b->gzip;
        to = xmalloc(b->len);
        n = grpc_shrink(b->data, b->len, to, b->len - 1);
        if (n > 0)
                b->gzip = grpc_blob_new_copy(to, n);
        else
                b->gzip_useless = true;
        return b->gzip;
}
