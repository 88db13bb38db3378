/* SPDX-License-Identifier: Apache-2.0 */
#include "image/import/members.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "util/auto.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"

enum { READ_BYTES = 64 * 1024, LINKS_MAX = 8 };

struct tar_member {
        UT_hash_handle hh;
        char *name;      /* owned; normalised; the key */
        char *link;      /* owned; normalised target; NULL: a file */
        uint64_t offset; /* of the data in the archive */
        uint64_t size;
        bool is_file;
        bool is_sparse;
};

struct members {
        const char *file; /* borrowed */
        int dirfd;        /* borrowed; -1: a tar */
        struct blob tar;  /* borrowed */
        struct tar_member *table;
        size_t n;
        size_t name_bytes;
};

void member_done(struct member *m)
{
        closep(&m->own_fd);
        free(m->name);
        *m = MEMBER_NULL;
}

struct members *members_of_dir(int dirfd, const char *file)
{
        struct members *m = xcalloc(1, sizeof(*m));

        m->dirfd = dirfd;
        m->file = file;
        return m;
}

static void tar_member_free(struct tar_member *t)
{
        free(t->name);
        free(t->link);
        free(t);
}

struct members *members_free(struct members *m)
{
        struct tar_member *t, *next;

        if (!m)
                return NULL;
        HASH_ITER (hh, m->table, t, next) {
                HASH_DEL(m->table, t);
                tar_member_free(t);
        }
        free(m);
        return NULL;
}

/*
 * Components joined by one slash, "." dropped, ".." resolved against @dir; NULL when that leads
 * above the top.
 */
static char *resolve(const char *dir, size_t dir_len, const char *path)
{
        AUTO_FREE char *out = xmalloc(dir_len + strlen(path) + 2);
        size_t len = dir_len;

        memcpy(out, dir, dir_len);
        while (*path) {
                size_t n = strcspn(path, "/");

                if (n == 2 && path[0] == '.' && path[1] == '.') {
                        if (len == 0)
                                return NULL;
                        while (len > 0 && out[len - 1] != '/')
                                len--;
                        len -= len > 0;
                } else if (n > 0 && !(n == 1 && path[0] == '.')) {
                        if (len > 0)
                                out[len++] = '/';
                        memcpy(out + len, path, n);
                        len += n;
                }
                path += n;
                path += *path == '/';
        }
        out[len] = 0;
        return TAKE_PTR(out);
}

/* What libarchive reads from. */
struct walk {
        const struct blob *blob;
        uint64_t pos;
        uint64_t header_left; /* headers are kept in memory by libarchive: bounded as in untar */
        uint8_t *data;        /* owned; READ_BYTES */
        struct err *e;
        bool failed; /* *e is set */
};

static la_ssize_t walk_read(struct archive *a, void *arg, const void **ret)
{
        struct walk *w = arg;
        size_t n = 0;

        if (w->header_left < READ_BYTES) {
                (void)err_set(w->e, ERR_LIMIT, 0,
                              "%s: more than %u bytes of headers for one entry (limit)",
                              w->blob->name, LIMIT_ARCHIVE_HEADER_BYTES);
                w->failed = true;
        }
        if (w->failed || blob_read_at(w->blob, w->pos, w->data, READ_BYTES, &n, w->e) < 0) {
                w->failed = true;
                archive_set_error(a, EIO, "input failed");
                return -1;
        }
        w->header_left -= n;
        w->pos += n;
        *ret = w->data;
        return (la_ssize_t)n;
}

static la_int64_t walk_skip(struct archive *a, void *arg, la_int64_t want)
{
        struct walk *w = arg;
        uint64_t left = w->blob->size - w->pos;

        (void)a;
        if (want < 0)
                return 0;
        if ((uint64_t)want > left)
                want = (la_int64_t)left;
        w->pos += (uint64_t)want;
        return want;
}

static int add_member(struct members *m, struct archive *a, struct archive_entry *entry,
                      struct err *e)
{
        const char *name = archive_entry_pathname(entry);
        AUTO_FREE char *key = name ? resolve("", 0, name) : NULL;
        const char *hard = archive_entry_hardlink(entry), *soft = archive_entry_symlink(entry);
        struct tar_member *t, *old;

        if (!key)
                return err_set(e, ERR_BAD_DATA, 0, "%s: entry \"%.200s\": \"..\" in the name",
                               m->file, name ? name : "");
        if (++m->n > LIMIT_LAYOUT_MEMBERS ||
            (m->name_bytes += strlen(key)) > LIMIT_LAYOUT_NAME_BYTES)
                return err_set(
                        e, ERR_LIMIT, 0,
                        "%s: more than %u files, or %u bytes of names, in an image archive (limit)",
                        m->file, LIMIT_LAYOUT_MEMBERS, LIMIT_LAYOUT_NAME_BYTES);
        t = xcalloc(1, sizeof(*t));
        t->offset = (uint64_t)archive_filter_bytes(a, 0);
        t->size = archive_entry_size(entry) > 0 ? (uint64_t)archive_entry_size(entry) : 0;
        t->is_file = archive_entry_filetype(entry) == AE_IFREG && !hard;
        t->is_sparse = archive_entry_sparse_count(entry) > 0;
        if (hard) {
                t->link = resolve("", 0, hard);
        } else if (archive_entry_filetype(entry) == AE_IFLNK && soft) {
                const char *slash = strrchr(key, '/');

                t->link = resolve(key, *soft == '/' || !slash ? 0 : (size_t)(slash - key), soft);
        }
        HASH_FIND_STR(m->table, key, old);
        if (old) { /* the later one wins, as when the archive is unpacked */
                HASH_DEL(m->table, old);
                tar_member_free(old);
        }
        t->name = TAKE_PTR(key);
        HASH_ADD_KEYPTR(hh, m->table, t->name, strlen(t->name), t);
        return 0;
}

