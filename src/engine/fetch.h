/* SPDX-License-Identifier: Apache-2.0 */
/* Images by what a user typed: from the store, or imported from a local file. */
#pragma once

#include "engine/engine.h"
#include "image/import.h"
#include "image/record.h"
#include "util/err.h"
#include "util/strv.h"

/*
 * Import the file or directory @path (or "file://...") and append the ids of its images to @ret_ids. Blocks until they
 * are durable. Errors: those of image_import_file; ERR_UNSUPPORTED for URLs of the network.
 */
int engine_fetch(struct engine *eng, const char *path, const struct image_import_options *o,
                 struct strv *ret_ids, struct err *e);

/*
 * The full id of the one image that @text means: a name or an id in the store, or a file, which is imported (also
 * when @text looks like a name but no image has it and a file of that name exists).
 * Errors: ERR_NOT_FOUND, ERR_AMBIGUOUS, ERR_USAGE (a file with several images), and those of engine_fetch.
 */
int engine_image_find(struct engine *eng, const char *text, const struct image_import_options *o,
                      char ret_id[static IMAGE_ID_LEN + 1], struct err *e);
