/* SPDX-License-Identifier: Apache-2.0 */
/* Images as `image list` shows them. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli/columns.h"
#include "image/view.h"
#include "util/err.h"
#include "util/time.h"

/* "name:version", the name alone without version. */
void image_text_name(const char *name, const char *version, char ret[static 1024]);
/* "3.8MiB", "33MiB", "512B": as Go's humanize.IBytes without the blank. */
void image_text_size(uint64_t bytes, char ret[static 32]);

/* @fields: comma-separated names of id, name, size, importtime, lastused. ERR_USAGE names an unknown one. */
int image_text_header(struct columns *c, const char *fields, bool print, struct err *e);
void image_text_row(struct columns *c, const char *fields, const struct image_view *v, bool full,
                    nsec now);
int image_text_sort(const struct image_view **v, size_t n, const char *by, const char *order,
                    struct err *e);
struct json_object *image_text_json(const struct image_view *v); /* new reference */
