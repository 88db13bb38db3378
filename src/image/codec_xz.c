/* SPDX-License-Identifier: Apache-2.0 */
/* xz through liblzma, stream by stream. */
#include "image/codec_priv.h"

#include <lzma.h>
#include <stdlib.h>

#include "util/limits.h"

static void *xz_open(void)
{
        return calloc(1, sizeof(lzma_stream)); /* all zero is LZMA_STREAM_INIT */
}

static bool xz_begin(void *c)
{
        return lzma_stream_decoder(c, LIMIT_CODEC_MEMORY_BYTES, 0) == LZMA_OK;
}

static enum codec_result xz_step(void *c, struct codec_io *io)
{
        lzma_stream *s = c;
        lzma_ret r;

        s->next_in = io->in;
        s->avail_in = io->in_len;
        s->next_out = io->out;
        s->avail_out = io->out_len;
        r = lzma_code(s, LZMA_RUN);
        io->in = s->next_in;
        io->in_len = s->avail_in;
        io->out = s->next_out;
        io->out_len = s->avail_out;
        if (r == LZMA_STREAM_END)
                return CODEC_END;
        if (r == LZMA_OK || r == LZMA_BUF_ERROR)
                return CODEC_MORE;
        io->why = r == LZMA_MEMLIMIT_ERROR  ? "needs too much memory"
                  : r == LZMA_FORMAT_ERROR  ? "bad header"
                  : r == LZMA_OPTIONS_ERROR ? "unknown options"
                  : r == LZMA_MEM_ERROR     ? "out of memory"
                                            : "invalid block or checksum";
        return r == LZMA_MEMLIMIT_ERROR || r == LZMA_MEM_ERROR ? CODEC_LIMIT : CODEC_CORRUPT;
}

static void xz_close(void *c)
{
        lzma_end(c);
        free(c);
}

const struct codec codec_xz = { xz_open, xz_begin, xz_step, xz_close };
