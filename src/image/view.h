/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The images, read-only: nothing here opens anything for writing or takes a lock, so an
 * unprivileged process that may read the data directory can use it. A record appears and disappears
 * by one rename, hence what is read is always one whole image or none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "appc/image_manifest.h"
#include "image/record.h"
#include "image/ref.h"
#include "util/err.h"
#include "util/strv.h"
#include "util/time.h"

struct image_view {
        struct image_record
                record; /* id, name, format, size, imported_at (ns; the API wants seconds) ... */
        const char *version; /* record.version or "latest"; borrowed from here */
        nsec last_used;      /* since the epoch; import time when unknown */
        char *manifest;      /* the appc JSON, NUL-terminated; owned */
        size_t manifest_len;
        struct appc_image_manifest *parsed; /* labels, annotations, app ...; owned; never NULL */
};

void image_view_done(struct image_view *v);

struct image_view_list {
        struct image_view *v; /* owned; by import time, oldest first, then by id */
        size_t n;
        struct strv problems; /* one text per record that could not be read: "sha512-...: why" */
};

#define IMAGE_VIEW_LIST_NULL ((struct image_view_list){ 0 })
void image_view_list_done(struct image_view_list *l);

/*
 * All images of the data directory @data_fd. A store that does not exist yet is an empty list; a
 * broken record becomes an entry in problems and never fails the call. Errors: ERR_PERMISSION,
 * ERR_INTERNAL (the records directory itself cannot be read).
 */
int image_view_list(int data_fd, struct image_view_list *ret, struct err *e);

/* One image by its full id. Errors: ERR_NOT_FOUND; ERR_BAD_DATA when its record is broken. */
int image_view_read(int data_fd, const char *id, struct image_view *ret, struct err *e);

/* The same by the descriptor of images/records: ERR_PERMISSION, ERR_NO_SPACE (descriptors) and ERR_INTERNAL too. */
int image_view_read_at(int records_fd, const char *id, struct image_view *ret, struct err *e);

/*
 * The id of the image that @ref means:
 * - an id or its beginning ("sha512-" + at least 2 hex; what is longer than 71 characters is cut,
 *   since full SHA-512 ids are ours with a longer tail). None: ERR_NOT_FOUND "no image IDs found";
 *   several: ERR_AMBIGUOUS.
 * - a name, exact; with tag, labels, digest all of them must be equal ("latest" also fits an image
 *   without version). Several fit: the newest import wins, whatever its version, since that is what
 *   the user brought in last (importing an image again under some name counts for that name); equal
 *   times: the greater id.
 * - if no name is equal: the end of a name after a '/' ("busybox", "library/busybox"), same rules;
 *   when images of different names fit: ERR_AMBIGUOUS, the text lists them.
 *
 * None: ERR_NOT_FOUND 'cannot find image satisfying name: "x" and labels: [...] in the local store'.
 * PATH and URL references are ERR_USAGE. Broken records are passed over (an id may still name one).
 */
int image_resolve(int data_fd, const struct image_ref *ref, char ret_id[static IMAGE_ID_LEN + 1],
                  struct err *e);
/* The same for what a user typed. */
int image_resolve_text(int data_fd, const char *text, char ret_id[static IMAGE_ID_LEN + 1],
                       struct err *e);
