/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an image to the directories that make up its root, in overlay order.
 *
 * appc: dependencies depth-first in list order, the image last, later overwrites earlier; that is
 * the overlay of their layers, read from the top. A layer that comes twice keeps its upper place
 * only: everything it could contribute below is covered by itself above, and overlayfs refuses the
 * same directory twice.
 *
 * pathWhitelist filters the tree assembled so far (the image over its own dependencies), not what a
 * sibling dependency contributes: whiteouts over the chain would hide the sibling's files as well.
 * So such an image is flattened into a layer of its own, by hard links to the files of its chain
 * (copies where linking is refused), named after the chain, and shared by all pods. Nobody writes
 * to lower layers, so the shared inodes are safe.
 */
#pragma once

#include "image/store.h"
#include "util/err.h"
#include "util/strv.h"

struct image_render {
        struct strv layers; /* names beneath images/layers/, top first, each once; at least one */
        struct strv image_ids; /* the image first, then what it depends on; each once */
};

#define IMAGE_RENDER_NULL ((struct image_render){ 0 })
void image_render_done(struct image_render *r);

/*
 * Resolve image @image_id (71 characters). Marks it and its dependencies as used now. The caller
 * holds the SHARED lock (image_store_lock) and keeps it until its pod names the layers. May write
 * and fsync a rendered layer. Errors: ERR_NOT_FOUND (image, or a dependency: which, of whom, and
 * how to get it), ERR_BAD_DATA (cycle: the chain is printed; a layer that is gone), ERR_LIMIT
 * (LIMIT_ACI_DEPTH, LIMIT_ACI_DEPENDENCIES, LIMIT_IMAGE_LAYERS), ERR_NO_SPACE, ERR_INTERNAL.
 */
int image_render(struct image_store *s, const char *image_id, struct image_render *ret,
                 struct err *e);
