/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pull stream that unpacks a blob: gzip (several members, through ISA-L), zstd (several frames),
 * xz, bzip2, or plain bytes; the packing is found by its magic. Digests of the packed and of the
 * unpacked bytes are computed on the way. Memory is bounded by the windows of the formats (at most
 * 128 MiB, zstd's and xz's limit here); the output by the limits given.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/blob.h"
#include "util/digest.h"
#include "util/err.h"

enum packing {
        PACKING_PLAIN,
        PACKING_GZIP,
        PACKING_ZSTD,
        PACKING_XZ,
        PACKING_BZIP2,
        PACKING_MAX,
};

enum { PACKING_MAGIC_BYTES = 6 };

const char *packing_name(enum packing p); /* "gzip"; never NULL */
enum packing packing_sniff(const uint8_t *head, size_t len);

enum decompress_digest {
        DECOMPRESS_PACKED_SHA256 = 1 << 0,
        DECOMPRESS_SHA256 = 1 << 1, /* of the unpacked bytes */
        DECOMPRESS_SHA512 = 1 << 2, /* of the unpacked bytes */
};

struct decompress_options {
        int digests;        /* enum decompress_digest, or-ed */
        uint64_t max_bytes; /* unpacked; 0: LIMIT_ARCHIVE_STREAM_BYTES */
        /* Outputs up to this are never called bombs; 0: LIMIT_ARCHIVE_RATIO_FLOOR. */
        uint64_t ratio_floor;
        unsigned max_ratio; /* unpacked : packed; 0: LIMIT_ARCHIVE_RATIO */
};

struct decompress_totals {
        enum packing packing;
        uint64_t packed_bytes;
        uint64_t unpacked_bytes;
        /* Lower-case hex; "" when not asked for. */
        char packed_sha256[DIGEST_HEX_MAX + 1];
        char sha256[DIGEST_HEX_MAX + 1];
        char sha512[DIGEST_HEX_MAX + 1];
};

struct decompress;

/*
 * @b's descriptor and name must outlive the stream. Reads the first bytes: errors as blob_read_at.
 */
int decompress_open(struct decompress **ret, const struct blob *b,
                    const struct decompress_options *o, struct err *e);

/*
 * Up to @len unpacked bytes; *ret_len is 0 only at the end, when the whole blob was read and was
 * sound. Errors: ERR_BAD_DATA (corrupt, truncated, bytes after the end that are not another
 * member), ERR_LIMIT (too many bytes, too high a ratio, a window that needs too much memory), and
 * blob_read_at's. Blocks on reading only.
 */
int decompress_read(struct decompress *d, void *data, size_t len, size_t *ret_len, struct err *e);

enum packing decompress_packing(const struct decompress *d);
/* Packed bytes consumed so far: for progress. */
uint64_t decompress_packed_pos(const struct decompress *d);

/* After decompress_read reported the end. The digests can be taken once. */
void decompress_totals(struct decompress *d, struct decompress_totals *ret);

struct decompress *decompress_free(struct decompress *d); /* accepts NULL, returns NULL */
static inline void decompress_freep(struct decompress **d)
{
        decompress_free(*d);
}
