/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owner, mode, xattrs and times. The owner first: chown(2) clears the setuid bits and file
 * capabilities. An owner that cannot be had (not root) is counted, and the setuid bits are left off
 * then: they would mean another user.
 */
#include "image/untar_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/mem.h"

struct timespec untar_mtime(const struct untar *u)
{
        return (struct timespec){
                .tv_sec = archive_entry_mtime(u->entry),
                .tv_nsec = archive_entry_mtime_nsec(u->entry),
        };
}

static bool has_prefix(const char *s, const char *prefix)
{
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

/*
 * Which xattrs of an archive are taken. Not overlayfs's own, which would make an image rewrite what
 * its layers mean; not the labels of the build host's security modules, which say nothing here.
 */
static bool xattr_wanted(const char *name)
{
        if (has_prefix(name, "trusted.overlay.") || has_prefix(name, "user.overlay."))
                return false;
        return has_prefix(name, "user.") || has_prefix(name, "trusted.") ||
               strcmp(name, "security.capability") == 0 ||
               strcmp(name, "system.posix_acl_access") == 0 ||
               strcmp(name, "system.posix_acl_default") == 0;
}

/* Set one on @fd, or on the node @path itself when @fd is negative. */
static int set_xattr(struct untar *u, int fd, const char *path, const char *name, const void *value,
                     size_t size)
{
        int r = fd >= 0 ? fsetxattr(fd, name, value, size, 0)
                        : lsetxattr(path, name, value, size, 0);

        if (r == 0)
                return 0;
        if (errno == ENOTSUP || errno == EPERM) {
                untar_skip(u, "xattr %.60s: %s", name, strerror(errno));
                return 0;
        }
        if (errno == EINVAL || errno == ERANGE)
                return untar_fail(u, ERR_BAD_DATA, errno, "xattr %.60s", name);
        return untar_fail_sys(u, errno, "set xattr");
}

static int apply_xattrs(struct untar *u, int fd, const char *path)
{
        const char *name;
        const void *value;
        size_t size, total = 0;

        if (archive_entry_xattr_reset(u->entry) == 0)
                return 0;
        while (archive_entry_xattr_next(u->entry, &name, &value, &size) == ARCHIVE_OK) {
                if (!name)
                        continue;
                total += strlen(name) + size;
                if (total > u->limits.xattr_bytes)
                        return untar_fail(u, ERR_LIMIT, 0, "more than %zu bytes of xattrs (limit)",
                                          u->limits.xattr_bytes);
                if (xattr_wanted(name) && set_xattr(u, fd, path, name, value, size) < 0)
                        return -1;
        }
        return 0;
}

/* 1: the owner is as the archive says; 0: it cannot be had; -1 */
static int owner_result(struct untar *u, int r)
{
        if (r == 0)
                return 1;
        if (errno != EPERM && errno != EINVAL)
                return untar_fail_sys(u, errno, "chown");
        untar_skip(u, "owner %lld:%lld: %s", (long long)archive_entry_uid(u->entry),
                   (long long)archive_entry_gid(u->entry), strerror(errno));
        return 0;
}

static mode_t wanted_mode(const struct untar *u, int owner)
{
        mode_t mode = archive_entry_perm(u->entry) & 07777;

        return owner ? mode : mode & (mode_t) ~(S_ISUID | S_ISGID);
}

int untar_meta_fd(struct untar *u, int fd, bool is_dir)
{
        const struct timespec mtime = untar_mtime(u);
        const struct timespec times[2] = { mtime, mtime };
        int owner = owner_result(u, fchown(fd, (uid_t)archive_entry_uid(u->entry),
                                           (gid_t)archive_entry_gid(u->entry)));
        mode_t mode = wanted_mode(u, owner);
        mode_t now = mode;

        if (owner < 0)
                return -1;
        if (is_dir && u->user_skip)
                now |= 0700; /* or we could not fill it */
        if (fchmod(fd, now) < 0)
                return untar_fail_sys(u, errno, "chmod");
        if (apply_xattrs(u, fd, NULL) < 0)
                return -1;
        if (is_dir)
                return untar_dir_later(u, u->path, &mtime, now != mode ? mode | S_IFDIR : 0);
        return futimens(fd, times) < 0 ? untar_fail_sys(u, errno, "set times") : 0;
}

int untar_meta_at(struct untar *u, int dirfd, const char *base, bool is_symlink)
{
        const struct timespec mtime = untar_mtime(u);
        const struct timespec times[2] = { mtime, mtime };
        int owner =
                owner_result(u, fchownat(dirfd, base, (uid_t)archive_entry_uid(u->entry),
                                         (gid_t)archive_entry_gid(u->entry), AT_SYMLINK_NOFOLLOW));
        AUTO_FREE char *path = NULL;

        if (owner < 0)
                return -1;
        if (!is_symlink && fchmodat(dirfd, base, wanted_mode(u, owner), 0) < 0)
                return untar_fail_sys(u, errno, "chmod");
        path = xasprintf("/proc/self/fd/%d/%s", dirfd, base);
        if (apply_xattrs(u, -1, path) < 0)
                return -1;
        if (utimensat(dirfd, base, times, AT_SYMLINK_NOFOLLOW) < 0)
                return untar_fail_sys(u, errno, "set times");
        return 0;
}

int untar_copy_meta(struct untar *u, int from, int to, bool is_dir)
{
        AUTO_FREE char *names = xmalloc(XATTR_LIST_MAX);
        AUTO_FREE char *value = xmalloc(XATTR_SIZE_MAX);
        ssize_t len = flistxattr(from, names, XATTR_LIST_MAX);
        struct stat st;

        if (fstat(from, &st) < 0)
                return untar_fail_sys(u, errno, "look at the layer below");
        if (fchown(to, st.st_uid, st.st_gid) < 0 && errno != EPERM && errno != EINVAL)
                return untar_fail_sys(u, errno, "chown");
        if (fchmod(to, (st.st_mode & 07777) | (is_dir && u->user_skip ? 0700 : 0)) < 0)
                return untar_fail_sys(u, errno, "chmod");
        for (const char *n = names; len > 0 && n < names + len; n += strlen(n) + 1) {
                ssize_t size = xattr_wanted(n) ? fgetxattr(from, n, value, XATTR_SIZE_MAX) : -1;

                if (size >= 0 && set_xattr(u, to, NULL, n, value, (size_t)size) < 0)
                        return -1;
        }
        return 0;
}
