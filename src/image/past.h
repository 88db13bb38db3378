/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Last words of an image: one line of the ledger (util/ledger.h) of removed images. Codec only. The line is written before the
 * record goes: when its remover was killed or failed between the two, the image is still there, and a later line will tell
 * when it really went. Images whose record is broken get none.
 */
#pragma once

#include <stddef.h>

#include "image/record.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/time.h"

#define IMAGE_LEDGER "removed" /* beneath images/ */

struct image_past {
        char *id; /* owned, as all pointers here; never NULL after parse */
        char *name;
        char *version; /* NULL: none */
        enum appc_base_format format;
        uint64_t size;
        nsec imported_at;
        nsec removed_at;
};

#define IMAGE_PAST_NULL ((struct image_past){ 0 })

void image_past_done(struct image_past *p);
/* Unknown members are ignored. Errors: ERR_BAD_DATA, ERR_LIMIT. */
int image_past_parse(const void *data, size_t len, struct image_past *ret, struct err *e);
int image_past_print(const struct image_past *p, struct buf *out); /* -ENOBUFS */
