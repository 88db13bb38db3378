/* SPDX-License-Identifier: Apache-2.0 */
/* The appc image manifest (appc specification, "aci"). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "appc/app.h"
#include "appc/kv.h"
#include "util/err.h"
#include "util/strv.h"

struct appc_dependency {
        char *name; /* owned; AC Identifier */
        char *id;   /* owned; image id as written, may be shortened; NULL: any */
        struct kv_list labels;
        int64_t size; /* bytes; 0: not said */
};

struct appc_image_manifest {
        char *ac_version;                     /* owned; semantic version */
        char *name;                           /* owned; AC Identifier, without version */
        struct kv_list labels;                /* unique names; "version", "os", "arch" ... */
        struct kv_list annotations;           /* unique names */
        struct appc_app *app;                 /* owned; NULL: the image cannot be run by itself */
        struct appc_dependency *dependencies; /* owned */
        size_t n_dependencies;
        struct strv path_whitelist; /* absolute paths */
};

/*
 * Strict in types and values, bounded by util/limits.h; unknown members and null lists are
 * accepted. Errors: ERR_BAD_DATA, ERR_LIMIT; the text begins with the path in the document
 * ("app.ports[0].port: ..."). *@ret: release with appc_image_manifest_free. Does no I/O.
 */
int appc_image_manifest_parse(const void *data, size_t len, struct appc_image_manifest **ret,
                              struct err *e);
struct appc_image_manifest *appc_image_manifest_free(struct appc_image_manifest *m);
static inline void appc_image_manifest_freep(struct appc_image_manifest **m)
{
        appc_image_manifest_free(*m);
}
