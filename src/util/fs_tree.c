/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing a tree. No symlink is followed, and the tree's depth is not trusted: it is taken apart level by
 * level. Nobody else may write where we work (pod directories, staging directories).
 */
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

struct removal {
        int top;         /* borrowed; the directory that is being emptied */
        unsigned serial; /* of the fresh names below it */
        bool again;      /* something was moved up: another round is needed */
};

/*
 * Move a subdirectory that is not empty up to the top under a fresh name, so that the tree is taken apart level by level
 * with three descriptors, however deep it is.
 */
static int flatten_entry(int dirfd, const char *name, unsigned char type, void *arg)
{
        struct removal *rm = arg;
        int r = remove_leaf(dirfd, name);
        char fresh[32];

        (void)type;
        if (r <= 0)
                return r;
        do
                (void)snprintf(fresh, sizeof(fresh), ".rm-%08x", rm->serial++);
        while (renameat2(dirfd, name, rm->top, fresh, RENAME_NOREPLACE) < 0 && errno == EEXIST);
        /* A mount point can neither be emptied nor moved. */
        return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? -EBUSY : 0;
}

static int remove_entry(int top, const char *name, unsigned char type, void *arg)
{
        AUTO_CLOSE int fd = -1;
        struct removal *rm = arg;
        int r = remove_leaf(top, name);

        (void)type;
        if (r <= 0)
                return r;
        fd = open_for_removal(top, name);
        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        rm->again = true;
        r = fs_each(fd, flatten_entry, rm);
        if (r < 0)
                return r;
        r = remove_leaf(top, name);
        return r < 0 ? r : 0;
}

static int remove_children(int top)
{
        struct removal rm = { .top = top };
        int r;

        do {
                rm.again = false;
                r = fs_each(top, remove_entry, &rm);
        } while (r == 0 && rm.again);
        return r;
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
