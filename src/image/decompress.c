/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members are unpacked one after the other until the blob ends: eStargz and bgzf are many gzip
 * members, zstd:chunked many frames. Zero bytes between or after members are padding (tapes, xz);
 * anything else that is no further member is an error, since a reader that stops early would verify
 * a digest over bytes nobody looked at.
 */
#include "image/decompress.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "image/codec_priv.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"

enum { IN_BYTES = 256 * 1024 };

struct decompress {
        struct blob blob; /* its fd and name are borrowed */
        struct decompress_options o;
        enum packing packing;
        const struct codec *codec; /* NULL: plain */
        void *state;               /* owned by the codec */
        uint8_t *in;               /* owned; IN_BYTES */
        size_t in_pos;
        size_t in_len;
        uint64_t read; /* bytes taken from the blob */
        uint64_t unpacked;
        bool in_member;
        bool done;
        struct digest *packed_sha256; /* owned; NULL: not wanted */
        struct digest *sha256;
        struct digest *sha512;
};

static const struct {
        const char *name;
        const char *magic;
        size_t len;
        const struct codec *codec;
} packings[] = {
        [PACKING_PLAIN] = { "plain", "", 0, NULL },
        [PACKING_GZIP] = { "gzip", "\x1f\x8b\x08", 3, &codec_gzip },
        [PACKING_ZSTD] = { "zstd", "\x28\xb5\x2f\xfd", 4, &codec_zstd },
        [PACKING_XZ] = { "xz",
                         "\xfd"
                         "7zXZ\0",
                         6, &codec_xz },
        [PACKING_BZIP2] = { "bzip2", "BZh", 3, &codec_bzip2 },
};
static_assert(ARRAY_LEN(packings) == PACKING_MAX, "one row per packing");

const char *packing_name(enum packing p)
{
        return p >= 0 && p < PACKING_MAX ? packings[p].name : "unknown";
}

enum packing packing_sniff(const uint8_t *head, size_t len)
{
        for (int p = PACKING_GZIP; p < PACKING_MAX; p++) {
                if (len >= packings[p].len && memcmp(head, packings[p].magic, packings[p].len) == 0)
                        return (enum packing)p;
        }
        /* RFC 8878 section 3.1.2: skippable frames start with 0x184D2A50 to 5F, little-endian */
        if (len >= 4 && (head[0] & 0xf0) == 0x50 && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0)
                return PACKING_ZSTD;
        return PACKING_PLAIN;
}

/* At least @want bytes in the input buffer, or all that is left. */
static int fill(struct decompress *d, size_t want, struct err *e)
{
        if (d->in_len - d->in_pos >= want)
                return 0;
        memmove(d->in, d->in + d->in_pos, d->in_len - d->in_pos);
        d->in_len -= d->in_pos;
        d->in_pos = 0;
        while (d->in_len < want && d->read < d->blob.size) {
                size_t n;

                if (blob_read_at(&d->blob, d->read, d->in + d->in_len, IN_BYTES - d->in_len, &n,
                                 e) < 0)
                        return -1;
                if (d->packed_sha256)
                        digest_update(d->packed_sha256, d->in + d->in_len, n);
                d->in_len += n;
                d->read += n;
        }
        return 0;
}

int decompress_open(struct decompress **ret, const struct blob *b,
                    const struct decompress_options *o, struct err *e)
{
        AUTO(decompress_freep) struct decompress *d = xcalloc(1, sizeof(*d));

        d->blob = *b;
        d->o = *o;
        d->o.max_bytes = o->max_bytes ? o->max_bytes : LIMIT_ARCHIVE_STREAM_BYTES;
        d->o.ratio_floor = o->ratio_floor ? o->ratio_floor : LIMIT_ARCHIVE_RATIO_FLOOR;
        d->o.max_ratio = o->max_ratio ? o->max_ratio : LIMIT_ARCHIVE_RATIO;
        d->in = xmalloc(IN_BYTES);
        if (o->digests & DECOMPRESS_PACKED_SHA256)
                d->packed_sha256 = digest_new(DIGEST_SHA256);
        if (o->digests & DECOMPRESS_SHA256)
                d->sha256 = digest_new(DIGEST_SHA256);
        if (o->digests & DECOMPRESS_SHA512)
                d->sha512 = digest_new(DIGEST_SHA512);
        if (fill(d, PACKING_MAGIC_BYTES, e) < 0)
                return -1;
        d->packing = packing_sniff(d->in, d->in_len);
        d->codec = packings[d->packing].codec;
        /* The same bytes: hashed once. */
        if (!d->codec && d->sha256)
                d->packed_sha256 = digest_free(d->packed_sha256);
        if (d->codec && !(d->state = d->codec->open()))
                return err_set(e, ERR_NO_SPACE, ENOMEM, "%s: unpack %s", b->name,
                               packing_name(d->packing));
        *ret = TAKE_PTR(d);
        return 0;
}

struct decompress *decompress_free(struct decompress *d)
{
        if (!d)
                return NULL;
        if (d->state)
                d->codec->close(d->state);
        digest_free(d->packed_sha256);
        digest_free(d->sha256);
        digest_free(d->sha512);
        free(d->in);
        free(d);
        return NULL;
}

