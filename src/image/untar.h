/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpack a tar stream beneath a directory descriptor. Entries are read with libarchive and written
 * by us: every path is resolved by openat2(2) with RESOLVE_IN_ROOT, so that no name, link or
 * symlink can reach outside.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

enum untar_mode {
        /* A layer of an OCI or Docker image: whiteouts become what overlayfs wants. */
        UNTAR_LAYER,
        /*
         * An ACI: exactly `manifest` (kept in memory) and `rootfs` (unpacked without its first
         * component).
         */
        UNTAR_ACI,
};

/* Zero fields mean the value of util/limits.h. */
struct untar_limits {
        uint64_t entries;
        /* Sum of the data written; also the largest length of one sparse file. */
        uint64_t unpacked_bytes;
        size_t path_bytes;
        unsigned depth;
        size_t xattr_bytes; /* of one entry, names and values */
};

/* Blocks of the stream. *ret_len 0: the end. The bytes stay valid until the next call. */
struct untar_input {
        int (*next)(void *ctx, const void **ret, size_t *ret_len, struct err *e);
        void *ctx;
};

struct untar_options {
        const char *name; /* of the archive, for errors; borrowed */
        enum untar_mode mode;
        struct untar_limits limits;
        /*
         * Directories of the layers below, top first; borrowed. A directory that the archive only
         * implies takes its owner, mode and xattrs from the topmost layer that has it, as it would
         * hide them otherwise; root:root 0755 where there is none. A hard link to a file of a lower
         * layer copies that file up, as overlayfs does.
         */
        const int *lowers;
        size_t n_lowers;
        /* Mark opaque directories with user.overlay.opaque: for a store that is not root's. */
        bool user_xattr;
        /*
         * An archive that ends without its end marker is truncated even when it ends between two
         * entries.
         */
        bool require_end;
};

struct untar_result {
        uint64_t entries;
        uint64_t bytes; /* of data written */
        /* Entries or attributes this system or user could not have (devices when not root, ...). */
        uint64_t skipped;
        char skipped_first[256]; /* the first of them, and why; "" when none */
        /*
         * The tree is right above these lowers only: it has directories that the archive merely
         * implies, a file copied up, or whiteouts for everything at the top. Do not use it above
         * others.
         */
        bool depends_on_lowers;
};

/*
 * Unpack into the directory @rootfd until the stream ends; bytes after the end marker are read and
 * ignored. UNTAR_ACI: the manifest's bytes are appended to @manifest (NULL otherwise).
 *
 * On failure the directory holds whatever was written: the caller removes it. Errors: ERR_BAD_DATA
 * (broken or truncated archive, "..", a name that makes no sense), ERR_LIMIT, ERR_NO_SPACE,
 * ERR_PERMISSION, ERR_INTERNAL, and what the input returns. Texts start with the archive's name and
 * name the entry.
 */
int untar(const struct untar_input *in, int rootfd, const struct untar_options *o,
          struct buf *manifest, struct untar_result *ret, struct err *e);
