/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compression of messages (grpc/grpc, doc/compression.md), each on its own. By libdeflate: messages
 * lie in memory whole, so nothing is gained from a stream, and a decoder whose output is a buffer of
 * our size cannot be made to write more; it also takes two thirds of zlib's time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "grpc/blob.h"
#include "grpc/head.h"

enum grpc_expand_result {
        GRPC_EXPAND_OK,
        GRPC_EXPAND_CORRUPT,
        GRPC_EXPAND_TOO_LARGE, /* more than @max, or it says so */
};

/*
 * Undo GZIP or DEFLATE. *ret is freed by the caller. Takes no more memory than @max, and not even
 * that for a gzip message that says it is larger. Nothing may follow the one stream.
 */
enum grpc_expand_result grpc_expand(enum grpc_encoding encoding, const uint8_t *data, size_t len,
                                    size_t max, uint8_t **ret, size_t *ret_len);

enum {
        /* A message that fits one packet is not worth it; */
        GRPC_SHRINK_MIN = 1024,
        /* one that keeps everybody else waiting for some 50 ms is worth less. */
        GRPC_SHRINK_MAX = 8 * 1024 * 1024,
};

/* gzip of @len bytes to @to, which has @room. Returns its size; 0: it does not fit. */
size_t grpc_shrink(const void *data, size_t len, uint8_t *to, size_t room);
/*
 * gzip of the whole blob, made once and kept with it. NULL when its size is not between MIN and MAX or
 * it does not become smaller. Borrowed from @b.
 */
struct grpc_blob *grpc_blob_shrink(struct grpc_blob *b);
