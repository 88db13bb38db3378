/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One import: everything is collected in tmp/<random>/ and published at the end in one go, the
 * record last.
 *
 *      image_txn_begin
 *      image_txn_has_image             (as soon as the id is known: nothing to do when it is there)
 *      per layer, any order:
 *              image_txn_find_layer    (unpacked already by some other image?)
 *              image_txn_stage_layer, unpack into the fd, image_txn_finish_layer
 *      image_txn_add_blob              (manifest, config)
 *      image_txn_commit
 *      image_txn_free                  (without commit: everything is forgotten)
 *
 * Durability: commit calls syncfs(2) once, before the first rename. One fsync per file would cost
 * an ext4 journal commit for each of some 10,000 files; syncfs costs one, and, as the transaction's
 * directory was opened before the first byte was written, it also reports any write-back error
 * since. A process that dies at any point leaves a tmp directory that nobody locks, or complete
 * layers without a record; the next image_txn_begin or gc takes the first, gc the second.
 *
 * The SHARED lock of the store is held from begin to free. Single-threaded use, but several
 * transactions may exist at once, in one process or in many.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/record.h"
#include "image/store.h"
#include "util/err.h"
#include "util/time.h"

/* Directory name of a layer: decimal, no leading zero. */
enum { IMAGE_LAYER_NAME_MAX = 11 };
/* "<alg>:<hex>" of a layer or a blob, as find and finish take it. */
enum { IMAGE_DIGEST_MAX = 192 };

struct image_txn;

/*
 * Start a transaction: waits up to @wait_ns for the SHARED lock, removes what dead imports left,
 * makes the temporary directory. @store is borrowed until image_txn_free. Errors: ERR_BUSY (a
 * removal is running), ERR_NO_SPACE, ERR_PERMISSION, ERR_INTERNAL.
 */
int image_txn_begin(struct image_txn **ret, struct image_store *store, nsec wait_ns, struct err *e);
struct image_txn *image_txn_free(struct image_txn *t); /* accepts NULL, returns NULL; keeps errno */
static inline void image_txn_freep(struct image_txn **t)
{
        image_txn_free(*t);
}

/*
 * The transaction's directory, for the importer's own temporary files (name them "x-...");
 * borrowed.
 */
int image_txn_dirfd(const struct image_txn *t);

/*
 * Is image @id there, complete, with all its layers and blobs? If so its last-used time is set to
 * now, and the import is done. *ret is false for a record that is broken: go on, commit replaces
 * it.
 */
int image_txn_has_image(struct image_txn *t, const char *id, bool *ret, struct err *e);

/*
 * The image that is there was imported as @name (NULL: the name it has) and @version (NULL: none)
 * once more: from now on both names mean it, this one before any image that had it earlier. One
 * small durable write. Errors: ERR_NOT_FOUND, ERR_BAD_DATA (its record is broken, or the name is
 * none), ERR_NO_SPACE, ERR_INTERNAL.
 */
int image_txn_add_name(struct image_txn *t, const char *id, const char *name, const char *version,
                       struct err *e);

/*
 * Look for a published layer (or one finished in this transaction) with this digest: "<alg>:<hex>",
 * the diff id for OCI and docker. *ret_found says whether; then @ret_layer is its directory name,
 * which stays valid while the transaction lives. Errors: ERR_BAD_DATA for a digest that is none;
 * ERR_INTERNAL.
 */
int image_txn_find_layer(struct image_txn *t, const char *digest, bool *ret_found,
                         char ret_layer[static IMAGE_LAYER_NAME_MAX], struct err *e);

/*
 * A new empty layer: *ret_fs_fd (owned by the caller) is its root directory, mode 0755, root:root;
 * set mode, owner, times and xattrs of "." from the archive's entry if it has one. *ret_token names
 * it for finish.
 */
int image_txn_stage_layer(struct image_txn *t, int *ret_fs_fd, unsigned *ret_token, struct err *e);

/*
 * The staged layer @token is complete and verified: its digest is @digest, its files have @size
 * bytes. @ret_layer is what to put in the record's layers: a provisional name that commit replaces
 * by the published one (another import may publish the same digest first; then its layer is taken
 * and ours dropped). Errors: ERR_BAD_DATA for a digest that is none, ERR_USAGE for a wrong token,
 * ERR_INTERNAL.
 */
int image_txn_finish_layer(struct image_txn *t, unsigned token, const char *digest, uint64_t size,
                           char ret_layer[static IMAGE_LAYER_NAME_MAX], struct err *e);

/*
 * Keep a small blob (manifest, config). @digest: "sha256:<64 hex>", verified by the caller. Present
 * already: success. The bytes count in the image's size when the record names the blob.
 */
int image_txn_add_blob(struct image_txn *t, const char *digest, const void *data, size_t len,
                       struct err *e);

/*
 * Publish. @record: what record.h asks for, with layers as finish and find named them (top first; a
 * digest may occur twice); size and imported_at are filled in here (size = its blobs + its layers).
 * @manifest: the appc image manifest JSON as the API shall return it. Somebody else published the
 * same image meanwhile: success, theirs stays and gets our name. An unusable record of that id is
 * replaced. Blocks for the disk. Errors: ERR_USAGE (a layer that is neither published nor finished
 * here), ERR_BAD_DATA (invalid record), ERR_NO_SPACE, ERR_INTERNAL; nothing is visible then, and
 * the transaction can only be freed.
 */
int image_txn_commit(struct image_txn *t, struct image_record *record, const void *manifest,
                     size_t manifest_len, struct err *e);

/*
 * Publish one finished layer without a record, for what render.h makes: it lives until a gc that
 * runs while no pod uses it. @provisional as finish named it. The transaction can only be freed
 * afterwards.
 */
int image_txn_commit_layer(struct image_txn *t, const char *provisional,
                           char ret_layer[static IMAGE_LAYER_NAME_MAX], struct err *e);
