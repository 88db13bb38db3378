/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives of `docker save`, also of before Docker 1.10, with `repositories` and no manifest.json.
 * Both come without a manifest that could give them an id, so one is made: a plain layer stands in
 * it by its diff id, which the config has already, a packed one by the digest of its bytes.
 */
#include "image/import/import_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/decompress.h"
#include "image/from_oci.h"
#include "image/import/docker_json.h"
#include "util/auto.h"
#include "util/digest.h"
#include "util/json.h"
#include "util/limits.h"
#include "util/mem.h"

struct docker {
        struct import *im;
        const struct members *members;
        const struct docker_image *image;
        struct docker_layer *layers; /* owned; as in the manifest */
};

static int open_layer(void *ctx, size_t i, struct member *ret, const char **ret_digest,
                      struct err *e)
{
        const struct docker *d = ctx;

        *ret_digest = d->layers[i].digest;
        return members_open(d->members, d->image->layers.v[i], ret, e);
}

static int read_member(const struct docker *d, const char *name, struct buf *out, struct err *e)
{
        AUTO(member_done) struct member m = MEMBER_NULL;

        if (members_open(d->members, name, &m, e) < 0)
                return -1;
        return blob_read_all(&m.blob, out, e);
}

static int sniff(const struct blob *b, enum packing *ret, struct err *e)
{
        uint8_t head[PACKING_MAGIC_BYTES];
        size_t len = 0, n = 1;

        while (len < sizeof(head) && n > 0) {
                if (blob_read_at(b, len, head + len, sizeof(head) - len, &n, e) < 0)
                        return -1;
                len += n;
        }
        *ret = packing_sniff(head, len);
        return 0;
}

static const char *media_type(enum packing p)
{
        switch (p) {
        case PACKING_PLAIN:
                return "application/vnd.oci.image.layer.v1.tar";
        case PACKING_GZIP:
                return "application/vnd.oci.image.layer.v1.tar+gzip";
        case PACKING_ZSTD:
                return "application/vnd.oci.image.layer.v1.tar+zstd";
        case PACKING_XZ:
        case PACKING_BZIP2:
        case PACKING_MAX:
        default:
                return NULL;
        }
}

static int describe_layer(const struct docker *d, size_t i, const char *diff_id, struct err *e)
{
        AUTO(member_done) struct member m = MEMBER_NULL;
        struct docker_layer *l = &d->layers[i];
        char hex[DIGEST_HEX_MAX + 1];
        enum packing packing;

        if (members_open(d->members, d->image->layers.v[i], &m, e) < 0 ||
            sniff(&m.blob, &packing, e) < 0)
                return -1;
        l->media_type = media_type(packing);
        l->size = m.blob.size;
        if (!l->media_type)
                return err_set(e, ERR_UNSUPPORTED, 0, "%s: a layer packed with %s", m.name,
                               packing_name(packing));
        if (packing == PACKING_PLAIN && digest_is_oci_sha256(diff_id)) {
                (void)snprintf(l->digest, sizeof(l->digest), "%s", diff_id);
                return 0;
        }
        if (blob_sha256(&m.blob, hex, e) < 0)
                return -1;
        (void)snprintf(l->digest, sizeof(l->digest), "sha256:%.64s", hex);
        return 0;
}

/* rootfs.diff_ids of a config, which nobody has checked so far. */
static int read_diff_ids(const struct docker *d, const struct buf *config, struct strv *ret,
                         struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        struct json_object *rootfs;

        if (json_parse(config->data, config->len, LIMIT_MANIFEST_BYTES, &o, e) < 0 ||
            json_get_object_opt(o, "rootfs", &rootfs, e) < 0 ||
            (rootfs && json_get_strings_opt(rootfs, "diff_ids", LIMIT_IMAGE_LAYERS, ret, e) < 0))
                return err_wrap(e, "%s: config", d->im->file);
        if (ret->n != d->image->layers.n)
                return err_set(e, ERR_BAD_DATA, 0, "%s: config: %zu diff ids for %zu layers",
                               d->im->file, ret->n, d->image->layers.n);
        return 0;
}

static int assemble_image(struct docker *d, const struct buf *config, struct err *e)
{
        AUTO(buf_done) struct buf manifest = BUF_NULL(LIMIT_MANIFEST_BYTES);
        AUTO(strv_done) struct strv diff_ids = STRV_NULL;
        char config_digest[80], manifest_digest[80], hex[DIGEST_HEX_MAX + 1];
        struct assemble a = {
                .format = APPC_FORMAT_DOCKER,
                .format_version = d->image->config ? "2" : "1",
                .config = config->data,
                .config_len = config->len,
                .config_digest = config_digest,
                .manifest_digest = manifest_digest,
                .n_layers = d->image->layers.n,
                .open_layer = open_layer,
                .ctx = d,
        };

        if (read_diff_ids(d, config, &diff_ids, e) < 0)
                return -1;
        for (size_t i = 0; i < diff_ids.n; i++) {
                if (describe_layer(d, i, diff_ids.v[i], e) < 0)
                        return -1;
        }
        digest_of(DIGEST_SHA256, config->data, config->len, hex);
        (void)snprintf(config_digest, sizeof(config_digest), "sha256:%.64s", hex);
        if (docker_make_manifest(config_digest, config->len, d->layers, diff_ids.n, &manifest, e) <
            0)
                return err_wrap(e, "%s", d->im->file);
        digest_of(DIGEST_SHA256, manifest.data, manifest.len, hex);
        (void)snprintf(manifest_digest, sizeof(manifest_digest), "sha256:%.64s", hex);
        a.manifest = manifest.data;
        a.manifest_len = manifest.len;
        /* The first time brings the image, each further tag only a name. */
        for (size_t i = 0; i == 0 || i < d->image->tags.n; i++) {
                a.reference = d->image->tags.n > 0 ? d->image->tags.v[i] : NULL;
                if (import_assemble(d->im, &a, e) < 0)
                        return -1;
        }
        return 0;
}

