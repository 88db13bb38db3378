/* SPDX-License-Identifier: Apache-2.0 */
/* Layers for the tests of both kinds of root: what one shows, the other must show. */
#pragma once

#include "test.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "util/mem.h"

static inline void layer_file(int dirfd, const char *layer, const char *path, const char *text)
{
        AUTO_FREE char *full = xasprintf("%s/fs/%s", layer, path), *dir = xstrdup(full);

        *strrchr(dir, '/') = '\0';
        assert_int_equal(fs_mkdirs(dirfd, dir, 0755), 0);
        assert_int_equal(fs_write_file(dirfd, full, text, strlen(text), 0644), 0);
}

static inline void layer_whiteout(int dirfd, const char *layer, const char *path)
{
        AUTO_FREE char *full = xasprintf("%s/fs/%s", layer, path), *dir = xstrdup(full);

        *strrchr(dir, '/') = '\0';
        assert_int_equal(fs_mkdirs(dirfd, dir, 0755), 0);
        assert_int_equal(mknodat(dirfd, full, S_IFCHR, makedev(0, 0)), 0);
}

static inline void layer_opaque(int dirfd, const char *layer, const char *path)
{
        AUTO_FREE char *full = xasprintf("%s/fs/%s", layer, path);
        AUTO_CLOSE int fd = -1;

        assert_int_equal(fs_mkdirs(dirfd, full, 0755), 0);
        fd = fs_open_dir(dirfd, full);
        assert_int_equal(fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0), 0);
}

/* Three layers (top is "3") with every kind of change between them. */
static inline void layers_make(int dirfd)
{
        layer_file(dirfd, "1", "keep", "one");
        layer_file(dirfd, "1", "gone", "one");
        layer_file(dirfd, "1", "changed", "one");
        layer_file(dirfd, "1", "dir/a", "one");
        layer_file(dirfd, "1", "dir/b", "one");
        layer_file(dirfd, "1", "hidden/a", "one");
        layer_file(dirfd, "1", "tree/x/y", "one");
        layer_file(dirfd, "1", "was_dir/x", "one");
        layer_file(dirfd, "1", "was_file", "one");
        layer_whiteout(dirfd, "2", "gone");
        layer_whiteout(dirfd, "2", "tree");
        layer_file(dirfd, "2", "changed", "two");
        layer_file(dirfd, "2", "dir/b", "two");
        layer_file(dirfd, "2", "dir/c", "two");
        layer_opaque(dirfd, "2", "hidden");
        layer_file(dirfd, "2", "hidden/b", "two");
        layer_file(dirfd, "2", "was_dir", "two");
        layer_file(dirfd, "2", "was_file/x", "two");
        layer_file(dirfd, "3", "tree/z", "three");
        layer_whiteout(dirfd, "3", "never_was");
        assert_int_equal(fchmodat(dirfd, "3/fs/tree", 0700, 0), 0);
}

static inline void assert_text(int dirfd, const char *path, const char *want)
{
        AUTO(buf_done) struct buf text = BUF_NULL(4096);

        if (fs_read_file(dirfd, path, &text) != 0)
                fail_msg("%s cannot be read", path);
        assert_string_equal(buf_str(&text), want);
}

static inline void assert_absent(int dirfd, const char *path)
{
        struct stat st;

        if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
                fail_msg("%s is there", path);
}

static inline void layers_check(int root)
{
        struct stat st;

        assert_text(root, "keep", "one");
        assert_absent(root, "gone");
        assert_text(root, "changed", "two");
        assert_text(root, "dir/a", "one");
        assert_text(root, "dir/b", "two");
        assert_text(root, "dir/c", "two");
        assert_absent(root, "hidden/a");
        assert_text(root, "hidden/b", "two");
        assert_text(root, "tree/z", "three");
        assert_absent(root, "tree/x");
        assert_text(root, "was_dir", "two");
        assert_text(root, "was_file/x", "two");
        assert_absent(root, "never_was");
        assert_int_equal(fstatat(root, "tree", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
}
