/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing half of a transaction. Order is everything here:
 *
 *   1. syncfs: what was unpacked is on disk (txn.h says why syncfs)
 *   2. rename layers and blobs to their final names, then the by-digest links
 *   3. write and fsync the record's files, fsync the directories of step 2
 *   4. rename the record, fsync its parent
 *
 * A crash after 2 leaves layers nobody refers to; gc takes them, or the next import finds them by
 * their digest. A link that outlives its layer is seen by image_layer_lookup. Steps 2 to 4 run
 * under an exclusive flock on the layers directory, so that two imports of one digest do not both
 * publish it, and numbers are not fought for.
 */
#include "image/txn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/record.h"
#include "image/txn_priv.h"
#include "image/view_priv.h"
#include "util/atomic_file.h"
#include "util/auto.h"
#include "util/flock.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/test_hook.h"

static int note_highest(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        uint64_t *highest = arg, n;

        (void)dirfd;
        (void)d_type;
        if (image_layer_name_is_valid(name) && parse_u64(name, 1, UINT64_MAX, &n) == 0 &&
            n > *highest)
                *highest = n;
        return 0;
}

/* Points the link at @layer, replacing one that is dangling or wrong. */
static int link_layer(struct image_txn *t, const char *link, const char *layer)
{
        AUTO_FREE char *target = xasprintf("../%s", layer);

        (void)unlinkat(t->tmp.fd, "link", 0);
        if (symlinkat(target, t->tmp.fd, "link") < 0 ||
            renameat(t->tmp.fd, "link", t->store->digests_fd, link) < 0)
                return -errno;
        return 0;
}

static int publish_layer(struct image_txn *t, unsigned token, uint64_t *next)
{
        struct txn_layer *l = &t->layers[token];
        char staged[IMAGE_LAYER_NAME_MAX], name[24];
        int r = image_layer_lookup(t->store, l->link, l->digest, l->layer);

        if (r != 0)
                return r < 0 ? r : 0;
        txn_provisional_name(token, staged);
        do {
                (void)snprintf(name, sizeof(name), "%llu", (unsigned long long)(*next)++);
                if (!image_layer_name_is_valid(name))
                        return -EOVERFLOW;
                r = renameat2(t->tmp.fd, staged, t->store->layers_fd, name, RENAME_NOREPLACE);
        } while (r < 0 && errno == EEXIST);
        if (r < 0)
                return -errno;
        test_hook("import:layer-moved");
        r = link_layer(t, l->link, name);
        if (r == 0)
                memcpy(l->layer, name, strlen(name) + 1);
        return r;
}

static int publish_layers(struct image_txn *t, struct err *e)
{
        uint64_t next = 0;
        int r = fs_each(t->store->layers_fd, note_highest, &next);

        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "read images/layers");
        next++;
        for (unsigned i = 0; i < t->n_layers; i++) {
                if (!t->layers[i].digest)
                        continue; /* staged and given up: goes with the temporary directory */
                r = publish_layer(t, i, &next);
                if (r < 0)
                        return err_set(e, ERR_INTERNAL, -r, "publish layer %.100s",
                                       t->layers[i].digest);
        }
        return 0;
}

static int publish_blobs(struct image_txn *t, struct err *e)
{
        for (size_t i = 0; i < t->blobs.n; i++) {
                const char *hex = t->blobs.v[i] + strlen("sha256:");
                AUTO_FREE char *name = xasprintf("b%s", hex);

                /* The same bytes may be there already: they were verified, so either may stay. */
                if (renameat(t->tmp.fd, name, t->store->blobs_fd, hex) < 0)
                        return err_set(e, ERR_INTERNAL, errno, "publish blob %s", t->blobs.v[i]);
        }
        return 0;
}

static int sync_parents(struct image_txn *t, struct err *e)
{
        if (fsync(t->store->layers_fd) < 0 || fsync(t->store->digests_fd) < 0 ||
            fsync(t->store->blobs_fd) < 0)
                return err_set(e, ERR_INTERNAL, errno, "write the image store to disk");
        return 0;
}

/* Provisional names become final ones; anything else must be a published layer. */
static int name_layers(struct image_txn *t, struct strv *layers, struct err *e)
{
        for (size_t i = 0; i < layers->n; i++) {
                const char *name = layers->v[i];
                uint64_t token, size;

                if (name[0] == 'l' && parse_u64(name + 1, 0, UINT64_MAX, &token) == 0 &&
                    token < t->n_layers && t->layers[token].layer[0]) {
                        free(layers->v[i]);
                        layers->v[i] = xstrdup(t->layers[token].layer);
                        continue;
                }
                if (!image_layer_name_is_valid(name) || image_layer_size(t->store, name, &size) < 0)
                        return err_set(e, ERR_USAGE, 0, "layer \"%.20s\" is not in the store",
                                       name);
        }
        return 0;
}

static int write_record(struct image_txn *t, int dir, const struct image_record *record,
                        const void *manifest, size_t manifest_len, struct err *e)
{
        static const char *const files[] = { "manifest", "record.json", "last-used", "." };
        AUTO(buf_done) struct buf json = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        int r;

        if (image_record_print(record, &json, e) < 0)
                return -1;
        r = fs_write_file(dir, "manifest", manifest, manifest_len, 0640);
        if (r == 0)
                r = fs_write_file(dir, "record.json", json.data, json.len, 0640);
        if (r == 0)
                r = fs_touch(dir, "last-used", 0640);
        for (size_t i = 0; i < ARRAY_LEN(files) && r == 0; i++) {
                image_store_give_group(t->store, dir, files[i]);
                r = fs_fsync_path(dir, files[i]);
        }
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "write the image's record");
        return 0;
}

