/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking images away. Records go first, then the layers and blobs that neither a record nor a pod
 * names any more. Both functions take the EXCLUSIVE lock themselves and ask only then what pods
 * use: a list made before could miss a pod that was prepared while we waited.
 *
 * Before a record goes, the image's last words are appended to the ledger (image/past.h); that this fails stops nothing.
 * Removal is a rename into tmp/ under the lock, and the deletion after it: nobody waits for the
 * disk, and a death in between leaves only what the next import or gc sweeps up.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "image/store.h"
#include "util/err.h"
#include "util/strv.h"
#include "util/time.h"

/* What pods need, whatever their state, as long as their directory exists. */
struct image_in_use {
        struct strv layers; /* names beneath images/layers/ (appsinfo/<app>/image.json) */
        struct strv images; /* ids; gc keeps these records, rm does not care */
};

/*
 * Fills @ret (empty before). Runs under the lock. Must not fail because some pod is broken, but must
 * fail rather than leave out the layers of a pod that may still run.
 */
typedef int (*image_in_use_fn)(void *arg, struct image_in_use *ret, struct err *e);

struct image_gc_options {
        nsec now;
        nsec grace; /* records used within this time stay; rkt's default is 24 h */
        nsec lock_wait;
        image_in_use_fn in_use;
        void *arg;
};

struct image_gc_result {
        struct strv removed_ids; /* owned; release with strv_done */
        size_t n_layers, n_blobs;
        uint64_t bytes;       /* freed, as layers' size files tell */
        struct strv problems; /* owned; what could not be removed or read, one text each */
        char *ledger_problem; /* owned; why last words could not be written, the first time; NULL: they were */
};
void image_gc_result_done(struct image_gc_result *r);

/*
 * Remove records not used within the grace time, then everything unreferenced, then dead temporary
 * directories. A record that cannot be parsed is judged by its last use like any other. What one
 * object fails with goes into problems. Errors: ERR_BUSY (lock), whatever in_use returned,
 * ERR_INTERNAL.
 */
int image_store_gc(struct image_store *s, const struct image_gc_options *o,
                   struct image_gc_result *ret, struct err *e);

/*
 * Remove one image (full id). Pods prepared or running from it are not disturbed: their layers stay
 * until the pod is gone. o->grace is ignored. Errors: ERR_NOT_FOUND; as gc otherwise.
 */
int image_store_rm(struct image_store *s, const char *id, const struct image_gc_options *o,
                   struct image_gc_result *ret, struct err *e);
