/* SPDX-License-Identifier: Apache-2.0 */
/*
 * appsinfo/<app>/image.json: the image an app was prepared from, with all that is needed to run
 * it. Codec only.
 */
#pragma once

#include <stddef.h>

#include "appc/format.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/strv.h"

enum app_rootfs { APP_ROOTFS_OVERLAY, APP_ROOTFS_COPY };

struct app_image {
        char *id;      /* owned; full image id */
        char *name;    /* owned */
        char *version; /* owned; NULL: no such label */
        enum appc_base_format format;
        struct strv layers; /* directory names beneath images/layers, top first */
        enum app_rootfs rootfs;
};

#define APP_IMAGE_NULL ((struct app_image){ 0 })

void app_image_done(struct app_image *i);
/* Layer names are decimal numbers, at most LIMIT_IMAGE_LAYERS. Errors: ERR_BAD_DATA, ERR_LIMIT. */
int app_image_parse(const void *data, size_t len, struct app_image *ret, struct err *e);
int app_image_print(const struct app_image *i, struct buf *out); /* -ENOBUFS */