static int make_record(struct image_txn *t, const struct image_record *record, const void *manifest,
                       size_t manifest_len, struct err *e)
{
        AUTO_CLOSE int dir = -1;
        int r = fs_mkdir(t->tmp.fd, "record", 0750);

        if (r == 0) {
                dir = fs_open_dir(t->tmp.fd, "record");
                r = dir < 0 ? dir : 0;
        }
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "make the image's record");
        return write_record(t, dir, record, manifest, manifest_len, e);
}

/* The guard is held: nobody else rewrites a record. */
static int add_name(struct image_txn *t, const char *id, const char *name, const char *version,
                    struct err *e)
{
        AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;
        AUTO(buf_done) struct buf json = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        AUTO_CLOSE int dir = -1;
        int code;

        if (image_record_read(t->store->records_fd, id, &r, e) < 0)
                return -1;
        image_record_add_name(&r, name ? name : r.name, name ? version : r.version, time_now());
        if (image_record_print(&r, &json, e) < 0)
                return -1;
        dir = fs_open_dir(t->store->records_fd, id);
        code = dir < 0 ? dir
                       : atomic_file_write(dir, "record.json", json.data, json.len, 0640,
                                           ATOMIC_FILE_DURABLE);
        if (code < 0)
                return err_set(e, ERR_INTERNAL, -code, "name image %s", id);
        image_store_give_group(t->store, dir, "record.json");
        return 0;
}

static int take_guard(struct image_txn *t, int *ret, struct err *e)
{
        AUTO_CLOSE int guard = fs_open_dir(t->store->layers_fd, ".");
        int r = guard < 0 ? guard : flock_wait(guard, true, time_monotonic() + IMAGE_LOCK_WAIT);

        if (r < 0)
                return err_set(e, r == -ETIMEDOUT ? ERR_BUSY : ERR_INTERNAL, -r,
                               "lock images/layers");
        *ret = TAKE_FD(guard);
        return 0;
}

int image_txn_add_name(struct image_txn *t, const char *id, const char *name, const char *version,
                       struct err *e)
{
        AUTO_CLOSE int guard = -1;

        return take_guard(t, &guard, e) < 0 ? -1 : add_name(t, id, name, version, e);
}

static int publish_record(struct image_txn *t, const struct image_record *record, struct err *e)
{
        const char *id = record->id;
        unsigned flags = RENAME_NOREPLACE;
        bool theirs = false;

        if (faccessat(t->store->records_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
                if (image_txn_has_image(t, id, &theirs, e) < 0)
                        return -1;
                if (theirs)
                        return add_name(t, id, record->name, record->version, e);
                flags = RENAME_EXCHANGE; /* the broken one goes with the temporary directory */
        }
        if (renameat2(t->tmp.fd, "record", t->store->records_fd, id, flags) < 0)
                return err_set(e, ERR_INTERNAL, errno, "publish image %s", id);
        if (fsync(t->store->records_fd) < 0)
                return err_set(e, ERR_INTERNAL, errno, "write images/records to disk");
        return 0;
}

/* Steps 1 and 2. *ret_guard: the flock on the layers directory, held while open. */
static int publish_contents(struct image_txn *t, int *ret_guard, struct err *e)
{
        AUTO_CLOSE int guard = -1;

        if (syncfs(t->tmp.fd) < 0)
                return err_set(e, ERR_INTERNAL, errno, "write the image's layers to disk");
        test_hook("import:synced");
        if (take_guard(t, &guard, e) < 0 || publish_layers(t, e) < 0)
                return -1;
        test_hook("import:layers");
        if (publish_blobs(t, e) < 0 || sync_parents(t, e) < 0)
                return -1;
        test_hook("import:contents");
        *ret_guard = TAKE_FD(guard);
        return 0;
}

int image_txn_commit(struct image_txn *t, struct image_record *record, const void *manifest,
                     size_t manifest_len, struct err *e)
{
        AUTO_CLOSE int guard = -1;

        if (!record->id || !image_id_is_valid(record->id))
                return err_set(e, ERR_BAD_DATA, 0, "id: not an image id");
        if (manifest_len == 0 || manifest_len > LIMIT_MANIFEST_BYTES)
                return err_set(e, ERR_LIMIT, 0, "image manifest of %zu bytes", manifest_len);
        if (publish_contents(t, &guard, e) < 0 || name_layers(t, &record->layers, e) < 0)
                return -1;
        if (!image_record_is_complete(t->store, record, &record->size))
                return err_set(e, ERR_USAGE, 0,
                               "image %s: a layer or blob of its record is missing", record->id);
        record->imported_at = time_now();
        if (make_record(t, record, manifest, manifest_len, e) < 0)
                return -1;
        test_hook("import:record");
        if (publish_record(t, record, e) < 0)
                return -1;
        test_hook("import:done");
        return 0;
}

int image_txn_commit_layer(struct image_txn *t, const char *provisional,
                           char ret_layer[static IMAGE_LAYER_NAME_MAX], struct err *e)
{
        AUTO_CLOSE int guard = -1;
        AUTO(strv_done) struct strv one = STRV_NULL;

        if (publish_contents(t, &guard, e) < 0)
                return -1;
        strv_add(&one, provisional);
        if (name_layers(t, &one, e) < 0)
                return -1;
        (void)snprintf(ret_layer, IMAGE_LAYER_NAME_MAX, "%s", one.v[0]);
        return 0;
}
