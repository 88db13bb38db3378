/* SPDX-License-Identifier: Apache-2.0 */
/* From a request and the images it names to a pod manifest, as rkt generates it. Pure, but for the caller's environment. */
#pragma once

#include <stddef.h>

#include "appc/image_manifest.h"
#include "engine/request.h"
#include "util/buf.h"
#include "util/err.h"

/* What an app of image @image_name is called unless said: the last component, sanitised. Heap; NULL: nothing usable. */
char *engine_app_default_name(const char *image_name);

/* One image of the pod, resolved; everything borrowed. */
struct engine_image {
        const char *id;
        const struct appc_image_manifest *manifest;
};

/*
 * Compact JSON to @out. @images[i] belongs to req->apps[i]; @environ_ is what --inherit-env takes from (may be NULL).
 * Errors: ERR_USAGE naming app and option: two apps of one name, no command, a mount of an unknown
 * volume, two volumes of one name, a name that is no AC name; ERR_LIMIT.
 */
int engine_manifest_build(const struct engine_request *req, const struct engine_image *images,
                          char *const *environ_, struct buf *out, struct err *e);
