/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI image layout (image-spec image-layout.md). index.json lists the images. Entries of one name
 * that differ in platform are one image made for several; so is a nested index. Of those the best
 * fit is taken.
 */
#include "image/import/import_priv.h"

#include <stdio.h>
#include <string.h>

#include "image/import/oci_json.h"
#include "util/auto.h"
#include "util/buf.h"
#include "util/limits.h"

struct layout {
        struct import *im;
        const struct members *members;
        const struct oci_index *top;
        char version[16];
};

static void blob_path(const char *digest, char ret[static 96])
{
        (void)snprintf(ret, 96, "blobs/sha256/%.64s", digest + strlen("sha256:"));
}

static int open_blob(const struct layout *l, const struct oci_descriptor *d, struct member *ret,
                     struct err *e)
{
        AUTO(member_done) struct member m = MEMBER_NULL;
        char path[96];

        blob_path(d->digest, path);
        if (members_open(l->members, path, &m, e) < 0)
                return -1;
        if (m.blob.size != d->size)
                return err_set(e, ERR_BAD_DATA, 0,
                               "%s: wrong size: expected %llu bytes, found %llu", m.name,
                               (unsigned long long)d->size, (unsigned long long)m.blob.size);
        *ret = m;
        m = MEMBER_NULL;
        return 0;
}

static int read_blob(const struct layout *l, const struct oci_descriptor *d, struct buf *out,
                     struct err *e)
{
        AUTO(member_done) struct member m = MEMBER_NULL;

        if (open_blob(l, d, &m, e) < 0)
                return -1;
        return blob_read_verified(&m.blob, d->digest, out, e);
}

struct image {
        const struct layout *l;
        struct oci_manifest manifest;
};

static int open_layer(void *ctx, size_t i, struct member *ret, const char **ret_digest,
                      struct err *e)
{
        const struct image *image = ctx;

        *ret_digest = image->manifest.layers[i].digest;
        return open_blob(image->l, &image->manifest.layers[i], ret, e);
}

static int check_types(const struct layout *l, const struct oci_manifest *m, struct err *e)
{
        enum oci_kind kind = oci_media_kind(m->config.media_type);

        if (kind != OCI_CONFIG && kind != OCI_CONFIG_DOCKER)
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "%s: not a container image: its config is \"%.100s\"", l->im->file,
                               m->config.media_type);
        for (size_t i = 0; i < m->n_layers; i++) {
                const struct oci_descriptor *d = &m->layers[i];

                kind = oci_media_kind(d->media_type);
                if (kind == OCI_LAYER_FOREIGN)
                        return err_set(e, ERR_UNSUPPORTED, 0,
                                       "%s: layer %.19s is foreign: its licence keeps it out of "
                                       "images (%.100s)",
                                       l->im->file, d->digest, d->media_type);
                if (kind != OCI_LAYER)
                        return err_set(e, ERR_UNSUPPORTED, 0,
                                       "%s: layer %.19s has the unknown media type \"%.100s\"",
                                       l->im->file, d->digest, d->media_type);
        }
        return 0;
}

static int run_manifest(const struct layout *l, const struct oci_descriptor *d,
                        const char *ref_name, struct err *e)
{
        AUTO(buf_done)
        struct buf manifest = BUF_NULL(LIMIT_MANIFEST_BYTES),
                   config = BUF_NULL(LIMIT_MANIFEST_BYTES);
        struct image image = { .l = l };
        struct assemble a = {
                .format_version = l->version,
                .reference = ref_name,
                .manifest_digest = d->digest,
                .open_layer = open_layer,
                .ctx = &image,
        };
        int r = read_blob(l, d, &manifest, e);

        if (r == 0) {
                r = oci_manifest_parse(manifest.data, manifest.len, &image.manifest, e);
                if (r < 0)
                        (void)err_wrap(e, "%s: manifest %.19s", l->im->file, d->digest);
        }
        if (r == 0)
                r = check_types(l, &image.manifest, e);
        if (r == 0)
                r = read_blob(l, &image.manifest.config, &config, e);
        if (r == 0) {
                bool docker = oci_media_kind(image.manifest.config.media_type) == OCI_CONFIG_DOCKER;

                a.format = docker ? APPC_FORMAT_DOCKER : APPC_FORMAT_OCI;
                a.format_version = docker ? "2" : l->version;
                a.manifest = manifest.data;
                a.manifest_len = manifest.len;
                a.config = config.data;
                a.config_len = config.len;
                a.config_digest = image.manifest.config.digest;
                a.n_layers = image.manifest.n_layers;
                r = import_assemble(l->im, &a, e);
        }
        oci_manifest_done(&image.manifest);
        return r;
}

static int score(const struct layout *l, const struct oci_descriptor *d)
{
        if (d->attestation)
                return 0;
        return d->os ? platform_score(&l->im->platform, d->os, d->arch, d->variant) : 1;
}

static bool is_image(const struct oci_descriptor *d)
{
        enum oci_kind kind = oci_media_kind(d->media_type);

        return kind == OCI_MANIFEST || kind == OCI_INDEX;
}

static int no_platform(const struct layout *l, const struct oci_index *x, struct err *e)
{
        char have[512] = "";
        size_t n = 0;

        for (size_t i = 0; i < x->n && n < sizeof(have); i++) {
                const struct oci_descriptor *d = &x->d[i];

                if (d->os && *d->os && !d->attestation && is_image(d))
                        n += (size_t)snprintf(have + n, sizeof(have) - n, "%s%.40s/%.40s%s%.20s",
                                              n ? ", " : "", d->os, d->arch, *d->variant ? "/" : "",
                                              d->variant);
        }
        return err_set(e, ERR_NOT_FOUND, 0, "%s: no image for %s/%s%s%s%s%s", l->im->file,
                       l->im->platform.os, l->im->platform.arch,
                       *l->im->platform.variant ? "/" : "", l->im->platform.variant,
                       *have ? ", but for " : "", have);
}

