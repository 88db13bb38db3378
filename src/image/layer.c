/* SPDX-License-Identifier: Apache-2.0 */
#include "image/layer.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "image/pump_priv.h"
#include "util/auto.h"

enum { PROGRESS_STEP_BYTES = 4 * 1024 * 1024 };

struct feed {
        struct pump *pump;
        const struct layer_unpack *u;
        uint64_t told; /* packed bytes at the last progress call */
};

static int feed_next(void *ctx, const void **ret, size_t *ret_len, struct err *e)
{
        struct feed *f = ctx;
        uint64_t pos;

        if (pump_next(f->pump, ret, ret_len, e) < 0)
                return -1;
        pos = pump_packed_pos(f->pump);
        if (f->u->progress && pos - f->told >= PROGRESS_STEP_BYTES) {
                f->told = pos;
                f->u->progress(pos, f->u->blob->size, f->u->progress_arg);
        }
        return 0;
}

static bool is_sha512(const char *digest)
{
        return digest && strncmp(digest, "sha512:", 7) == 0;
}

/* @hex is of the algorithm that @expected names; sha256 when that is none we know. */
static int check_hex(const struct layer_unpack *u, const char *what, const char *expected,
                     const char *hex, struct err *e)
{
        char found[8 + DIGEST_HEX_MAX];

        if (!expected)
                return 0;
        (void)snprintf(found, sizeof(found), "%s:%s", is_sha512(expected) ? "sha512" : "sha256",
                       hex);
        if (strcmp(expected, found) == 0)
                return 0;
        return err_set(e, ERR_BAD_DATA, 0, "%s: wrong %s: expected %s, found %s", u->blob->name,
                       what, expected, found);
}

/*
 * A damaged blob usually breaks the gzip or tar format first. The digest says more: that these are
 * not the bytes the image means. So look at it before reporting broken bytes; whatever else went
 * wrong stays as it was.
 */
static int explain(const struct layer_unpack *u, struct err *e)
{
        char hex[DIGEST_HEX_MAX + 1];
        struct err ignored;

        if (e->kind == ERR_BAD_DATA && u->expect.packed_digest &&
            blob_sha256(u->blob, hex, &ignored) == 0)
                (void)check_hex(u, "digest", u->expect.packed_digest, hex, e);
        return -1;
}

int layer_unpack(const struct layer_unpack *u, int rootfd, struct buf *manifest,
                 struct layer_result *ret, struct err *e)
{
        const struct decompress_options o = {
                .digests = u->digests | (u->expect.packed_digest ? DECOMPRESS_PACKED_SHA256 : 0) |
                           (!u->expect.diff_id             ? 0
                            : is_sha512(u->expect.diff_id) ? DECOMPRESS_SHA512
                                                           : DECOMPRESS_SHA256),
        };
        AUTO(decompress_freep) struct decompress *d = NULL;
        AUTO(pump_joinp) struct pump *pump = NULL; /* declared after d: joined before d falls */
        struct untar_options tar = u->tar;
        struct untar_input in = { .next = feed_next };
        struct layer_result result = { 0 };
        struct feed feed = { .u = u };

        if (!tar.name)
                tar.name = u->blob->name;
        if (decompress_open(&d, u->blob, &o, e) < 0 || pump_start(&pump, d, e) < 0)
                return -1;
        feed.pump = pump;
        in.ctx = &feed;
        if (untar(&in, rootfd, &tar, manifest, &result.tar, e) < 0)
                return explain(u, e);
        pump = pump_join(pump);
        decompress_totals(d, &result.stream);
        if (check_hex(u, "digest", u->expect.packed_digest, result.stream.packed_sha256, e) < 0 ||
            check_hex(u, "diff id", u->expect.diff_id,
                      is_sha512(u->expect.diff_id) ? result.stream.sha512 : result.stream.sha256,
                      e) < 0)
                return -1;
        if (u->progress)
                u->progress(u->blob->size, u->blob->size, u->progress_arg);
        *ret = result;
        return 0;
}
