/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image store: `<data dir>/images`. This header opens it and takes its lock; what writes to it
 * is in txn.h (import) and store_gc.h (removal), what only reads it in view.h.
 *
 *   blobs/sha256/<hex>                manifests and configs as they came
 *   layers/<n>/{fs/,digest,size}      one unpacked layer; <n> is decimal and short, since it
 *                                     ends up in the mount data of an overlay. `digest`:
 *                                     "<alg>:<hex>" (or what render.h made), `size`: bytes of fs/, decimal
 *   layers/by-digest/<alg>-<hex>      symlink to ../<n>
 *   records/<image id>/{manifest,record.json,last-used}
 *   tmp/<random>/                     of one running import or removal, which holds its flock
 *   lock                              flock: SHARED while something is added or a pod is
 *                                     prepared from it, EXCLUSIVE while something is taken away
 *
 * Invariant: what has a final name is complete and on disk. A record is published last, so every
 * layer it names was there before it; a layer without a record is garbage that gc may take.
 */
#pragma once

#include <stdbool.h>

#include "util/err.h"
#include "util/time.h"

struct image_store {
        int images_fd;  /* owned, as all of these; directories */
        int layers_fd;  /* layers */
        int digests_fd; /* layers/by-digest */
        int records_fd; /* records */
        int blobs_fd;   /* blobs/sha256 */
        int tmp_fd;     /* tmp */
};

/*
 * Open the store beneath the data directory @data_fd for reading and writing; missing directories
 * are made (0750). Does not block. Errors: ERR_PERMISSION, ERR_NO_SPACE, ERR_INTERNAL.
 */
int image_store_open(struct image_store **ret, int data_fd, struct err *e);
struct image_store *image_store_free(struct image_store *s); /* accepts NULL, returns NULL */
static inline void image_store_freep(struct image_store **s)
{
        image_store_free(*s);
}

enum image_lock_kind { IMAGE_LOCK_SHARED, IMAGE_LOCK_EXCLUSIVE };

/* Long enough for another import's last fsync, short enough that a person still waits for it. */
#define IMAGE_LOCK_WAIT (30 * NSEC_PER_SEC)

/*
 * Take the store's lock, waiting up to @wait_ns (0: do not wait). It is dropped when *ret_fd is
 * closed or the process dies. Whoever turns an image into a pod holds the SHARED lock from
 * image_resolve until the pod's appsinfo names the layers, so that gc cannot take them in between;
 * it may be held together with the one of an image_txn. Errors: ERR_BUSY with a text that says what
 * is going on; ERR_INTERNAL.
 */
int image_store_lock(struct image_store *s, enum image_lock_kind kind, nsec wait_ns, int *ret_fd,
                     struct err *e);

/* Note that the image was used now (gc goes by it). Missing image: ERR_NOT_FOUND. */
int image_store_touch(struct image_store *s, const char *image_id, struct err *e);
