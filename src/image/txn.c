/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collecting half of a transaction; txn_commit.c publishes. Below tmp/<random>/:
 *
 *      l<token>/{fs/,digest,size}      a layer, as it will be below layers/
 *      b<hex>                          a blob
 *      record/{manifest,record.json,last-used}
 */
#include "image/txn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "image/store_priv.h"
#include "image/txn_priv.h"
#include "image/view_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/test_hook.h"

int image_txn_begin(struct image_txn **ret, struct image_store *store, nsec wait_ns, struct err *e)
{
        AUTO(image_txn_freep) struct image_txn *t = xcalloc(1, sizeof(*t));

        t->store = store;
        t->lock_fd = -1;
        t->tmp = IMAGE_TMP_NULL;
        if (image_store_lock(store, IMAGE_LOCK_SHARED, wait_ns, &t->lock_fd, e) < 0)
                return -1;
        image_tmp_reap(store);
        if (image_tmp_make(store, &t->tmp, e) < 0)
                return -1;
        test_hook("import:begun");
        *ret = TAKE_PTR(t);
        return 0;
}

struct image_txn *image_txn_free(struct image_txn *t)
{
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n_layers; i++) {
                free(t->layers[i].link);
                free(t->layers[i].digest);
        }
        free(t->layers);
        strv_done(&t->blobs);
        image_tmp_drop(t->store, &t->tmp);
        closep(&t->lock_fd);
        free(t);
        return NULL;
}

int image_txn_dirfd(const struct image_txn *t)
{
        return t->tmp.fd;
}

int image_txn_has_image(struct image_txn *t, const char *id, bool *ret, struct err *e)
{
        AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;
        struct err ignored;
        uint64_t size;

        if (!image_id_is_valid(id))
                return err_set(e, ERR_BAD_DATA, 0, "not an image id: \"%.100s\"", id);
        if (image_record_read(t->store->records_fd, id, &r, &ignored) < 0 ||
            !image_record_is_complete(t->store, &r, &size) ||
            !image_manifest_is_there(t->store->records_fd, id)) {
                *ret = false;
                return 0;
        }
        if (image_store_touch(t->store, id, e) < 0)
                return -1;
        *ret = true;
        return 0;
}

int image_txn_find_layer_as(struct image_txn *t, const char *link, const char *digest,
                            bool *ret_found, char ret_layer[static IMAGE_LAYER_NAME_MAX],
                            struct err *e)
{
        int r;

        for (size_t i = 0; i < t->n_layers; i++) {
                const struct txn_layer *l = &t->layers[i];

                if (l->digest && strcmp(l->digest, digest) == 0) {
                        txn_provisional_name((unsigned)i, ret_layer);
                        *ret_found = true;
                        return 0;
                }
        }
        r = image_layer_lookup(t->store, link, digest, ret_layer);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "look for layer %.100s", digest);
        *ret_found = r > 0;
        return 0;
}

int image_txn_find_layer(struct image_txn *t, const char *digest, bool *ret_found,
                         char ret_layer[static IMAGE_LAYER_NAME_MAX], struct err *e)
{
        char link[IMAGE_DIGEST_MAX];

        if (image_digest_link_name(digest, link) < 0)
                return err_set(e, ERR_BAD_DATA, 0, "not a digest: \"%.100s\"", digest);
        return image_txn_find_layer_as(t, link, digest, ret_found, ret_layer, e);
}

void txn_provisional_name(unsigned token, char ret[static IMAGE_LAYER_NAME_MAX])
{
        (void)snprintf(ret, IMAGE_LAYER_NAME_MAX, "l%u", token);
}

int image_txn_stage_layer(struct image_txn *t, int *ret_fs_fd, unsigned *ret_token, struct err *e)
{
        char name[IMAGE_LAYER_NAME_MAX];
        AUTO_CLOSE int dir = -1;
        int r, fs;

        if (t->n_layers >= LIMIT_IMAGE_LAYERS)
                return err_set(e, ERR_LIMIT, 0, "image has more than %u layers",
                               LIMIT_IMAGE_LAYERS);
        txn_provisional_name((unsigned)t->n_layers, name);
        r = fs_mkdir(t->tmp.fd, name, 0750);
        dir = r < 0 ? r : fs_open_dir(t->tmp.fd, name);
        r = dir < 0 ? dir : fs_mkdir(dir, "fs", 0755);
        fs = r < 0 ? r : fs_open_dir(dir, "fs");
        if (fs < 0)
                return err_set(e, ERR_INTERNAL, -fs, "make a directory for a layer");
        ARRAY_GROW(t->layers, t->n_layers, t->cap_layers);
        t->layers[t->n_layers] = (struct txn_layer){ 0 };
        *ret_token = (unsigned)t->n_layers++;
        *ret_fs_fd = fs;
        return 0;
}

static int write_description(struct image_txn *t, const char *name, const char *digest,
                             uint64_t size)
{
        AUTO_CLOSE int dir = fs_open_dir(t->tmp.fd, name);
        AUTO_FREE char *size_text = xasprintf("%llu\n", (unsigned long long)size);
        AUTO_FREE char *digest_text = xasprintf("%s\n", digest);
        int r;

        if (dir < 0)
                return dir;
        r = fs_write_file(dir, "digest", digest_text, strlen(digest_text), 0640);
        return r < 0 ? r : fs_write_file(dir, "size", size_text, strlen(size_text), 0640);
}

int image_txn_finish_layer_as(struct image_txn *t, unsigned token, const char *link,
                              const char *digest, uint64_t size,
                              char ret_layer[static IMAGE_LAYER_NAME_MAX], struct err *e)
{
        char name[IMAGE_LAYER_NAME_MAX];
        int r;

        if (token >= t->n_layers || t->layers[token].digest)
                return err_set(e, ERR_USAGE, 0, "layer %u is not a staged one", token);
        if (size > INT64_MAX)
                return err_set(e, ERR_LIMIT, 0, "layer %.100s is too big", digest);
        txn_provisional_name(token, name);
        r = write_description(t, name, digest, size);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "describe layer %.100s", digest);
        t->layers[token].link = xstrdup(link);
        t->layers[token].digest = xstrdup(digest);
        memcpy(ret_layer, name, sizeof(name));
        return 0;
}

int image_txn_finish_layer(struct image_txn *t, unsigned token, const char *digest, uint64_t size,
                           char ret_layer[static IMAGE_LAYER_NAME_MAX], struct err *e)
{
        char link[IMAGE_DIGEST_MAX];

        if (image_digest_link_name(digest, link) < 0)
                return err_set(e, ERR_BAD_DATA, 0, "not a digest: \"%.100s\"", digest);
        return image_txn_finish_layer_as(t, token, link, digest, size, ret_layer, e);
}

int image_txn_add_blob(struct image_txn *t, const char *digest, const void *data, size_t len,
                       struct err *e)
{
        AUTO_FREE char *name = NULL;
        struct stat st;
        int r;

        if (!image_blob_digest_is_valid(digest))
                return err_set(e, ERR_BAD_DATA, 0, "not a sha256 digest: \"%.100s\"", digest);
        if (strv_contains(&t->blobs, digest))
                return 0;
        if (fstatat(t->store->blobs_fd, digest + strlen("sha256:"), &st, AT_SYMLINK_NOFOLLOW) ==
                    0 &&
            (uint64_t)st.st_size == len)
                return 0;
        name = xasprintf("b%s", digest + strlen("sha256:"));
        r = fs_write_file(t->tmp.fd, name, data, len, 0640);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "keep blob %s", digest);
        strv_add(&t->blobs, digest);
        return 0;
}
