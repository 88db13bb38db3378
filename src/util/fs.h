/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files beneath a directory fd. Functions return 0 (or what they say) or -errno and never log.
 * Every descriptor made here is O_CLOEXEC. Nothing follows a symlink at the last component unless it says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "util/buf.h"

int fs_open_dir(int dirfd, const char *path); /* O_RDONLY|O_DIRECTORY|O_NOFOLLOW; fd or -errno */
int fs_open_dir_path(const char *path);       /* a user's path: symlinks followed; fd or -errno */
int fs_open_handle(int dirfd,
                   const char *path); /* O_PATH|O_NOFOLLOW: whatever it is; fd or -errno */
int fs_open_file(
        int dirfd,
        const char *path); /* O_RDONLY|O_NOFOLLOW|O_NONBLOCK, regular files only (-EINVAL) */
/*
 * openat2(2) with RESOLVE_IN_ROOT: any symlink or ".." in @path stays beneath @rootfd, as in a chroot.
 * For every path that comes from an image. RESOLVE_NO_MAGICLINKS is always added.
 */
int fs_open_in_root(int rootfd, const char *path, int flags, mode_t mode);
/* RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS: the path must be plain, and stay beneath. */
int fs_open_beneath(int rootfd, const char *path, int flags, mode_t mode);

int fs_mkdir(int dirfd, const char *path,
             mode_t mode); /* -EEXIST is an error here; mode is exact (fchmod) */
int fs_mkdir_if_missing(int dirfd, const char *path, mode_t mode); /* 1 made, 0 was there */
int fs_mkdirs(int dirfd, const char *path,
              mode_t mode); /* all missing parents too; plain components only */

/* Whole file into @out (its maximum bounds the size: -ENOBUFS). -EINVAL for what is not a regular file. */
int fs_read_file(int dirfd, const char *path, struct buf *out);
/* A file that the user named: symlinks are followed, a pipe (process substitution) is as good. May block on one. */
int fs_read_user_file(const char *path, struct buf *out);
int fs_read_fd(int fd, struct buf *out);                /* from the current position to the end */
int fs_write_all(int fd, const void *data, size_t len); /* retries EINTR and short writes */
/* Create or truncate, write, close. Not atomic: for files nobody can see yet. Exact @mode. */
int fs_write_file(int dirfd, const char *path, const void *data, size_t len, mode_t mode);
int fs_touch(int dirfd, const char *path, mode_t mode); /* create empty, or set mtime to now */

int fs_fsync_path(int dirfd, const char *path); /* file or directory; "." for @dirfd itself */
/* rename beneath two directory fds, then fsync of the destination directory. RENAME_NOREPLACE. */
int fs_rename_publish(int from_dirfd, const char *from, int to_dirfd, const char *to);

/*
 * Remove a tree without ever following a symlink or leaving @dirfd's filesystem subtree by name.
 * Missing is success. Directories that cannot be entered are chmodded first. Bounded descriptor use: deep trees
 * are taken apart level by level. A mount point in the way yields -EBUSY.
 */
int fs_remove_tree(int dirfd, const char *path);

/*
 * Copy a tree with modes, owners, times, xattrs, hardlinks (within the tree), symlinks, devices, sparse holes.
 * @to is created; an existing one is -EEXIST. Reflinks or copy_file_range where possible.
 */
int fs_copy_tree(int from_dirfd, const char *from, int to_dirfd, const char *to);
/*
 * Lay a tree over the contents of the directory @to_fd, as overlayfs would show the two: directories merge, anything
 * else replaces what is there, a character device 0:0 removes it, an opaque directory hides what was in its place. Overlay's
 * marks themselves are not copied.
 */
int fs_overlay_tree(int from_dirfd, const char *from, int to_fd);

/* One file that is no directory, under the same name: as fs_copy_tree does it, hardlinks apart. */
int fs_copy_file(int from_dirfd, const char *name, int to_dirfd);
/* Owner, mode, xattrs and times of the open file @from to the open file @to. */
int fs_copy_metadata(int from, int to);

/* Names in a directory except "." and "..", each to @fn until it returns non-zero (which is returned). */
typedef int (*fs_each_fn)(int dirfd, const char *name, unsigned char d_type, void *arg);
int fs_each(int dirfd, fs_each_fn fn, void *arg);

/* statx(2) time fields are enough in struct stat; this is its ctime/mtime in nanoseconds. */
int64_t fs_mtime(const struct stat *st);
int64_t fs_ctime(const struct stat *st);

/*
 * Where a companion of the running program is: beside it (a build tree), else in the library directory of the tree it is
 * installed in (wherever that was moved), else "<fallback dir>/<name>", unchecked. Heap string.
 */
char *fs_find_sibling(const char *name, const char *fallback_dir);
