/* SPDX-License-Identifier: Apache-2.0 */
/* What the pods need of the image store. */
#pragma once

#include "image/store_gc.h"
#include "util/err.h"

/*
 * An image_in_use_fn; @arg is the struct engine. Fails rather than leave out a pod that has, or may get, layers that
 * cannot be told: with layers under its feet removed, a running app would lose its files.
 */
int engine_images_in_use(void *arg, struct image_in_use *ret, struct err *e);
