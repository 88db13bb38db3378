/* SPDX-License-Identifier: Apache-2.0 */
/* record.json: what the store knows of an image beyond its appc manifest. Codec only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "appc/format.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/strv.h"
#include "util/time.h"

enum { IMAGE_ID_LEN = 71 }; /* "sha512-" + 64 hex */

struct image_record {
        char *id; /* owned, as all pointers here; never NULL after parse */
        enum appc_base_format format;
        char *format_version; /* "0.8.11", "1.0.0", "2": of the format it came in; never NULL after parse */
        char *name;
        char *version;            /* NULL: none */
        struct strv layers;       /* directory names beneath layers/, top first */
        uint64_t size;            /* bytes: blobs kept + unpacked layers */
        nsec imported_at;         /* since the epoch */
        char *manifest_digest;    /* "sha256:...", a blob; NULL: none (ACI) */
        char *config_digest;      /* likewise */
        struct strv dependencies; /* image ids that the manifest pins by imageID */
};

#define IMAGE_RECORD_NULL ((struct image_record){ 0 })

void image_record_done(
        struct image_record *r); /* releases all; usable as IMAGE_RECORD_NULL afterwards */

/*
 * Strict: every field as above, ids and layer names checked, counts bounded (LIMIT_IMAGE_LAYERS,
 * LIMIT_ACI_DEPENDENCIES). Unknown members are ignored, so that an older carob reads a newer record.
 * Errors: ERR_BAD_DATA, ERR_LIMIT; the text names the member. *ret is written on success only.
 */
int image_record_parse(const void *data, size_t len, struct image_record *ret, struct err *e);

/* Compact JSON appended to @out. Errors: ERR_BAD_DATA when parse would refuse it, ERR_LIMIT. */
int image_record_print(const struct image_record *r, struct buf *out, struct err *e);

/* "sha512-" + exactly 64 lower-case hex. */
bool image_id_is_valid(const char *s);
/* Decimal, no leading zero, at most 10 digits. */
bool image_layer_name_is_valid(const char *s);
/* "sha256:" + 64 lower-case hex: the only digests blobs are kept by. */
bool image_blob_digest_is_valid(const char *s);