/* "<64 hex>.json" and "blobs/sha256/<64 hex>" say what the config must hash to. */
static int check_config_name(const struct docker *d, const struct buf *config, struct err *e)
{
        const char *slash = strrchr(d->image->config, '/');
        const char *base = slash ? slash + 1 : d->image->config;
        size_t n = strspn(base, "0123456789abcdef");
        char expected[80], found[80], hex[DIGEST_HEX_MAX + 1];
        AUTO_FREE char *name = NULL;

        if (n != 64 || (base[n] && strcmp(base + n, ".json") != 0))
                return 0;
        digest_of(DIGEST_SHA256, config->data, config->len, hex);
        (void)snprintf(expected, sizeof(expected), "sha256:%.64s", base);
        (void)snprintf(found, sizeof(found), "sha256:%.64s", hex);
        name = xasprintf("%s: %.200s", d->im->file, d->image->config);
        return blob_check_digest(name, expected, found, e);
}

/*
 * The chain of an old image, bottom first, in place of its top layer's id; its config; its layers'
 * paths.
 */
static int complete_v1(struct docker *d, struct docker_image *image, struct buf *config,
                       struct err *e)
{
        AUTO(strv_done) struct strv chain = STRV_NULL, diff_ids = STRV_NULL;
        AUTO(buf_done)
        struct buf json = BUF_NULL(LIMIT_MANIFEST_BYTES), top = BUF_NULL(LIMIT_MANIFEST_BYTES);
        AUTO_FREE char *id = xstrdup(image->layers.v[0]);

        while (id) {
                AUTO_FREE char *path = xasprintf("%s/json", id);
                char *parent;

                if (chain.n >= LIMIT_IMAGE_LAYERS)
                        return err_set(e, ERR_LIMIT, 0, "%s: %.12s has more than %u layers (limit)",
                                       d->im->file, image->layers.v[0], LIMIT_IMAGE_LAYERS);
                buf_reset(&json);
                if (read_member(d, path, &json, e) < 0)
                        return -1;
                if (chain.n == 0)
                        (void)buf_append(&top, json.data, json.len);
                if (docker_v1_parent(json.data, json.len, &parent, e) < 0)
                        return err_wrap(e, "%s: %.12s/json", d->im->file, id);
                strv_add_consume(&chain, id);
                id = parent;
        }
        strv_done(&image->layers);
        for (size_t i = chain.n; i-- > 0;) {
                AUTO(member_done) struct member m = MEMBER_NULL;
                AUTO(decompress_freep) struct decompress *s = NULL;
                const struct decompress_options o = { .digests = DECOMPRESS_SHA256 };
                AUTO_FREE uint8_t *chunk = xmalloc(256 * 1024);
                struct decompress_totals t;
                size_t n = 1;

                strv_addf(&image->layers, "%s/layer.tar", chain.v[i]);
                if (members_open(d->members, image->layers.v[image->layers.n - 1], &m, e) < 0 ||
                    decompress_open(&s, &m.blob, &o, e) < 0)
                        return -1;
                while (n > 0) {
                        if (decompress_read(s, chunk, 256 * 1024, &n, e) < 0)
                                return -1;
                }
                decompress_totals(s, &t);
                strv_addf(&diff_ids, "sha256:%.64s", t.sha256);
        }
        if (docker_v1_config(top.data, top.len, &diff_ids, config, e) < 0)
                return err_wrap(e, "%s: %.12s/json", d->im->file, chain.v[0]);
        return 0;
}

static int run_image(struct docker *d, struct docker_image *image, struct err *e)
{
        AUTO(buf_done) struct buf config = BUF_NULL(LIMIT_MANIFEST_BYTES);
        int r;

        d->image = image;
        if (image->config) {
                if (read_member(d, image->config, &config, e) < 0 ||
                    check_config_name(d, &config, e) < 0)
                        return -1;
        } else if (complete_v1(d, image, &config, e) < 0) {
                return -1;
        }
        d->layers = xcalloc(image->layers.n + 1, sizeof(*d->layers));
        r = assemble_image(d, &config, e);
        freep(&d->layers);
        d->layers = NULL;
        return r;
}

static int read_list(struct docker *d, struct docker_images *ret, struct err *e)
{
        bool old = !members_has(d->members, "manifest.json");
        const char *name = old ? "repositories" : "manifest.json";
        AUTO(buf_done) struct buf bytes = BUF_NULL(LIMIT_MANIFEST_BYTES);
        int r;

        if (read_member(d, name, &bytes, e) < 0)
                return -1;
        r = old ? docker_repositories_parse(bytes.data, bytes.len, ret, e)
                : docker_manifest_parse(bytes.data, bytes.len, ret, e);
        return r < 0 ? err_wrap(e, "%s: %s", d->im->file, name) : 0;
}

static int run(struct import *im, const struct import_source *s, struct err *e)
{
        AUTO(docker_images_done) struct docker_images images = DOCKER_IMAGES_NULL;
        struct docker d = { .im = im, .members = s->members };

        if (read_list(&d, &images, e) < 0)
                return -1;
        if (images.n == 0)
                return err_set(e, ERR_NOT_FOUND, 0, "%s: the docker archive lists no image",
                               im->file);
        for (size_t i = 0; i < images.n; i++) {
                if (run_image(&d, &images.v[i], e) < 0)
                        return -1;
        }
        return 0;
}

const struct import_format import_docker_archive = { "docker archive", run };
