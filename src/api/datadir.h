/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the service's knowledge comes from: the data directory, opened anew for each call. So a directory that
 * does not exist yet is empty, and is seen when it appears or is replaced; nothing is kept that could be stale, and
 * nothing can leak from call to call. The handlers know these functions only: an index that follows
 * the directories takes this place.
 */
#pragma once

#include "image/view.h"
#include "pod/view.h"
#include "util/err.h"
#include "util/strv.h"
#include "util/uuid.h"

struct datadir {
        int fd;                /* owned; -1: there is no data directory */
        struct pod_store pods; /* not open without fd */
};

#define DATADIR_NULL ((struct datadir){ .fd = -1, .pods = POD_STORE_NULL })

/* Errors: ERR_PERMISSION, ERR_NO_SPACE (descriptors), ERR_INTERNAL; never that @dir is missing. */
int datadir_open(const char *dir, struct datadir *ret, struct err *e);
void datadir_done(struct datadir *d);

/* The ids of all pods there are, sorted, each once. Errors: those of datadir_open. */
int datadir_pod_ids(struct datadir *d, struct strv *ret, struct err *e);

/*
 * The pod that @prefix, the beginning of its id in any case of letters, means. Errors: ERR_USAGE for an empty or
 * malformed prefix; ERR_NOT_FOUND; ERR_AMBIGUOUS when several begin so; those of datadir_open. All texts
 * name @prefix.
 */
int datadir_pod_find(struct datadir *d, const char *prefix, struct uuid *ret, struct err *e);
/* The same followed by pod_view_read. */
int datadir_pod_read(struct datadir *d, const char *prefix, unsigned want, struct pod_view **ret,
                     struct err *e);

/* The ids of all images there are, sorted. Errors: those of datadir_open. */
int datadir_image_ids(struct datadir *d, struct strv *ret, struct err *e);

/*
 * The image that @prefix means, "sha512-" and at least two hex digits; longer ids than ours (a whole SHA-512)
 * are cut. Errors: ERR_USAGE for anything else; ERR_NOT_FOUND; ERR_AMBIGUOUS; ERR_BAD_DATA for a broken record.
 */
int datadir_image_read(struct datadir *d, const char *prefix, struct image_view *ret,
                       struct err *e);
