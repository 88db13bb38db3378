/* SPDX-License-Identifier: Apache-2.0 */
#include "api/datadir.h"

#include <errno.h>
#include <string.h>

#include "util/auto.h"
#include "util/fs.h"

int datadir_open(const char *dir, struct datadir *ret, struct err *e)
{
        struct datadir d = DATADIR_NULL;

        d.fd = fs_open_dir_path(dir);
        if (d.fd == -ENOENT) {
                *ret = DATADIR_NULL;
                return 0;
        }
        if (d.fd < 0)
                return err_set(e, ERR_INTERNAL, -d.fd, "open data directory %s", dir);
        if (pod_store_open(d.fd, &d.pods, e) < 0) {
                closep(&d.fd);
                return err_wrap(e, "data directory %s", dir);
        }
        *ret = d;
        return 0;
}

void datadir_done(struct datadir *d)
{
        pod_store_done(&d->pods);
        closep(&d->fd);
}

static int add_pod_id(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        (void)dirfd;
        if (uuid_is_valid(name) && (d_type == DT_DIR || d_type == DT_UNKNOWN))
                strv_add(arg, name);
        return 0;
}

/* A pod that moves while we look is met twice, never not at all: see enum pod_dir. */
static void drop_doubles(struct strv *ids)
{
        size_t kept = 0;

        strv_sort(ids);
        for (size_t i = 0; i < ids->n; i++) {
                if (kept > 0 && strcmp(ids->v[kept - 1], ids->v[i]) == 0)
                        free(ids->v[i]);
                else
                        ids->v[kept++] = ids->v[i];
        }
        ids->n = kept;
        if (ids->v)
                ids->v[kept] = NULL;
}

int datadir_pod_ids(struct datadir *d, struct strv *ret, struct err *e)
{
        AUTO(strv_done) struct strv ids = STRV_NULL;

        for (size_t i = 0; i < POD_DIR_MAX; i++) {
                int r = d->pods.dir_fd[i] < 0 ? 0 : fs_each(d->pods.dir_fd[i], add_pod_id, &ids);

                if (r < 0 && r != -ENOENT)
                        return err_set(e, ERR_INTERNAL, -r, "list pods/%s",
                                       pod_dir_name((enum pod_dir)i));
        }
        drop_doubles(&ids);
        *ret = ids;
        ids = STRV_NULL;
        return 0;
}

int datadir_pod_find(struct datadir *d, const char *prefix, struct uuid *ret, struct err *e)
{
        AUTO(strv_done) struct strv ids = STRV_NULL;
        struct uuid wanted;
        const char *found = NULL;
        size_t len, n = 0;

        if (*prefix == '\0')
                return err_set(e, ERR_USAGE, 0, "no pod id given");
        if (uuid_prefix_normalize(prefix, &wanted) < 0)
                return err_set(e, ERR_USAGE, 0, "pod id \"%.100s\": not the beginning of a UUID",
                               prefix);
        if (datadir_pod_ids(d, &ids, e) < 0)
                return -1;
        len = strlen(wanted.text);
        for (size_t i = 0; i < ids.n; i++) {
                if (strncmp(ids.v[i], wanted.text, len) != 0)
                        continue;
                found = ids.v[i];
                n++;
        }
        if (n == 0)
                return err_set(e, ERR_NOT_FOUND, 0, "no matches found for \"%s\"", prefix);
        if (n > 1)
                return err_set(e, ERR_AMBIGUOUS, 0, "pod id \"%s\": ambiguous uuid, %zu matches",
                               prefix, n);
        memcpy(ret->text, found, sizeof(ret->text));
        return 0;
}

int datadir_pod_read(struct datadir *d, const char *prefix, unsigned want, struct pod_view **ret,
                     struct err *e)
{
        struct uuid id;

        /* A whole id needs no list: what is asked for most costs the same with any number of pods. */
        if (d->fd < 0 || uuid_prefix_normalize(prefix, &id) < 0 || !uuid_is_valid(id.text))
                if (datadir_pod_find(d, prefix, &id, e) < 0)
                        return -1;
        return pod_view_read(&d->pods, id.text, want, ret, e);
}

static int add_image_id(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        (void)dirfd;
        if (image_id_is_valid(name) && (d_type == DT_DIR || d_type == DT_UNKNOWN))
                strv_add(arg, name);
        return 0;
}

int datadir_image_ids(struct datadir *d, struct strv *ret, struct err *e)
{
        AUTO(strv_done) struct strv ids = STRV_NULL;
        AUTO_CLOSE int images = d->fd < 0 ? -ENOENT : fs_open_dir(d->fd, "images");
        AUTO_CLOSE int records = images < 0 ? images : fs_open_dir(images, "records");
        int r = records < 0 ? records : fs_each(records, add_image_id, &ids);
        if (r < 0 && r != -ENOENT)
                return err_set(e, ERR_INTERNAL, -r, "list images/records");
        strv_sort(&ids);
        *ret = ids;
        ids = STRV_NULL;
        return 0;
}

static bool is_image_id_prefix(const char *s)
{
        enum { HEX_MIN = 2, HEX_MAX = 128 };
        size_t n;

        if (strncmp(s, "sha512-", 7) != 0)
                return false;
        n = strspn(s + 7, "0123456789abcdef");
        return s[7 + n] == '\0' && n >= HEX_MIN && n <= HEX_MAX;
}

int datadir_image_read(struct datadir *d, const char *prefix, struct image_view *ret, struct err *e)
{
        char id[IMAGE_ID_LEN + 1];

        if (*prefix == '\0')
                return err_set(e, ERR_USAGE, 0, "no image id given");
        if (!is_image_id_prefix(prefix))
                return err_set(e, ERR_USAGE, 0,
                               "image id \"%.200s\": not \"sha512-\" and at least 2 hex digits",
                               prefix);
        if (d->fd < 0)
                return err_set(e, ERR_NOT_FOUND, 0, "image \"%s\": no image IDs found", prefix);
        if (image_id_is_valid(prefix)) /* a whole id needs no list */
                memcpy(id, prefix, sizeof(id));
        else if (image_resolve_text(d->fd, prefix, id, e) < 0)
                return err_wrap(e, "image \"%s\"", prefix);
        if (image_view_read(d->fd, id, ret, e) < 0)
                return err_wrap(e, "image \"%s\"", prefix);
        return 0;
}
