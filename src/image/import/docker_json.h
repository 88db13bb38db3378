/* SPDX-License-Identifier: Apache-2.0 */
/* The documents of `docker save` archives. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/strv.h"

/* One element of manifest.json. Paths are those of members of the archive, as written. */
struct docker_image {
        /* Owned; NULL: an image of before Docker 1.10, described by its layers' json. */
        char *config;
        struct strv tags;   /* RepoTags, "name:tag"; may be empty */
        struct strv layers; /* bottom first */
};

struct docker_images {
        struct docker_image *v; /* owned */
        size_t n;
};
#define DOCKER_IMAGES_NULL ((struct docker_images){ 0 })
void docker_images_done(struct docker_images *d);

/*
 * Errors: ERR_BAD_DATA, ERR_LIMIT (LIMIT_OCI_DESCRIPTORS images, LIMIT_IMAGE_LAYERS layers); the
 * text begins with the place.
 */
int docker_manifest_parse(const void *data, size_t len, struct docker_images *ret, struct err *e);

/*
 * The legacy document `repositories`, {"name":{"tag":"layer id"}}: one image for each tag; its only
 * layer is the id of the top one, whose parents its json names. Errors as above.
 */
int docker_repositories_parse(const void *data, size_t len, struct docker_images *ret,
                              struct err *e);

/* A layer's `json` of those days: *ret_parent is owned, NULL at the bottom. */
int docker_v1_parent(const void *data, size_t len, char **ret_parent, struct err *e);
/*
 * An image configuration made of the top layer's json and the diff ids (bottom first), appended to
 * @out.
 */
int docker_v1_config(const void *data, size_t len, const struct strv *diff_ids, struct buf *out,
                     struct err *e);

/* What a layer is in the manifest that we make. */
struct docker_layer {
        const char *media_type;
        char digest[80]; /* "sha256:…" of the bytes in the archive */
        uint64_t size;
};

/*
 * The OCI manifest for an image that came without one, appended to @out. Every byte follows from
 * the arguments, so the same image has the same id wherever it is imported. ERR_LIMIT when @out is
 * too small.
 */
int docker_make_manifest(const char *config_digest, uint64_t config_size,
                         const struct docker_layer *layers, size_t n_layers, struct buf *out,
                         struct err *e);
