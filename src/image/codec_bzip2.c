/* SPDX-License-Identifier: Apache-2.0 */
/* bzip2 through libbz2, stream by stream. */
#include "image/codec_priv.h"

#include <bzlib.h>
#include <limits.h>
#include <stdlib.h>

struct bzip2 {
        bz_stream s;
        bool open;
};

static void *bzip2_open(void)
{
        return calloc(1, sizeof(struct bzip2));
}

static bool bzip2_begin(void *c)
{
        struct bzip2 *b = c;

        if (b->open)
                (void)BZ2_bzDecompressEnd(&b->s);
        b->s = (bz_stream){ 0 };
        b->open = BZ2_bzDecompressInit(&b->s, 0, 0) == BZ_OK;
        return b->open;
}

static enum codec_result bzip2_step(void *c, struct codec_io *io)
{
        struct bzip2 *b = c;
        int r;

        b->s.next_in = (char *)(uintptr_t)io->in; /* libbz2 only reads there */
        b->s.avail_in = io->in_len > INT_MAX ? INT_MAX : (unsigned)io->in_len;
        b->s.next_out = (char *)io->out;
        b->s.avail_out = io->out_len > INT_MAX ? INT_MAX : (unsigned)io->out_len;
        r = BZ2_bzDecompress(&b->s);
        io->in_len -= (size_t)((const uint8_t *)b->s.next_in - io->in);
        io->in = (const uint8_t *)b->s.next_in;
        io->out_len -= (size_t)((uint8_t *)b->s.next_out - io->out);
        io->out = (uint8_t *)b->s.next_out;
        if (r == BZ_STREAM_END)
                return CODEC_END;
        if (r == BZ_OK)
                return CODEC_MORE;
        io->why = r == BZ_DATA_ERROR_MAGIC ? "bad header"
                  : r == BZ_MEM_ERROR      ? "out of memory"
                                           : "invalid block or checksum";
        return r == BZ_MEM_ERROR ? CODEC_LIMIT : CODEC_CORRUPT;
}

static void bzip2_close(void *c)
{
        struct bzip2 *b = c;

        if (b->open)
                (void)BZ2_bzDecompressEnd(&b->s);
        free(b);
}

const struct codec codec_bzip2 = { bzip2_open, bzip2_begin, bzip2_step, bzip2_close };
