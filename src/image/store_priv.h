/* SPDX-License-Identifier: Apache-2.0 */
/* What the writing half of the store shares among its files. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "image/store.h"
#include "image/txn.h"
#include "util/err.h"
#include "util/uuid.h"

/* A directory below tmp/ that we hold the flock of; released and removed by image_tmp_drop. */
struct image_tmp {
        int fd; /* -1: none */
        struct uuid name;
};

#define IMAGE_TMP_NULL ((struct image_tmp){ .fd = -1 })

int image_tmp_make(struct image_store *s, struct image_tmp *ret, struct err *e);
/* Removes the tree, then lets the lock go. Failures are left to the next reaper. Keeps errno. */
void image_tmp_drop(struct image_store *s, struct image_tmp *t);
/* Remove what nobody locks. Best effort: what cannot be removed is tried again next time. */
void image_tmp_reap(struct image_store *s);

/* "sha256:ab" -> "sha256-ab", the name below layers/by-digest; -EINVAL when @digest is none. */
int image_digest_link_name(const char *digest, char ret[static IMAGE_DIGEST_MAX]);
/* 1: found and verified against the layer's own `digest`, 0: not there, -errno. */
int image_layer_lookup(struct image_store *s, const char *link, const char *digest,
                       char ret[static IMAGE_LAYER_NAME_MAX]);
/* Bytes as the layer's `size` says; -errno (-ENOENT: no such layer). */
int image_layer_size(struct image_store *s, const char *layer, uint64_t *ret);
/* The layer's `digest`, heap; NULL: unreadable. */
char *image_layer_digest(struct image_store *s, const char *layer);
/* Group of the data directory: records are for the API's user, who reads by group. Best effort. */
void image_store_give_group(struct image_store *s, int dirfd, const char *path);

/*
 * image_txn_finish_layer and _find_layer for a layer that is linked as @link and described by any
 * text @digest.
 */
int image_txn_finish_layer_as(struct image_txn *t, unsigned token, const char *link,
                              const char *digest, uint64_t size,
                              char ret_layer[static IMAGE_LAYER_NAME_MAX], struct err *e);
int image_txn_find_layer_as(struct image_txn *t, const char *link, const char *digest,
                            bool *ret_found, char ret_layer[static IMAGE_LAYER_NAME_MAX],
                            struct err *e);

/* What a record says it needs is there. *ret_size: bytes of layers and blobs. */
bool image_record_is_complete(struct image_store *s, const struct image_record *r,
                              uint64_t *ret_size);
