/* SPDX-License-Identifier: Apache-2.0 */
/* What the importers share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "appc/format.h"
#include "image/blob.h"
#include "image/import.h"
#include "image/import/members.h"
#include "image/import/platform.h"
#include "image/record.h"
#include "image/store.h"
#include "image/untar.h"
#include "util/err.h"
#include "util/strv.h"

/* One call of image_import_file. */
struct import {
        struct image_store *store; /* borrowed, as all here */
        const char *file;          /* as the user named it; for errors */
        const char *base;          /* its last component: the name of what has none */
        const struct image_import_options *o;
        struct platform platform; /* wanted */
        struct strv *ids;         /* filled */
};

/* Where the bytes are: exactly one of the two. */
struct import_source {
        struct blob blob;        /* a whole archive, maybe packed */
        struct members *members; /* a layout directory, or the index of a plain tar */
};

/* The importers. Each adds the ids of what it imported to im->ids. */
struct import_format {
        const char *name; /* "OCI image layout" */
        int (*run)(struct import *im, const struct import_source *s, struct err *e);
};
extern const struct import_format import_aci, import_oci_layout, import_docker_archive;

/* The module's only exported function; behaves as image_import_file. */
int image_import_run(struct image_store *store, const char *path,
                     const struct image_import_options *o, struct strv *ret_ids, struct err *e);
typedef int (*image_import_run_fn)(struct image_store *store, const char *path,
                                   const struct image_import_options *o, struct strv *ret_ids,
                                   struct err *e);

void import_add_id(struct import *im, const char *id); /* unless it is there already */
void import_progress(struct import *im, const char *what, uint64_t done, uint64_t total,
                     bool skipped);
/* Say what untar had to leave out, if anything. @what: "image", "layer sha256:…". */
void import_warn_skipped(struct import *im, const char *what, const struct untar_result *r);
/* "sha512-" + 64 hex of a SHA-512 in hex. */
void import_id_from_sha512(const char *hex, char ret[static IMAGE_ID_LEN + 1]);

/* An image of manifest, config and layers, as OCI and docker archives have it. */
struct assemble {
        enum appc_base_format format;
        const char *format_version;
        const char *reference; /* what the archive calls it; NULL: nothing */
        const void *manifest;
        size_t manifest_len;
        const char *manifest_digest; /* "sha256:…" of these bytes */
        const void *config;
        size_t config_len;
        const char *config_digest;
        size_t n_layers; /* bottom first */
        /*
         * Open packed layer @i; *ret_digest (of the packed bytes) stays borrowed from ctx, NULL:
         * unknown.
         */
        int (*open_layer)(void *ctx, size_t i, struct member *ret, const char **ret_digest,
                          struct err *e);
        void *ctx;
};

/*
 * Bring it into the store, verified: diff ids against the config, packed digests against the
 * manifest. The caller has verified manifest and config. Errors as image_import_file.
 */
int import_assemble(struct import *im, const struct assemble *a, struct err *e);
