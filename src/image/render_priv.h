/* SPDX-License-Identifier: Apache-2.0 */
/* Flattening a chain of layers into one that holds only what a pathWhitelist names. */
#pragma once

#include "image/store.h"
#include "image/txn.h"
#include "util/err.h"
#include "util/strv.h"

/*
 * Find or make the layer that is @layers (top first) filtered by @whitelist. @owner: the image's
 * id, which pins the whitelist. @ret: the layer's directory name. Errors: ERR_LIMIT, ERR_NO_SPACE,
 * ERR_INTERNAL, and image_txn's.
 */
int image_render_filtered(struct image_store *s, const char *owner, const struct strv *layers,
                          const struct strv *whitelist, char ret[static IMAGE_LAYER_NAME_MAX],
                          struct err *e);

/*
 * The filtering itself: from the roots @roots (top first) into the empty directory @to. 0 or
 * -errno.
 */
int image_filter_tree(const int *roots, size_t n_roots, const struct strv *whitelist, int to);
