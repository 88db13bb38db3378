/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing a tree. No symlink is followed, and the tree's depth is not trusted: it is taken apart level by
 * level. Nobody else may write where we work (pod directories, staging directories).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"

/* Unlink what can be unlinked in one go; 1 when @name is a directory that still has entries. */
static int remove_leaf(int dirfd, const char *name)
{
        if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        return errno == ENOTEMPTY || errno == EEXIST ? 1 : -errno;
}

static int open_for_removal(int dirfd, const char *name)
{
        int fd = fs_open_dir(dirfd, name);

        if (fd == -EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
                fd = fs_open_dir(dirfd, name);
        return fd;
}

/*
 * Move every subdirectory that is not empty up to @top under a fresh name, so that the tree is taken apart
 * level by level with three descriptors, however deep it is.
 */
static int flatten(int top, int dirfd, unsigned *serial)
{
        int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        AUTO_DIR DIR *dir = copy < 0 ? NULL : fdopendir(copy);

        if (!dir) {
                closep(&copy);
                return -errno;
        }
        for (;;) {
                struct dirent *de;
                char fresh[32];
                int r;

                errno = 0;
                de = readdir(dir);
                if (!de)
                        return -errno;
                if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
                        continue;
                r = remove_leaf(dirfd, de->d_name);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                do
                        (void)snprintf(fresh, sizeof(fresh), ".rm-%08x", (*serial)++);
                while (renameat2(dirfd, de->d_name, top, fresh, RENAME_NOREPLACE) < 0 &&
                       errno == EEXIST);
                if (faccessat(dirfd, de->d_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                        return -EBUSY; /* a mount point: it can neither be emptied nor moved */
        }
}

static int remove_children(int top)
{
        unsigned serial = 0;

        for (;;) {
                AUTO_DIR DIR *dir = NULL;
                int copy = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                size_t left = 0;

                dir = copy < 0 ? NULL : fdopendir(copy);
                if (!dir) {
                        closep(&copy);
                        return -errno;
                }
                for (;;) {
                        AUTO_CLOSE int fd = -1;
                        struct dirent *de;
                        int r;

                        errno = 0;
                        de = readdir(dir);
                        if (!de) {
                                if (errno != 0)
                                        return -errno;
                                break;
                        }
                        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
                                continue;
                        r = remove_leaf(top, de->d_name);
                        if (r < 0)
                                return r;
                        if (r == 0)
                                continue;
                        fd = open_for_removal(top, de->d_name);
                        if (fd == -ENOENT)
                                continue;
                        if (fd < 0)
                                return fd;
                        r = flatten(top, fd, &serial);
                        if (r < 0)
                                return r;
                        r = remove_leaf(top, de->d_name);
                        if (r < 0)
                                return r;
                        left++;
                }
                if (left == 0)
                        return 0;
        }
}

int fs_remove_tree(int dirfd, const char *path)
{
        AUTO_CLOSE int fd = -1;
        int r = remove_leaf(dirfd, path);

        if (r <= 0)
                return r;
        fd = open_for_removal(dirfd, path);
        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        r = remove_children(fd);
        if (r < 0)
                return r;
        r = remove_leaf(dirfd, path);
        return r > 0 ? -ENOTEMPTY : r;
}
