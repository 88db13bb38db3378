/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One packed layer to one directory: reading, unpacking and hashing run on a helper thread, writing
 * files on the caller's, so that two processors work on one layer. Nothing here knows the store:
 * the caller names the directory.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "image/blob.h"
#include "image/decompress.h"
#include "image/untar.h"
#include "util/err.h"

/* What the layer must be; NULL: whatever it is. */
struct layer_expect {
        const char *packed_digest; /* "sha256:…" */
        const char *diff_id;       /* of the uncompressed tar: "sha256:…" or "sha512:…" */
};

typedef void (*layer_progress_fn)(uint64_t packed_done, uint64_t packed_total, void *arg);

struct layer_unpack {
        const struct blob *blob;
        struct layer_expect expect;
        struct untar_options tar; /* .name may be NULL: the blob's name is used */
        int digests; /* wanted besides those needed for .expect: enum decompress_digest */
        layer_progress_fn progress;
        void *progress_arg;
};

struct layer_result {
        struct decompress_totals stream;
        struct untar_result tar;
};

/*
 * Unpack into the empty directory @rootfd. The helper thread has ended when this returns, in every
 * case. @manifest as for untar. Errors: untar's, decompress_read's; ERR_BAD_DATA naming the layer,
 * the expected and the found digest.
 */
int layer_unpack(const struct layer_unpack *u, int rootfd, struct buf *manifest,
                 struct layer_result *ret, struct err *e);
