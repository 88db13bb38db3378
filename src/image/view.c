/* SPDX-License-Identifier: Apache-2.0 */
#include "image/view.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/view_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"

void image_view_done(struct image_view *v)
{
        image_record_done(&v->record);
        free(v->manifest);
        v->parsed = appc_image_manifest_free(v->parsed);
        *v = (struct image_view){ 0 };
}

void image_view_list_done(struct image_view_list *l)
{
        for (size_t i = 0; i < l->n; i++)
                image_view_done(&l->v[i]);
        free(l->v);
        strv_done(&l->problems);
        *l = IMAGE_VIEW_LIST_NULL;
}

static int not_found(const char *id, struct err *e)
{
        return err_set(e, ERR_NOT_FOUND, 0, "image %s is not in the store", id);
}

/* A file of a record; what vanished between two looks is an image that was removed. */
static int read_member(int dir, const char *id, const char *name, struct buf *out, struct err *e)
{
        int r = fs_read_file(dir, name, out);

        if (r == -ENOENT && faccessat(dir, ".", F_OK, 0) == 0) {
                struct stat st;

                if (fstat(dir, &st) == 0 && st.st_nlink == 0)
                        return not_found(id, e);
        }
        if (r == -ENOBUFS)
                return err_set(e, ERR_LIMIT, 0, "%s: over %zu bytes", name, out->max);
        if (r == -ENOENT || r == -EINVAL || r == -ELOOP)
                return err_set(e, ERR_BAD_DATA, -r, "read %s", name);
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "read %s", name) : 0;
}

static int open_record(int records_fd, const char *id, struct err *e)
{
        int fd = image_id_is_valid(id) ? fs_open_dir(records_fd, id) : -ENOENT;

        if (fd == -ENOENT)
                return not_found(id, e);
        if (fd == -ENOTDIR || fd == -ELOOP)
                return err_set(e, ERR_BAD_DATA, 0, "record is not a directory");
        return fd < 0 ? err_set(e, ERR_INTERNAL, -fd, "open record") : fd;
}

static int read_record(int dir, const char *id, struct image_record *ret, struct err *e)
{
        AUTO(buf_done) struct buf b = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;

        if (read_member(dir, id, "record.json", &b, e) < 0)
                return -1;
        if (image_record_parse(b.data, b.len, &r, e) < 0)
                return err_wrap(e, "record.json");
        if (strcmp(r.id, id) != 0)
                return err_set(e, ERR_BAD_DATA, 0, "record.json: is of image %s", r.id);
        *ret = r;
        r = IMAGE_RECORD_NULL;
        return 0;
}

int image_record_read(int records_fd, const char *id, struct image_record *ret, struct err *e)
{
        AUTO_CLOSE int dir = open_record(records_fd, id, e);

        return dir < 0 ? -1 : read_record(dir, id, ret, e);
}

bool image_manifest_is_there(int records_fd, const char *id)
{
        AUTO(image_view_done) struct image_view v = { 0 };
        struct err ignored;

        return image_view_read_at(records_fd, id, &v, &ignored) == 0;
}

static int fill_view(int dir, const char *id, struct image_view *v, struct err *e)
{
        AUTO(buf_done) struct buf b = BUF_NULL(LIMIT_MANIFEST_BYTES);
        struct stat st;

        if (read_record(dir, id, &v->record, e) < 0 || read_member(dir, id, "manifest", &b, e) < 0)
                return -1;
        if (appc_image_manifest_parse(b.data, b.len, &v->parsed, e) < 0)
                return err_wrap(e, "manifest");
        v->version = v->record.version ? v->record.version : "latest";
        v->last_used = fstatat(dir, "last-used", &st, AT_SYMLINK_NOFOLLOW) == 0
                               ? fs_mtime(&st)
                               : v->record.imported_at;
        v->manifest_len = b.len;
        v->manifest = buf_take(&b);
        return 0;
}

int image_view_read_at(int records_fd, const char *id, struct image_view *ret, struct err *e)
{
        AUTO(image_view_done) struct image_view v = { 0 };
        AUTO_CLOSE int dir = open_record(records_fd, id, e);

        if (dir < 0 || fill_view(dir, id, &v, e) < 0)
                return -1;
        *ret = v;
        v = (struct image_view){ 0 };
        return 0;
}

int image_records_open(int data_fd)
{
        AUTO_CLOSE int images = fs_open_dir(data_fd, "images");

        return images < 0 ? images : fs_open_dir(images, "records");
}

int image_view_read(int data_fd, const char *id, struct image_view *ret, struct err *e)
{
        AUTO_CLOSE int records = image_records_open(data_fd);

        if (records == -ENOENT)
                return not_found(id, e);
        if (records < 0)
                return err_set(e, ERR_INTERNAL, -records, "open images/records");
        if (image_view_read_at(records, id, ret, e) < 0)
                return e->kind == ERR_NOT_FOUND ? -1 : err_wrap(e, "image %s", id);
        return 0;
}

static int add_id(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        (void)dirfd;
        (void)d_type;
        if (image_id_is_valid(name))
                strv_add(arg, name);
        return 0;
}

int image_record_ids(int records_fd, struct strv *ret, struct err *e)
{
        int r;

        if (records_fd == -ENOENT)
                return 0;
        r = records_fd < 0 ? records_fd : fs_each(records_fd, add_id, ret);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "read images/records");
        strv_sort(ret);
        return 0;
}

static int by_time(const void *a, const void *b)
{
        const struct image_view *x = a, *y = b;

        if (x->record.imported_at != y->record.imported_at)
                return x->record.imported_at < y->record.imported_at ? -1 : 1;
        return strcmp(x->record.id, y->record.id);
}

int image_view_list(int data_fd, struct image_view_list *ret, struct err *e)
{
        AUTO(image_view_list_done) struct image_view_list l = IMAGE_VIEW_LIST_NULL;
        AUTO_CLOSE int records = image_records_open(data_fd);
        AUTO(strv_done) struct strv ids = STRV_NULL;

        if (image_record_ids(records, &ids, e) < 0)
                return -1;
        l.v = ids.n ? xcalloc(ids.n, sizeof(*l.v)) : NULL;
        for (size_t i = 0; i < ids.n; i++) {
                struct err why;

                if (image_view_read_at(records, ids.v[i], &l.v[l.n], &why) == 0)
                        l.n++;
                else if (why.kind != ERR_NOT_FOUND) /* else removed while we looked */
                        strv_addf(&l.problems, "%s: %s", ids.v[i], why.text);
        }
        if (l.n)
                qsort(l.v, l.n, sizeof(*l.v), by_time);
        *ret = l;
        l = IMAGE_VIEW_LIST_NULL;
        return 0;
}
