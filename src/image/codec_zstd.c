/* SPDX-License-Identifier: Apache-2.0 */
/* zstd (RFC 8878), frame by frame; skippable frames are frames without output. */
#include "image/codec_priv.h"

#include <zstd.h>
#include <zstd_errors.h>

/* 2^27 bytes: LIMIT_CODEC_MEMORY_BYTES, and what zstd itself takes without --long=31. */
enum { WINDOW_LOG_MAX = 27 };

static void *zstd_open(void)
{
        ZSTD_DStream *s = ZSTD_createDStream();

        if (s)
                (void)ZSTD_DCtx_setParameter(s, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
        return s;
}

static bool zstd_begin(void *c)
{
        return !ZSTD_isError(ZSTD_DCtx_reset(c, ZSTD_reset_session_only));
}

static enum codec_result zstd_step(void *c, struct codec_io *io)
{
        ZSTD_inBuffer in = { io->in, io->in_len, 0 };
        ZSTD_outBuffer out = { io->out, io->out_len, 0 };
        size_t r = ZSTD_decompressStream(c, &out, &in);

        if (ZSTD_isError(r)) {
                io->why = ZSTD_getErrorName(r);
                return ZSTD_getErrorCode(r) == ZSTD_error_frameParameter_windowTooLarge
                               ? CODEC_LIMIT
                               : CODEC_CORRUPT;
        }
        io->in += in.pos;
        io->in_len -= in.pos;
        io->out += out.pos;
        io->out_len -= out.pos;
        return r == 0 ? CODEC_END : CODEC_MORE;
}

static void zstd_close(void *c)
{
        (void)ZSTD_freeDStream(c);
}

const struct codec codec_zstd = { zstd_open, zstd_begin, zstd_step, zstd_close };
