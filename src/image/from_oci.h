/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI and docker image configuration -> appc image manifest, by docker2aci's rules, which rkt's
 * clients know (kubelet recomputes exec from the annotations appc.io/docker/entrypoint and /cmd,
 * for example). Pure.
 *
 * Beyond docker2aci: Labels become app.userLabels in every format; a port range becomes one port
 * with a count. User "u" without a group becomes group "u" as there: whoever resolves the names
 * (runtime) should take the user's primary group when user and group are spelled alike and the user
 * has a passwd entry.
 */
#pragma once

#include <stddef.h>

#include "appc/format.h"
#include "util/err.h"
#include "util/strv.h"

struct image_oci_source { /* borrowed, all of it */
        const void
                *config; /* bytes of the image configuration, digest verified; hostile otherwise */
        size_t config_len;
        enum appc_base_format format; /* APPC_FORMAT_DOCKER or APPC_FORMAT_OCI */
        /*
         * RepoTags entry, org.opencontainers.image.ref.name or io.containerd.image.name; NULL:
         * none. In an OCI image a word without '/' and ':' is only a tag, as the specification
         * suggests.
         */
        const char *reference;
        /*
         * Where no name is in @reference: the file's or directory's base name, any bytes; archive
         * suffixes are taken off. NULL, or nothing usable in it: "unnamed".
         */
        const char *fallback_name;
        const char *config_digest; /* "sha256:..."; annotation appc.io/docker/imageid; NULL: none */
        const char *manifest_digest; /* "sha256:..."; appc.io/docker/manifesthash; NULL: none */
};

struct image_oci_result { /* owned, all of it */
        char *manifest;   /* appc image manifest, compact JSON, NUL-terminated; parses as one */
        size_t manifest_len;
        char *name;
        char *version; /* the label version = tag; never NULL */
        char *os;      /* as the config says: Go names ("linux", "amd64"); "" when absent */
        char *arch;
        char *variant;        /* "v7"; "" when absent */
        struct strv diff_ids; /* bottom first, "sha256:<hex>" or "sha512:<hex>", syntax checked */
};

#define IMAGE_OCI_RESULT_NULL ((struct image_oci_result){ 0 })
void image_oci_result_done(struct image_oci_result *r);

/*
 * Convert. What is merely odd is dropped, as docker2aci does (an Env entry without '=', a port that
 * is none, an architecture appc has no name for); what breaks the format or a limit is refused, and
 * so is an os that is not linux. Errors: ERR_BAD_DATA, ERR_LIMIT, ERR_UNSUPPORTED; the text names
 * the path inside the configuration. *ret is written on success only.
 */
int image_from_oci(const struct image_oci_source *src, struct image_oci_result *ret, struct err *e);

/*
 * Go's architecture (with OCI variant; "" or NULL: none) as appc names it: amd64, arm64 -> aarch64,
 * 386 -> i386, arm + v5|v6 -> armv6l, arm otherwise -> armv7l, ppc64le, s390x ...; NULL: appc has
 * no name for it.
 */
const char *image_arch_to_appc(const char *go_arch, const char *variant);
