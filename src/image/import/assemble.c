/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image of OCI's or Docker's kind into the store. The config's digest is pinned by the manifest,
 * the diff ids by the config; so a layer that is in the store under its diff id is taken from
 * there, and its blob is not even read.
 *
 * A layer whose tree came out as it did because of the layers below (see depends_on_lowers in
 * untar.h) is kept under the chain id instead (image-spec config.md, "Layer ChainID"), which names
 * it together with those.
 */
#include "image/import/import_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/from_oci.h"
#include "image/layer.h"
#include "image/txn.h"
#include "util/auto.h"
#include "util/digest.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/test_hook.h"

struct build {
        struct import *im;
        const struct assemble *a;
        struct image_txn *txn;       /* owned */
        struct image_oci_result oci; /* owned */
        int *fds; /* owned, each too; fds[top..n_layers-1]: the layers so far, top first */
        size_t top;
        char (*names)[IMAGE_LAYER_NAME_MAX]; /* owned; bottom first */
        char chain[8 + DIGEST_HEX_MAX];      /* chain id of the layers so far, "sha256:…" */
};

static void build_done(struct build *b)
{
        for (size_t i = b->top; b->fds && i < b->a->n_layers; i++)
                closep(&b->fds[i]);
        free(b->fds);
        free(b->names);
        image_oci_result_done(&b->oci);
        image_txn_free(b->txn);
}

static void next_chain(struct build *b, const char *diff_id)
{
        AUTO_FREE char *text = b->chain[0] ? xasprintf("%s %s", b->chain, diff_id) : NULL;
        char hex[DIGEST_HEX_MAX + 1];

        if (!text) {
                (void)snprintf(b->chain, sizeof(b->chain), "%s", diff_id);
                return;
        }
        digest_of(DIGEST_SHA256, text, strlen(text), hex);
        (void)snprintf(b->chain, sizeof(b->chain), "sha256:%s", hex);
}

/*
 * The store's name for "this layer above just those": an algorithm of its own, so that it is never
 * a diff id.
 */
static void chain_key(const struct build *b, char ret[static IMAGE_DIGEST_MAX])
{
        (void)snprintf(ret, IMAGE_DIGEST_MAX, "chain%s", b->chain);
}

static int open_published(struct build *b, const char *layer, struct err *e)
{
        AUTO_FREE char *path = xasprintf("%s/fs", layer);
        int fd = fs_open_dir(b->im->store->layers_fd, path);

        if (fd < 0)
                return err_set(e, ERR_INTERNAL, -fd, "open layer %s", layer);
        return fd;
}

/* 1: layer @i is there already; 0: not; -1 */
static int find_layer(struct build *b, size_t i, struct err *e)
{
        const char *keys[] = { b->oci.diff_ids.v[i], NULL };
        char key[IMAGE_DIGEST_MAX];
        bool found = false;
        int fd = -1;

        chain_key(b, key);
        keys[1] = key;
        for (size_t k = 0; k < ARRAY_LEN(keys) && !found; k++) {
                if (image_txn_find_layer(b->txn, keys[k], &found, b->names[i], e) < 0)
                        return err_wrap(e, "%s", b->im->file);
        }
        if (!found)
                return 0;
        for (size_t k = 0; k < i && fd < 0; k++) {
                if (strcmp(b->names[k], b->names[i]) == 0)
                        fd = fcntl(b->fds[b->a->n_layers - 1 - k], F_DUPFD_CLOEXEC, 3);
        }
        if (fd < 0)
                fd = open_published(b, b->names[i], e);
        if (fd < 0)
                return -1;
        b->fds[--b->top] = fd;
        return 1;
}

struct told {
        struct import *im;
        const char *what;
};

static void on_progress(uint64_t done, uint64_t total, void *arg)
{
        const struct told *t = arg;

        import_progress(t->im, t->what, done, total, false);
}

static int unpack_layer(struct build *b, size_t i, const char *what, struct err *e)
{
        AUTO(member_done) struct member m = MEMBER_NULL;
        struct told told = { b->im, what };
        struct layer_unpack u = {
                .tar = { .mode = UNTAR_LAYER,
                         .lowers = b->fds + b->top,
                         .n_lowers = b->a->n_layers - b->top,
                         .user_xattr = geteuid() != 0 },
                .progress = on_progress,
                .progress_arg = &told,
        };
        struct layer_result r;
        char key[IMAGE_DIGEST_MAX];
        AUTO_CLOSE int fd = -1;
        unsigned token;

        if (b->a->open_layer(b->a->ctx, i, &m, &u.expect.packed_digest, e) < 0)
                return -1;
        u.blob = &m.blob;
        u.expect.diff_id = b->oci.diff_ids.v[i];
        if (image_txn_stage_layer(b->txn, &fd, &token, e) < 0)
                return err_wrap(e, "%s", b->im->file);
        test_hook("import:unpack");
        if (layer_unpack(&u, fd, NULL, &r, e) < 0)
                return -1;
        import_warn_skipped(b->im, what, &r.tar);
        chain_key(b, key);
        if (image_txn_finish_layer(b->txn, token, r.tar.depends_on_lowers ? key : u.expect.diff_id,
                                   r.tar.bytes, b->names[i], e) < 0)
                return err_wrap(e, "%s", b->im->file);
        b->fds[--b->top] = TAKE_FD(fd);
        return 0;
}

