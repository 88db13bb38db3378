/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction's inside, for txn.c and txn_commit.c. */
#pragma once

#include <stddef.h>

#include "image/store_priv.h"
#include "image/txn.h"
#include "util/strv.h"

struct txn_layer {
        char *link;                       /* owned; name below by-digest; NULL until finished */
        char *digest;                     /* owned; NULL until finished */
        char layer[IMAGE_LAYER_NAME_MAX]; /* "" until published */
};

struct image_txn {
        struct image_store *store; /* borrowed */
        int lock_fd;               /* owned; SHARED */
        struct image_tmp tmp;
        struct txn_layer *layers; /* owned; index is the token */
        size_t n_layers;
        size_t cap_layers;
        struct strv blobs; /* digests written below tmp */
};

/* "l<token>": the staged directory's name, and what stands in a record until commit. */
void txn_provisional_name(unsigned token, char ret[static IMAGE_LAYER_NAME_MAX]);
