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
enum { IMAGE_NAMES_MAX = 16, IMAGE_VERSION_MAX = 256 /* bytes */ };

/*
 * A name under which the image was imported again. Docker and OCI ids do not depend on the tag, so
 * that one image may have many; and a tag that moves back to an older image must mean that one
 * again.
 */
struct image_record_name {
        char *name;    /* owned */
        char *version; /* owned; NULL: none */
        nsec at;       /* of that import */
};

struct image_record {
        char *id; /* owned, as all pointers here; never NULL after parse */
        enum appc_base_format format;
        char *format_version; /* "0.8.11", "1.0.0": of the format it came in; never NULL after parse */
        char *name;
        char *version;                   /* NULL: none */
        struct strv layers;              /* directory names beneath layers/, top first */
        uint64_t size;                   /* bytes: blobs kept + unpacked layers */
        nsec imported_at;                /* since the epoch */
        char *manifest_digest;           /* "sha256:...", a blob; NULL: none (ACI) */
        char *config_digest;             /* likewise */
        struct image_record_name *names; /* owned; besides name and version above; each pair once */
        size_t n_names;                  /* <= IMAGE_NAMES_MAX */
        struct strv dependencies;        /* image ids that the manifest pins by imageID */
};

#define IMAGE_RECORD_NULL ((struct image_record){ 0 })

void image_record_done(
        struct image_record *r); /* releases all; usable as IMAGE_RECORD_NULL afterwards */

/*
 * Strict: every field as above, ids and layer names checked, counts bounded (LIMIT_IMAGE_LAYERS,
 * LIMIT_ACI_DEPENDENCIES). Unknown members are ignored, so that an older carob reads a newer
 * record. Errors: ERR_BAD_DATA, ERR_LIMIT; the text names the member. *ret is written on success
 * only.
 */
int image_record_parse(const void *data, size_t len, struct image_record *ret, struct err *e);

/* Compact JSON appended to @out. Errors: ERR_BAD_DATA when parse would refuse it, ERR_LIMIT. */
int image_record_print(const struct image_record *r, struct buf *out, struct err *e);

/* Note an import as @name and @version (NULL: none) at @at; the oldest gives way to a 17th. */
void image_record_add_name(struct image_record *r, const char *name, const char *version, nsec at);

/* "sha512-" + exactly 64 lower-case hex. */
bool image_id_is_valid(const char *s);
/* Decimal, no leading zero, at most 10 digits. */
bool image_layer_name_is_valid(const char *s);
/* "sha256:" + 64 lower-case hex: the only digests blobs are kept by. */
bool image_blob_digest_is_valid(const char *s);