static int build_layers(struct build *b, struct err *e)
{
        for (size_t i = 0; i < b->a->n_layers; i++) {
                const char *diff_id = b->oci.diff_ids.v[i];
                char what[64];
                int r;

                (void)snprintf(what, sizeof(what), "layer %.19s", diff_id);
                next_chain(b, diff_id);
                r = find_layer(b, i, e);
                if (r < 0 || (r == 0 && unpack_layer(b, i, what, e) < 0))
                        return -1;
                if (r > 0)
                        import_progress(b->im, what, 0, 0, true);
        }
        return 0;
}

static int commit(struct build *b, const char *id, struct err *e)
{
        const struct assemble *a = b->a;
        AUTO(image_record_done)
        struct image_record record = {
                .id = xstrdup(id),
                .format = a->format,
                .format_version = xstrdup(a->format_version),
                .name = xstrdup(b->oci.name),
                .version = xstrdup_null(b->oci.version),
                .manifest_digest = xstrdup(a->manifest_digest),
                .config_digest = xstrdup(a->config_digest),
        };

        for (size_t i = a->n_layers; i-- > 0;)
                strv_add(&record.layers, b->names[i]);
        test_hook("import:commit");
        if (image_txn_add_blob(b->txn, a->manifest_digest, a->manifest, a->manifest_len, e) < 0 ||
            image_txn_add_blob(b->txn, a->config_digest, a->config, a->config_len, e) < 0 ||
            image_txn_commit(b->txn, &record, b->oci.manifest, b->oci.manifest_len, e) < 0)
                return err_wrap(e, "%s", b->im->file);
        return 0;
}

static int convert(struct build *b, struct err *e)
{
        const struct assemble *a = b->a;
        const struct image_oci_source src = {
                .config = a->config,
                .config_len = a->config_len,
                .format = a->format,
                .reference = a->reference,
                .fallback_name = b->im->base,
                .config_digest = a->config_digest,
                .manifest_digest = a->manifest_digest,
        };

        if (image_from_oci(&src, &b->oci, e) < 0)
                return err_wrap(e, "%s: config %.19s", b->im->file, a->config_digest);
        if (b->oci.diff_ids.n != a->n_layers)
                return err_set(e, ERR_BAD_DATA, 0, "%s: config %.19s: %zu diff ids for %zu layers",
                               b->im->file, a->config_digest, b->oci.diff_ids.n, a->n_layers);
        if (a->n_layers == 0)
                return err_set(e, ERR_UNSUPPORTED, 0, "%s: an image without layers", b->im->file);
        if (a->n_layers > LIMIT_IMAGE_LAYERS)
                return err_set(e, ERR_LIMIT, 0, "%s: %zu layers, more than %u (limit)", b->im->file,
                               a->n_layers, LIMIT_IMAGE_LAYERS);
        return 0;
}

int import_assemble(struct import *im, const struct assemble *a, struct err *e)
{
        AUTO(build_done)
        struct build b = { .im = im, .a = a, .oci = IMAGE_OCI_RESULT_NULL, .top = a->n_layers };
        char hex[DIGEST_HEX_MAX + 1], id[IMAGE_ID_LEN + 1];
        bool there;

        digest_of(DIGEST_SHA512, a->manifest, a->manifest_len, hex);
        import_id_from_sha512(hex, id);
        if (image_txn_begin(&b.txn, im->store, IMAGE_LOCK_WAIT, e) < 0 ||
            image_txn_has_image(b.txn, id, &there, e) < 0)
                return err_wrap(e, "%s", im->file);
        if (convert(&b, e) < 0)
                return -1;
        if (there) {
                /* The id says nothing of the tag: this may be another name of the same image. */
                if (image_txn_add_name(b.txn, id, b.oci.name, b.oci.version, e) < 0)
                        return err_wrap(e, "%s", im->file);
                import_progress(im, "image", 0, 0, true);
                import_add_id(im, id);
                return 0;
        }
        b.fds = xcalloc(a->n_layers, sizeof(*b.fds));
        b.names = xcalloc(a->n_layers, sizeof(*b.names));
        if (build_layers(&b, e) < 0 || commit(&b, id, e) < 0)
                return -1;
        import_add_id(im, id);
        return 0;
}
