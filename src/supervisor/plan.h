/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be run, read from the pod's directory; freed again once the apps have been started. */
#pragma once

#include <stddef.h>

#include "appc/image_manifest.h"
#include "appc/pod_manifest.h"
#include "pod/app_image.h"
#include "pod/launch.h"
#include "util/err.h"

struct plan_app {
        const struct appc_pod_app *papp; /* borrowed from the pod manifest */
        const struct appc_app *app;      /* borrowed: papp's own, else that of the image */
        struct appc_image_manifest *image_manifest; /* owned; NULL when papp has an app */
        struct app_image image;
};

struct plan {
        struct appc_pod_manifest *manifest; /* owned */
        struct pod_launch launch;
        struct plan_app *apps; /* owned; in the manifest's order */
        size_t n_apps;
};

#define PLAN_NULL ((struct plan){ 0 })

/* Errors: ERR_BAD_DATA, ERR_LIMIT, ERR_NOT_FOUND, ERR_INTERNAL; the text names the file. */
int plan_read(int pod_fd, struct plan *ret, struct err *e);
void plan_done(struct plan *p);