/* Skip padding and start the next member; d->done when there is none. */
static int begin_member(struct decompress *d, struct err *e)
{
        if (decompress_packed_pos(d) > 0) {
                for (;;) {
                        if (fill(d, 1, e) < 0)
                                return -1;
                        while (d->in_pos < d->in_len && d->in[d->in_pos] == 0)
                                d->in_pos++;
                        if (d->in_pos < d->in_len)
                                break;
                        if (d->read == d->blob.size) {
                                d->done = true;
                                return 0;
                        }
                }
        }
        if (fill(d, PACKING_MAGIC_BYTES, e) < 0)
                return -1;
        if (packing_sniff(d->in + d->in_pos, d->in_len - d->in_pos) != d->packing)
                return err_set(e, ERR_BAD_DATA, 0,
                               "%s: bytes after the end of the %s data at %" PRIu64, d->blob.name,
                               packing_name(d->packing), decompress_packed_pos(d));
        if (!d->codec->begin(d->state))
                return err_set(e, ERR_NO_SPACE, ENOMEM, "%s: unpack %s", d->blob.name,
                               packing_name(d->packing));
        d->in_member = true;
        return 0;
}

static int step_error(const struct decompress *d, enum codec_result r, const char *why,
                      struct err *e)
{
        if (r == CODEC_LIMIT)
                return err_set(e, ERR_LIMIT, 0,
                               "%s: %s data needs more than the %u MiB of memory allowed: %s",
                               d->blob.name, packing_name(d->packing),
                               LIMIT_CODEC_MEMORY_BYTES >> 20, why);
        return err_set(e, ERR_BAD_DATA, 0, "%s: corrupt %s data near byte %" PRIu64 ": %s",
                       d->blob.name, packing_name(d->packing), decompress_packed_pos(d), why);
}

/* One step of the codec; *ret_len may be 0. */
static int unpack_some(struct decompress *d, uint8_t *data, size_t len, size_t *ret_len,
                       struct err *e)
{
        struct codec_io io = { .out = data, .out_len = len };
        enum codec_result r;
        size_t had;

        if (fill(d, 1, e) < 0)
                return -1;
        io.in = d->in + d->in_pos;
        io.in_len = had = d->in_len - d->in_pos;
        r = d->codec->step(d->state, &io);
        d->in_pos += had - io.in_len;
        *ret_len = len - io.out_len;
        if (r == CODEC_CORRUPT || r == CODEC_LIMIT)
                return step_error(d, r, io.why, e);
        if (r == CODEC_END)
                d->in_member = false;
        else if (*ret_len == 0 && had == 0)
                return err_set(e, ERR_BAD_DATA, 0, "%s: truncated %s data (%" PRIu64 " bytes)",
                               d->blob.name, packing_name(d->packing), d->blob.size);
        else if (*ret_len == 0 && had == io.in_len)
                return step_error(d, CODEC_CORRUPT, "no progress", e);
        return 0;
}

static int read_plain(struct decompress *d, uint8_t *data, size_t len, size_t *ret_len,
                      struct err *e)
{
        size_t have = d->in_len - d->in_pos;

        if (have > 0) {
                *ret_len = have < len ? have : len;
                memcpy(data, d->in + d->in_pos, *ret_len);
                d->in_pos += *ret_len;
                return 0;
        }
        if (blob_read_at(&d->blob, d->read, data, len, ret_len, e) < 0)
                return -1;
        d->read += *ret_len;
        if (d->packed_sha256)
                digest_update(d->packed_sha256, data, *ret_len);
        d->done = *ret_len == 0;
        return 0;
}

/* Account for @n bytes of output. */
static int check_output(struct decompress *d, const uint8_t *data, size_t n, struct err *e)
{
        d->unpacked += n;
        if (d->unpacked > d->o.max_bytes)
                return err_set(e, ERR_LIMIT, 0,
                               "%s: unpacks to more than %" PRIu64 " bytes (limit)", d->blob.name,
                               d->o.max_bytes);
        if (d->unpacked > d->o.ratio_floor &&
            d->unpacked / d->o.max_ratio > decompress_packed_pos(d))
                return err_set(
                        e, ERR_LIMIT, 0,
                        "%s: unpacks to more than %u times its size (limit): a decompression bomb",
                        d->blob.name, d->o.max_ratio);
        if (d->sha256)
                digest_update(d->sha256, data, n);
        if (d->sha512)
                digest_update(d->sha512, data, n);
        return 0;
}

int decompress_read(struct decompress *d, void *data, size_t len, size_t *ret_len, struct err *e)
{
        size_t n = 0;

        while (n == 0 && !d->done) {
                if (!d->codec) {
                        if (read_plain(d, data, len, &n, e) < 0)
                                return -1;
                } else if (!d->in_member) {
                        if (begin_member(d, e) < 0)
                                return -1;
                } else if (unpack_some(d, data, len, &n, e) < 0) {
                        return -1;
                }
        }
        if (check_output(d, data, n, e) < 0)
                return -1;
        *ret_len = n;
        return 0;
}

enum packing decompress_packing(const struct decompress *d)
{
        return d->packing;
}

uint64_t decompress_packed_pos(const struct decompress *d)
{
        return d->read - (d->in_len - d->in_pos);
}

static void take(struct digest *d, char ret[static DIGEST_HEX_MAX + 1])
{
        ret[0] = 0;
        if (d)
                digest_final(d, ret);
}

void decompress_totals(struct decompress *d, struct decompress_totals *ret)
{
        ret->packing = d->packing;
        ret->packed_bytes = d->read;
        ret->unpacked_bytes = d->unpacked;
        take(d->packed_sha256, ret->packed_sha256);
        take(d->sha256, ret->sha256);
        if (!d->codec && (d->o.digests & DECOMPRESS_PACKED_SHA256) && ret->sha256[0])
                memcpy(ret->packed_sha256, ret->sha256, sizeof(ret->sha256));
        take(d->sha512, ret->sha512);
}
