/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON documents of OCI image-spec 1.0/1.1 and of Docker's schema 2 that stand between a layout
 * and its blobs. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

enum oci_kind {
        OCI_OTHER,
        OCI_INDEX, /* or a Docker manifest list */
        OCI_MANIFEST,
        OCI_CONFIG,
        OCI_CONFIG_DOCKER,
        OCI_LAYER,
        OCI_LAYER_FOREIGN, /* kept elsewhere by its licence */
        OCI_SCHEMA1,       /* Docker's old manifests */
};

enum oci_kind oci_media_kind(const char *media_type);

/* All strings owned; never NULL except where it says so. */
struct oci_descriptor {
        char *media_type;
        char *digest; /* "sha256:" + 64 hex, checked */
        uint64_t size;
        char *os; /* NULL, all three: no platform given */
        char *arch;
        char *variant;
        /* io.containerd.image.name, else org.opencontainers.image.ref.name; NULL. */
        char *ref_name;
        bool attestation; /* buildkit's notes about another manifest */
};

struct oci_index {
        struct oci_descriptor *d; /* owned */
        size_t n;
};
#define OCI_INDEX_NULL ((struct oci_index){ 0 })
void oci_index_done(struct oci_index *x);

struct oci_manifest {
        struct oci_descriptor config;
        struct oci_descriptor *layers; /* owned; bottom first */
        size_t n_layers;
};
#define OCI_MANIFEST_NULL ((struct oci_manifest){ 0 })
void oci_manifest_done(struct oci_manifest *m);

/*
 * Strict in types, open to unknown members. A document that is both index and manifest is refused,
 * since readers would see different images in it. Errors: ERR_BAD_DATA, ERR_LIMIT
 * (LIMIT_OCI_DESCRIPTORS, LIMIT_IMAGE_LAYERS), ERR_UNSUPPORTED (schema version 1, another digest
 * algorithm); the text begins with the place in the document.
 */
int oci_index_parse(const void *data, size_t len, struct oci_index *ret, struct err *e);
int oci_manifest_parse(const void *data, size_t len, struct oci_manifest *ret, struct err *e);
/* The document `oci-layout`: ERR_UNSUPPORTED for another version than 1.x. */
int oci_layout_version(const void *data, size_t len, char ret[static 16], struct err *e);
