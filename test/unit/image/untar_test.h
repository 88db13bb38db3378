/* SPDX-License-Identifier: Apache-2.0 */
/* Unpack an archive from memory into a fresh directory, and look at what came of it. */
#pragma once

#include "test.h"

#include <dirent.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "image/untar.h"
#include "tar_maker.h"

struct untar_feed {
        const struct buf *tar;
        size_t pos;
        size_t chunk; /* bytes per call; 0: all at once */
};

static inline int untar_feed_next(void *ctx, const void **ret, size_t *ret_len, struct err *e)
{
        struct untar_feed *f = ctx;
        size_t left = f->tar->len - f->pos;

        (void)e;
        *ret = f->tar->data ? f->tar->data + f->pos : NULL;
        *ret_len = f->chunk && f->chunk < left ? f->chunk : left;
        f->pos += *ret_len;
        return 0;
}

static inline int untar_buf(const struct buf *tar, int dirfd, const struct untar_options *o,
                            struct untar_result *r, struct err *e)
{
        struct untar_feed feed = { .tar = tar };
        struct untar_input in = { untar_feed_next, &feed };
        struct untar_options options = *o;

        options.name = "app.tar";
        return untar(&in, dirfd, &options, NULL, r, e);
}

static inline int untar_layer(const struct buf *tar, int dirfd, struct err *e)
{
        struct untar_result r;

        return untar_buf(tar, dirfd, &(struct untar_options){ 0 }, &r, e);
}

static inline struct stat stat_of(int dirfd, const char *path)
{
        struct stat st;

        if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                fail_msg("no %s", path);
        return st;
}

static inline bool is_there(int dirfd, const char *path)
{
        return faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline void assert_content(int dirfd, const char *path, const char *want)
{
        struct buf b = BUF_NULL(65536);

        if (fs_read_file(dirfd, path, &b) < 0)
                fail_msg("cannot read %s", path);
        assert_string_equal(buf_str(&b), want);
        buf_done(&b);
}

static inline bool is_whiteout(int dirfd, const char *path)
{
        struct stat st = stat_of(dirfd, path);

        return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

static inline bool is_opaque(int dirfd, const char *path)
{
        AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char v[4] = "";

        return fd >= 0 && fgetxattr(fd, "trusted.overlay.opaque", v, sizeof(v)) == 1 && v[0] == 'y';
}

/* What a test starts with: a directory for the layer inside one that must stay untouched. */
#define UNTAR_SETUP                                                                                \
        AUTO_TEST_DIR struct test_dir outer = { .fd = -1 };                                        \
        AUTO(buf_done) struct buf tar = BUF_NULL(TAR_MAKER_MAX);                                   \
        AUTO_CLOSE int fs = -1;                                                                    \
        struct err e = { 0 };                                                                      \
        (void)state, (void)tar;                                                                    \
        test_dir_init(&outer);                                                                     \
        assert_int_equal(mkdirat(outer.fd, "fs", 0755), 0);                                        \
        fs = openat(outer.fd, "fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);                           \
        assert_true(fs >= 0)

#define NEEDS_ROOT                                                                                 \
        do {                                                                                       \
                if (geteuid() != 0)                                                                \
                        skip();                                                                    \
        } while (0)

/* Only "fs" is in the outer directory. */
static inline void assert_nothing_outside(const struct test_dir *outer)
{
        DIR *d = opendir(outer->path);
        int n = 0;

        assert_non_null(d);
        for (struct dirent *de; (de = readdir(d));)
                n += strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0;
        (void)closedir(d);
        assert_int_equal(n, 1);
}
