/* SPDX-License-Identifier: Apache-2.0 */
/* OCI layouts and docker archives in memory, to be written as a directory or as a tar. */
#pragma once

#include "test.h"

#include "tar_maker.h"
#include "util/digest.h"
#include "util/mem.h"

struct layout_file {
        char name[128];
        struct buf data;
};

struct layout {
        struct layout_file files[64];
        size_t n;
};

static inline void layout_done(struct layout *l)
{
        for (size_t i = 0; i < l->n; i++)
                buf_done(&l->files[i].data);
        l->n = 0;
}

static inline struct layout_file *layout_find(struct layout *l, const char *name)
{
        for (size_t i = 0; i < l->n; i++) {
                if (strcmp(l->files[i].name, name) == 0)
                        return &l->files[i];
        }
        return NULL;
}

static inline void layout_add(struct layout *l, const char *name, const void *data, size_t len)
{
        struct layout_file *f = layout_find(l, name);

        if (!f) {
                assert_true(l->n < ARRAY_LEN(l->files));
                f = &l->files[l->n++];
        } else {
                buf_done(&f->data);
        }
        (void)snprintf(f->name, sizeof(f->name), "%s", name);
        f->data = BUF_NULL(TAR_MAKER_MAX);
        assert_int_equal(buf_append(&f->data, data, len), 0);
}

static inline void layout_text(struct layout *l, const char *name, const char *text)
{
        layout_add(l, name, text, strlen(text));
}

struct layout_desc {
        char digest[80]; /* "sha256:…" */
        size_t size;
};

static inline struct layout_desc layout_describe(const void *data, size_t len)
{
        struct layout_desc d = { .size = len };
        char hex[DIGEST_HEX_MAX + 1];

        digest_of(DIGEST_SHA256, data, len, hex);
        (void)snprintf(d.digest, sizeof(d.digest), "sha256:%.64s", hex);
        return d;
}

static inline struct layout_desc layout_blob(struct layout *l, const void *data, size_t len)
{
        struct layout_desc d = layout_describe(data, len);
        char path[96];

        (void)snprintf(path, sizeof(path), "blobs/sha256/%.64s", d.digest + 7);
        layout_add(l, path, data, len);
        return d;
}

#define OCI_MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX_TYPE    "application/vnd.oci.image.index.v1+json"
#define OCI_CONFIG_TYPE   "application/vnd.oci.image.config.v1+json"
#define OCI_LAYER_TYPE    "application/vnd.oci.image.layer.v1.tar"

/* A config with these diff ids; @extra is put into "config". Heap string. */
static inline char *layout_config(const struct layout_desc *diff_ids, size_t n, const char *arch,
                                  const char *extra)
{
        struct buf b = BUF_NULL(65536);

        (void)buf_printf(&b,
                         "{\"os\":\"linux\",\"architecture\":\"%s\",\"config\":{\"Cmd\":[\"/bin/"
                         "sh\"]%s},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[",
                         arch, extra);
        for (size_t i = 0; i < n; i++)
                (void)buf_printf(&b, "%s\"%s\"", i ? "," : "", diff_ids[i].digest);
        (void)buf_puts(&b, "]}}");
        return buf_take(&b);
}

static inline char *layout_manifest(const char *config_type, struct layout_desc config,
                                    const char *layer_type, const struct layout_desc *layers,
                                    size_t n)
{
        struct buf b = BUF_NULL(65536);

        (void)buf_printf(&b,
                         "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"%s\",\"digest\":\"%s\","
                         "\"size\":%zu},\"layers\":[",
                         config_type, config.digest, config.size);
        for (size_t i = 0; i < n; i++)
                (void)buf_printf(&b, "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu}",
                                 i ? "," : "", layer_type, layers[i].digest, layers[i].size);
        (void)buf_puts(&b, "]}");
        return buf_take(&b);
}

/* One entry of an index; @more: further members, each with a comma before it. */
static inline char *layout_entry(const char *type, struct layout_desc d, const char *more)
{
        return xasprintf("{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu%s}", type, d.digest,
                         d.size, more);
}

static inline void layout_index(struct layout *l, const char *entries)
{
        AUTO_FREE char *text = xasprintf("{\"schemaVersion\":2,\"manifests\":[%s]}", entries);

        layout_text(l, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
        layout_text(l, "index.json", text);
}

/* An image of plain layers with config and manifest; the manifest's descriptor. */
static inline struct layout_desc layout_image(struct layout *l, const struct buf *layers, size_t n,
                                              const char *arch, const char *extra)
{
        struct layout_desc d[16];
        AUTO_FREE char *config = NULL;
        AUTO_FREE char *manifest = NULL;

        for (size_t i = 0; i < n; i++)
                d[i] = layout_blob(l, layers[i].data, layers[i].len);
        config = layout_config(d, n, arch, extra);
        manifest = layout_manifest(OCI_CONFIG_TYPE, layout_blob(l, config, strlen(config)),
                                   OCI_LAYER_TYPE, d, n);
        return layout_blob(l, manifest, strlen(manifest));
}

/* The same, and an index that names it @name. */
static inline void layout_simple(struct layout *l, const struct buf *layers, size_t n,
                                 const char *name)
{
        AUTO_FREE char *more =
                xasprintf(",\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}", name);
        AUTO_FREE char *entry =
                layout_entry(OCI_MANIFEST_TYPE, layout_image(l, layers, n, "amd64", ""), more);

        layout_index(l, entry);
}

static inline void layout_write_dir(const struct layout *l, int dirfd, const char *dir)
{
        AUTO_FREE char *blobs = xasprintf("%s/blobs/sha256", dir);

        assert_int_equal(fs_mkdirs(dirfd, blobs, 0755), 0);
        for (size_t i = 0; i < l->n; i++) {
                AUTO_FREE char *path = xasprintf("%s/%s", dir, l->files[i].name);

                assert_int_equal(fs_write_file(dirfd, path, l->files[i].data.data,
                                               l->files[i].data.len, 0644),
                                 0);
        }
}

/* As a tar, the files in reverse when @reverse. */
static inline void layout_tar(const struct layout *l, bool reverse, struct buf *tar)
{
        for (size_t i = 0; i < l->n; i++) {
                const struct layout_file *f = &l->files[reverse ? l->n - 1 - i : i];

                tar_add(tar, (struct tar_entry){ .name = f->name,
                                                 .mode = 0644,
                                                 .data = (const char *)f->data.data,
                                                 .len = f->data.len });
        }
        tar_end(tar);
}
