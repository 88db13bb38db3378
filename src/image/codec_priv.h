/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packings behind decompress.c: one member (gzip) or stream (xz, bzip2) or frame (zstd) at a
 * time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum codec_result {
        CODEC_MORE,    /* wants input or room for output */
        CODEC_END,     /* the member is complete and its checksum right */
        CODEC_CORRUPT, /* *why says how */
        CODEC_LIMIT,   /* *why: needs more memory than LIMIT_CODEC_MEMORY_BYTES */
};

/* Advanced by a step: pointers move on, lengths shrink. */
struct codec_io {
        const uint8_t *in;
        size_t in_len;
        uint8_t *out;
        size_t out_len;
        const char *why; /* static text */
};

struct codec {
        void *(*open)(void);    /* NULL: no memory */
        bool (*begin)(void *c); /* before each member; false: no memory */
        enum codec_result (*step)(void *c, struct codec_io *io);
        void (*close)(void *c);
};

extern const struct codec codec_gzip, codec_zstd, codec_xz, codec_bzip2;