static int run_descriptor(const struct layout *l, const struct oci_descriptor *d,
                          const char *ref_name, unsigned depth, struct err *e);

/* One image for several platforms. */
static int run_index(const struct layout *l, const struct oci_descriptor *d, const char *ref_name,
                     unsigned depth, struct err *e)
{
        AUTO(buf_done) struct buf bytes = BUF_NULL(LIMIT_MANIFEST_BYTES);
        AUTO(oci_index_done) struct oci_index x = OCI_INDEX_NULL;
        const struct oci_descriptor *best = NULL;

        if (depth >= LIMIT_OCI_INDEX_DEPTH)
                return err_set(e, ERR_LIMIT, 0, "%s: indexes nested more than %u deep (limit)",
                               l->im->file, LIMIT_OCI_INDEX_DEPTH);
        if (read_blob(l, d, &bytes, e) < 0)
                return -1;
        if (oci_index_parse(bytes.data, bytes.len, &x, e) < 0)
                return err_wrap(e, "%s: index %.19s", l->im->file, d->digest);
        for (size_t i = 0; i < x.n; i++) {
                if (is_image(&x.d[i]) && score(l, &x.d[i]) > (best ? score(l, best) : 0))
                        best = &x.d[i];
        }
        if (!best)
                return no_platform(l, &x, e);
        return run_descriptor(l, best, ref_name ? ref_name : best->ref_name, depth + 1, e);
}

static int run_descriptor(const struct layout *l, const struct oci_descriptor *d,
                          const char *ref_name, unsigned depth, struct err *e)
{
        switch (oci_media_kind(d->media_type)) {
        case OCI_INDEX:
                return run_index(l, d, ref_name, depth, e);
        case OCI_MANIFEST:
                return run_manifest(l, d, ref_name, e);
        case OCI_SCHEMA1:
                return err_set(
                        e, ERR_UNSUPPORTED, 0,
                        "%s: manifest %.19s is of Docker's schema 1, which is no longer used",
                        l->im->file, d->digest);
        case OCI_OTHER:
        case OCI_CONFIG:
        case OCI_CONFIG_DOCKER:
        case OCI_LAYER:
        case OCI_LAYER_FOREIGN:
        default:
                return err_set(e, ERR_UNSUPPORTED, 0, "%s: %.19s is no image but \"%.100s\"",
                               l->im->file, d->digest, d->media_type);
        }
}

static bool same_name(const struct oci_descriptor *a, const struct oci_descriptor *b)
{
        if (!a->ref_name || !b->ref_name)
                return a->ref_name == b->ref_name;
        return strcmp(a->ref_name, b->ref_name) == 0;
}

/* Is another entry the same image, made for a platform that fits better? */
static bool is_surpassed(const struct layout *l, size_t i)
{
        const struct oci_descriptor *d = &l->top->d[i];

        if (score(l, d) == 0)
                return true;
        for (size_t k = 0; k < l->top->n && d->os; k++) {
                const struct oci_descriptor *other = &l->top->d[k];

                if (k == i || !other->os || !is_image(other) || !same_name(d, other))
                        continue;
                /* two that fit equally well are two images: nothing says which is meant */
                if (score(l, other) > score(l, d))
                        return true;
        }
        return false;
}

static int run_top(const struct layout *l, struct err *e)
{
        size_t done = 0;

        for (size_t i = 0; i < l->top->n; i++) {
                const struct oci_descriptor *d = &l->top->d[i];

                /* Signatures and other artifacts may live beside images. */
                if (is_surpassed(l, i) || (l->top->n > 1 && !is_image(d)))
                        continue;
                if (run_descriptor(l, d, d->ref_name, 0, e) < 0)
                        return -1;
                done++;
        }
        if (done > 0)
                return 0;
        if (l->top->n == 0)
                return err_set(e, ERR_NOT_FOUND, 0, "%s: index.json lists no image", l->im->file);
        return no_platform(l, l->top, e);
}

static int read_member(const struct layout *l, const char *name, struct buf *out, struct err *e)
{
        AUTO(member_done) struct member m = MEMBER_NULL;

        if (members_open(l->members, name, &m, e) < 0)
                return -1;
        return blob_read_all(&m.blob, out, e);
}

static int run(struct import *im, const struct import_source *s, struct err *e)
{
        AUTO(buf_done)
        struct buf head = BUF_NULL(LIMIT_MANIFEST_BYTES), bytes = BUF_NULL(LIMIT_MANIFEST_BYTES);
        AUTO(oci_index_done) struct oci_index top = OCI_INDEX_NULL;
        struct layout l = { .im = im, .members = s->members, .top = &top, .version = "1.0.0" };

        if (members_has(s->members, "oci-layout")) {
                if (read_member(&l, "oci-layout", &head, e) < 0)
                        return -1;
                if (oci_layout_version(head.data, head.len, l.version, e) < 0)
                        return err_wrap(e, "%s: oci-layout", im->file);
        }
        if (read_member(&l, "index.json", &bytes, e) < 0)
                return -1;
        if (oci_index_parse(bytes.data, bytes.len, &top, e) < 0)
                return err_wrap(e, "%s: index.json", im->file);
        return run_top(&l, e);
}

const struct import_format import_oci_layout = { "OCI image layout", run };
