/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole trees: removing and copying them.
 *
 * Neither follows a symlink, and neither trusts the tree's depth: both walk with an explicit stack of names
 * and reopen parents through "..", which is safe because nobody else may write where we work (pod
 * directories, staging directories), and checked by device and inode all the same.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>
#include <linux/fs.h>

#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"

enum { XATTR_NAMES_MAX = 65536, XATTR_VALUE_MAX = 65536 };

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

/* Copying: (device, inode) of files with several names, so that hardlinks stay hardlinks. */
struct link_entry {
        dev_t dev;
        ino_t ino;
        char *path; /* owned; relative to the destination's root */
};

struct copy {
        int to_root;
        struct link_entry *links; /* owned */
        size_t n_links, cap_links;
};

static int copy_xattrs(int from, int to)
{
        AUTO_FREE char *names = xmalloc(XATTR_NAMES_MAX);
        AUTO_FREE char *value = xmalloc(XATTR_VALUE_MAX);
        ssize_t n = flistxattr(from, names, XATTR_NAMES_MAX);

        if (n < 0)
                return errno == ENOTSUP ? 0 : -errno;
        for (char *name = names; name < names + n; name += strlen(name) + 1) {
                ssize_t size = fgetxattr(from, name, value, XATTR_VALUE_MAX);

                if (size < 0)
                        return -errno;
                if (fsetxattr(to, name, value, (size_t)size, 0) < 0 && errno != ENOTSUP)
                        return -errno;
        }
        return 0;
}

static int copy_bytes(int from, int to, off_t size)
{
        off_t at = 0;

        if (ioctl(to, FICLONE, from) == 0)
                return 0;
        while (at < size) {
                off_t data = lseek(from, at, SEEK_DATA), hole;

                if (data < 0)
                        break; /* only a hole is left */
                hole = lseek(from, data, SEEK_HOLE);
                if (hole < 0)
                        return -errno;
                if (lseek(from, data, SEEK_SET) < 0 || lseek(to, data, SEEK_SET) < 0)
                        return -errno;
                while (data < hole) {
                        ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)(hole - data), 0);

                        if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP ||
                                      errno == ENOSYS))
                                n = sendfile(to, from, NULL, (size_t)(hole - data));
                        if (n < 0)
                                return -errno;
                        if (n == 0)
                                break;
                        data += n;
                }
                at = hole;
        }
        return ftruncate(to, size) < 0 ? -errno : 0;
}

static int copy_metadata(int from, int to, const struct stat *st)
{
        int r;

        if (fchown(to, st->st_uid, st->st_gid) < 0)
                return -errno;
        if (fchmod(to, st->st_mode & 07777) < 0) /* after chown, which drops setuid */
                return -errno;
        r = copy_xattrs(from, to);
        if (r < 0)
                return r;
        return futimens(to, (struct timespec[]){ st->st_atim, st->st_mtim }) < 0 ? -errno : 0;
}

int fs_copy_metadata(int from, int to)
{
        struct stat st;

        return fstat(from, &st) < 0 ? -errno : copy_metadata(from, to, &st);
}

static int copy_regular(int from_dir, int to_dir, const char *name)
{
        AUTO_CLOSE int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        AUTO_CLOSE int to = -1;
        struct stat st;
        int r;

        if (from < 0 || fstat(from, &st) < 0)
                return -errno;
        to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to < 0)
                return -errno;
        r = copy_bytes(from, to, st.st_size);
        return r < 0 ? r : copy_metadata(from, to, &st);
}

static int copy_special(int from_dir, int to_dir, const char *name, const struct stat *st)
{
        char target[4097];

        if (S_ISLNK(st->st_mode)) {
                ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

                if (n < 0)
                        return -errno;
                target[n] = '\0';
                if (symlinkat(target, to_dir, name) < 0)
                        return -errno;
        } else {
                if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0 ||
                    fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
                        return -errno;
        }
        if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (utimensat(to_dir, name, (struct timespec[]){ st->st_atim, st->st_mtim },
                      AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

int fs_copy_file(int from_dirfd, const char *name, int to_dirfd)
{
        struct stat st;

        if (fstatat(from_dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        return S_ISREG(st.st_mode) ? copy_regular(from_dirfd, to_dirfd, name)
                                   : copy_special(from_dirfd, to_dirfd, name, &st);
}

static const struct link_entry *link_find(const struct copy *c, const struct stat *st)
{
        for (size_t i = 0; i < c->n_links; i++)
                if (c->links[i].ino == st->st_ino && c->links[i].dev == st->st_dev)
                        return &c->links[i];
        return NULL;
}

static int copy_file(struct copy *c, int from_dir, int to_dir, const char *name, const char *path)
{
        const struct link_entry *known;
        struct stat st;
        int r;

        if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        known = st.st_nlink > 1 ? link_find(c, &st) : NULL;
        if (known)
                return linkat(c->to_root, known->path, to_dir, name, 0) < 0 ? -errno : 0;
        r = S_ISREG(st.st_mode) ? copy_regular(from_dir, to_dir, name)
                                : copy_special(from_dir, to_dir, name, &st);
        if (r == 0 && st.st_nlink > 1) {
                ARRAY_GROW(c->links, c->n_links, c->cap_links);
                c->links[c->n_links++] = (struct link_entry){ st.st_dev, st.st_ino, xstrdup(path) };
        }
        return r;
}

enum { COPY_DEPTH_MAX = 1024 };

static int copy_dir(struct copy *c, int from, int to, const char *path, int depth);

static int copy_entry(struct copy *c, int from, int to, const char *name, const char *path,
                      int depth)
{
        AUTO_FREE char *below = *path ? xasprintf("%s/%s", path, name) : xstrdup(name);
        AUTO_CLOSE int from_sub = -1, to_sub = -1;

        from_sub = fs_open_dir(from, name);
        if (from_sub == -ENOTDIR || from_sub == -ELOOP || from_sub == -ENXIO)
                return copy_file(c, from, to, name, below);
        if (from_sub < 0)
                return from_sub;
        if (mkdirat(to, name, 0700) < 0)
                return -errno;
        to_sub = fs_open_dir(to, name);
        if (to_sub < 0)
                return to_sub;
        return copy_dir(c, from_sub, to_sub, below, depth + 1);
}

static int copy_dir(struct copy *c, int from, int to, const char *path, int depth)
{
        int copy = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        AUTO_DIR DIR *dir = copy < 0 ? NULL : fdopendir(copy);
        struct stat st;

        if (!dir) {
                closep(&copy);
                return -errno;
        }
        if (depth > COPY_DEPTH_MAX)
                return -ELOOP;
        for (;;) {
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
                r = copy_entry(c, from, to, de->d_name, path, depth);
                if (r < 0)
                        return r;
        }
        /* Last, since filling a directory changes its times. */
        if (fstat(from, &st) < 0)
                return -errno;
        return copy_metadata(from, to, &st);
}

int fs_copy_tree(int from_dirfd, const char *from, int to_dirfd, const char *to)
{
        AUTO_CLOSE int src = fs_open_dir(from_dirfd, from), dst = -1;
        struct copy c = { 0 };
        int r;

        if (src < 0)
                return src;
        if (mkdirat(to_dirfd, to, 0700) < 0)
                return -errno;
        dst = fs_open_dir(to_dirfd, to);
        if (dst < 0)
                return dst;
        c.to_root = dst;
        r = copy_dir(&c, src, dst, "", 0);
        for (size_t i = 0; i < c.n_links; i++)
                free(c.links[i].path);
        free(c.links);
        return r;
}
