/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying a tree, and laying one over another as overlayfs would show the two. No symlink is followed; hardlinks within the
 * tree stay hardlinks.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"

enum { XATTR_NAMES_MAX = 65536, XATTR_VALUE_MAX = 65536 };

/* Copying: (device, inode) of files with several names, so that hardlinks stay hardlinks. */
struct link_entry {
        dev_t dev;
        ino_t ino;
        char *path; /* owned; relative to the destination's root */
};

struct copy {
        int to_root;
        bool overlay;             /* the source is a layer: its marks are obeyed, not copied */
        struct link_entry *links; /* owned */
        size_t n_links, cap_links;
};

/* Overlay's own marks on a layer, in either namespace. */
static bool is_overlay_xattr(const char *name)
{
        return strncmp(name, "trusted.overlay.", 16) == 0 ||
               strncmp(name, "user.overlay.", 13) == 0;
}

static bool is_opaque(int fd)
{
        char value[2];

        return (fgetxattr(fd, "trusted.overlay.opaque", value, sizeof(value)) == 1 &&
                value[0] == 'y') ||
               (fgetxattr(fd, "user.overlay.opaque", value, sizeof(value)) == 1 && value[0] == 'y');
}

static bool is_whiteout(const struct stat *st)
{
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static int copy_xattrs(const struct copy *c, int from, int to)
{
        AUTO_FREE char *names = xmalloc(XATTR_NAMES_MAX);
        AUTO_FREE char *value = xmalloc(XATTR_VALUE_MAX);
        ssize_t n = flistxattr(from, names, XATTR_NAMES_MAX);

        if (n < 0)
                return errno == ENOTSUP ? 0 : -errno;
        for (char *name = names; name < names + n; name += strlen(name) + 1) {
                ssize_t size;

                if (c->overlay && is_overlay_xattr(name))
                        continue;
                size = fgetxattr(from, name, value, XATTR_VALUE_MAX);
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

static int copy_metadata(const struct copy *c, int from, int to, const struct stat *st)
{
        int r;

        if (fchown(to, st->st_uid, st->st_gid) < 0)
                return -errno;
        if (fchmod(to, st->st_mode & 07777) < 0) /* after chown, which drops setuid */
                return -errno;
        r = copy_xattrs(c, from, to);
        if (r < 0)
                return r;
        return futimens(to, (struct timespec[]){ st->st_atim, st->st_mtim }) < 0 ? -errno : 0;
}

int fs_copy_metadata(int from, int to)
{
        const struct copy plain = { 0 };
        struct stat st;

        return fstat(from, &st) < 0 ? -errno : copy_metadata(&plain, from, to, &st);
}

static int copy_regular(const struct copy *c, int from_dir, int to_dir, const char *name)
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
        return r < 0 ? r : copy_metadata(c, from, to, &st);
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
        const struct copy plain = { 0 };
        struct stat st;

        if (fstatat(from_dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        return S_ISREG(st.st_mode) ? copy_regular(&plain, from_dirfd, to_dirfd, name)
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
        if (c->overlay) {
                r = fs_remove_tree(to_dir, name);
                if (r < 0 || is_whiteout(&st))
                        return r;
        }
        known = st.st_nlink > 1 ? link_find(c, &st) : NULL;
        if (known)
                return linkat(c->to_root, known->path, to_dir, name, 0) < 0 ? -errno : 0;
        r = S_ISREG(st.st_mode) ? copy_regular(c, from_dir, to_dir, name)
                                : copy_special(from_dir, to_dir, name, &st);
        if (r == 0 && st.st_nlink > 1) {
                ARRAY_GROW(c->links, c->n_links, c->cap_links);
                c->links[c->n_links++] = (struct link_entry){ st.st_dev, st.st_ino, xstrdup(path) };
        }
        return r;
}

enum { COPY_DEPTH_MAX = 1024 };

static int copy_dir(struct copy *c, int from, int to, const char *path, int depth);

/* The directory to copy into: a new one, or (overlay) the one that is there, unless the layer hides it. */
static int make_dir(const struct copy *c, int from, int to, const char *name)
{
        int fd, r;

        if (c->overlay) {
                fd = fs_open_dir(to, name);
                if (fd >= 0 && !is_opaque(from))
                        return fd;
                if (fd >= 0)
                        (void)close(fd);
                r = fs_remove_tree(to, name);
                if (r < 0)
                        return r;
        }
        if (mkdirat(to, name, 0700) < 0)
                return -errno;
        return fs_open_dir(to, name);
}

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
        to_sub = make_dir(c, from_sub, to, name);
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
        return copy_metadata(c, from, to, &st);
}

static void copy_done(struct copy *c)
{
        for (size_t i = 0; i < c->n_links; i++)
                free(c->links[i].path);
        free(c->links);
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
        copy_done(&c);
        return r;
}

int fs_overlay_tree(int from_dirfd, const char *from, int to_fd)
{
        AUTO_CLOSE int src = fs_open_dir(from_dirfd, from);
        struct copy c = { .to_root = to_fd, .overlay = true };
        int r;

        if (src < 0)
                return src;
        r = copy_dir(&c, src, to_fd, "", 0);
        copy_done(&c);
        return r;
}
