/* SPDX-License-Identifier: Apache-2.0 */
/* The images of the pod that is being prepared, resolved and rendered. */
#pragma once

#include "appc/pod_manifest.h"
#include "engine/engine.h"
#include "engine/request.h"
#include "image/import.h"
#include "image/render.h"
#include "image/view.h"
#include "util/err.h"

struct engine_images_resolved {
        struct engine_resolved {
                char id[IMAGE_ID_LEN + 1];
                struct image_view view;     /* owned */
                struct image_render render; /* owned; empty until engine_images_render */
        } * v;                              /* owned */
        size_t n;
};

#define ENGINE_IMAGES_RESOLVED_NULL ((struct engine_images_resolved){ 0 })

void engine_images_resolved_done(struct engine_images_resolved *r);

/*
 * In the order of the request's apps; files are imported. The caller holds no lock of the store: importing may wait for
 * another process. Errors: those of engine_image_find, prefixed with the image.
 */
int engine_images_find(struct engine *eng, const struct engine_request *req,
                       const struct image_import_options *o, struct engine_images_resolved *ret,
                       struct err *e);
/* The same by the image ids of a pod manifest; nothing is imported. */
int engine_images_of_manifest(struct engine *eng, const struct appc_pod_manifest *pod,
                              struct engine_images_resolved *ret, struct err *e);
/*
 * Read and render them all; the caller holds the store's SHARED lock from here until the pod names the layers.
 * Errors: ERR_NOT_FOUND when an image was removed since it was found.
 */
int engine_images_render(struct engine *eng, struct engine_images_resolved *r, struct err *e);