static int walk(struct members *m, struct archive *a, struct walk *w, struct err *e)
{
        (void)archive_read_support_format_tar(a);
        w->header_left = LIMIT_ARCHIVE_HEADER_BYTES;
        (void)archive_read_set_skip_callback(a, walk_skip);
        if (archive_read_open2(a, w, NULL, walk_read, walk_skip, NULL) != ARCHIVE_OK)
                return w->failed ? -1
                                 : err_set(e, ERR_BAD_DATA, 0, "%s: %s", m->file,
                                           archive_error_string(a));
        for (;;) {
                struct archive_entry *entry;
                int r;

                w->header_left = LIMIT_ARCHIVE_HEADER_BYTES;
                r = archive_read_next_header(a, &entry);
                if (r == ARCHIVE_EOF)
                        return 0;
                if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
                        return w->failed ? -1
                                         : err_set(e, ERR_BAD_DATA, 0, "%s: %s", m->file,
                                                   archive_error_string(a));
                if (add_member(m, a, entry, e) < 0)
                        return -1;
        }
}

int members_of_tar(const struct blob *b, struct members **ret, struct err *e)
{
        AUTO(members_freep) struct members *m = members_of_dir(-1, b->name);
        struct archive *a = archive_read_new();
        struct walk w = { .blob = b, .e = e };
        int r;

        if (!a)
                return err_set(e, ERR_NO_SPACE, ENOMEM, "%s", b->name);
        m->tar = *b;
        w.data = xmalloc(READ_BYTES);
        r = walk(m, a, &w, e);
        (void)archive_read_free(a);
        free(w.data);
        if (r < 0)
                return -1;
        *ret = TAKE_PTR(m);
        return 0;
}

static struct tar_member *find(const struct members *m, const char *name)
{
        AUTO_FREE char *key = resolve("", 0, name);
        struct tar_member *t = NULL;

        if (key)
                HASH_FIND_STR(m->table, key, t);
        for (int i = 0; t && t->link; i++) {
                const char *link = t->link;

                if (i == LINKS_MAX)
                        return NULL;
                HASH_FIND_STR(m->table, link, t);
        }
        return t;
}

bool members_has(const struct members *m, const char *name)
{
        AUTO_CLOSE int fd = -1;

        if (m->dirfd < 0)
                return find(m, name) != NULL;
        fd = fs_open_in_root(m->dirfd, name, O_PATH | O_CLOEXEC, 0);
        return fd >= 0;
}

static int open_in_dir(const struct members *m, const char *name, struct member *ret, struct err *e)
{
        AUTO_CLOSE int fd =
                fs_open_in_root(m->dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
        struct stat st;

        if (fd == -ENOENT || fd == -ENOTDIR)
                return err_set(e, ERR_NOT_FOUND, 0, "%s: has no \"%.200s\"", m->file, name);
        if (fd < 0)
                return err_set(e, ERR_INTERNAL, -fd, "%s: open \"%.200s\"", m->file, name);
        if (fstat(fd, &st) < 0)
                return err_set(e, ERR_INTERNAL, errno, "%s: look at \"%.200s\"", m->file, name);
        if (!S_ISREG(st.st_mode))
                return err_set(e, ERR_BAD_DATA, 0, "%s: \"%.200s\" is not a regular file", m->file,
                               name);
        ret->name = xasprintf("%s: %.200s", m->file, name);
        ret->blob = (struct blob){ .fd = fd, .size = (uint64_t)st.st_size, .name = ret->name };
        ret->own_fd = TAKE_FD(fd);
        return 0;
}

int members_open(const struct members *m, const char *name, struct member *ret, struct err *e)
{
        const struct tar_member *t;

        if (m->dirfd >= 0)
                return open_in_dir(m, name, ret, e);
        t = find(m, name);
        if (!t)
                return err_set(e, ERR_NOT_FOUND, 0, "%s: has no \"%.200s\"", m->file, name);
        if (!t->is_file)
                return err_set(e, ERR_BAD_DATA, 0, "%s: \"%.200s\" is not a regular file", m->file,
                               name);
        if (t->is_sparse)
                return err_set(e, ERR_UNSUPPORTED, 0, "%s: \"%.200s\" is stored as a sparse file",
                               m->file, name);
        ret->name = xasprintf("%s: %.200s", m->file, name);
        ret->own_fd = -1;
        ret->blob = (struct blob){
                .fd = m->tar.fd,
                .offset = m->tar.offset + t->offset,
                .size = t->size,
                .name = ret->name,
        };
        return 0;
}
