/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of entries and the directories they lead to. Symlinks in the middle of a path are followed
 * as in a chroot (`var/run -> /run` is common), never beyond the root; ".." is refused even where
 * it would be harmless, because no honest archiver writes it.
 */
#include "image/untar_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/fs.h"

enum { DIR_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

int untar_normalise(struct untar *u, const char *raw, const char *what, char *ret)
{
        size_t len = 0;
        unsigned depth = 0;

        if (strlen(raw) > u->limits.path_bytes)
                return untar_fail(u, ERR_LIMIT, 0, "%s has %zu bytes, more than %zu (limit)", what,
                                  strlen(raw), u->limits.path_bytes);
        while (*raw) {
                size_t n = strcspn(raw, "/");

                if (n == 2 && raw[0] == '.' && raw[1] == '.')
                        return untar_fail(u, ERR_BAD_DATA, 0, "\"..\" in the %s", what);
                if (n > NAME_MAX)
                        return untar_fail(
                                u, ERR_LIMIT, 0,
                                "a component of the %s has %zu bytes, more than %d (limit)", what,
                                n, NAME_MAX);
                if (n > 0 && !(n == 1 && raw[0] == '.')) {
                        if (++depth > u->limits.depth)
                                return untar_fail(u, ERR_LIMIT, 0,
                                                  "%s has more than %u components (limit)", what,
                                                  u->limits.depth);
                        if (len > 0)
                                ret[len++] = '/';
                        memcpy(ret + len, raw, n);
                        len += n;
                }
                raw += n;
                raw += *raw == '/';
        }
        ret[len] = 0;
        return 0;
}

void untar_forget_parent(struct untar *u)
{
        closep(&u->parent_fd);
}

int untar_open_lower_dir(const struct untar *u, const char *path)
{
        for (size_t i = 0; i < u->o->n_lowers; i++) {
                int fd = fs_open_in_root(u->o->lowers[i], path, DIR_FLAGS | O_NOFOLLOW, 0);

                if (fd >= 0)
                        return fd;
                if (fd != -ENOENT)
                        break; /* a file or a whiteout hides what is further down */
        }
        return -1;
}

/* A directory without an entry: as it looks below, if it is there, since ours will cover it. */
static int make_implied(struct untar *u, int at, const char *name, const char *path, int *ret_fd)
{
        AUTO_CLOSE int lower = untar_open_lower_dir(u, path);
        AUTO_CLOSE int fd = -1;
        struct timespec mtime = untar_mtime(u);
        struct stat st;

        if (mkdirat(at, name, 0700) < 0)
                return untar_fail_sys(u, errno, "make a missing directory");
        fd = openat(at, name, DIR_FLAGS | O_NOFOLLOW);
        if (fd < 0)
                return untar_fail_sys(u, errno, "open a missing directory");
        u->r.depends_on_lowers = u->r.depends_on_lowers || u->o->mode == UNTAR_LAYER;
        if (lower >= 0) {
                if (untar_copy_meta(u, lower, fd, true) < 0)
                        return -1;
                if (fstat(lower, &st) == 0)
                        mtime = st.st_mtim;
        } else if (fchmod(fd, 0755) < 0) {
                return untar_fail_sys(u, errno, "chmod");
        }
        if (untar_dir_later(u, path, &mtime, 0) < 0)
                return -1;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/*
 * Something stands where directory @path of this layer should be; make room if it is only a
 * whiteout.
 */
static int replace_whiteout(struct untar *u, int at, const char *name, const char *path,
                            int *ret_fd)
{
        AUTO_CLOSE int fd = -1;
        char shown[UNTAR_QUOTED_MAX];
        struct stat st;

        untar_quote(path, shown);
        if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return untar_fail_sys(u, errno, "look at its directory");
        if (S_ISLNK(st.st_mode))
                return untar_fail(
                        u, ERR_BAD_DATA, 0,
                        "its directory \"%s\" is a symbolic link that leads to no directory here",
                        shown);
        if (u->o->mode != UNTAR_LAYER || !untar_is_whiteout(&st))
                return untar_fail(u, ERR_BAD_DATA, 0, "\"%s\" is not a directory", shown);
        if (unlinkat(at, name, 0) < 0)
                return untar_fail_sys(u, errno, "replace a whiteout");
        if (make_implied(u, at, name, path, &fd) < 0 || untar_set_opaque(u, fd) < 0)
                return -1;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Walk from the root, making what is missing. @path is changed on the way and restored. */
static int make_parents(struct untar *u, char *path, int *ret_fd)
{
        AUTO_CLOSE int at = fcntl(u->rootfd, F_DUPFD_CLOEXEC, 3);
        char *end = path;

        if (at < 0)
                return untar_fail_sys(u, errno, "dup");
        while (*end) {
                char *name = end;
                int fd, r = 0;
                char keep;

                end = strchrnul(name, '/');
                keep = *end;
                *end = 0;
                fd = fs_open_in_root(u->rootfd, path, DIR_FLAGS, 0);
                if (fd == -ENOENT && faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        r = make_implied(u, at, name, path, &fd);
                else if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
                        r = replace_whiteout(u, at, name, path, &fd);
                else if (fd < 0)
                        r = untar_fail_sys(u, -fd, "open its directory");
                *end = keep;
                if (r < 0)
                        return -1;
                (void)close(at);
                at = fd;
                end += *end == '/';
        }
        *ret_fd = TAKE_FD(at);
        return 0;
}

int untar_parent(struct untar *u, const char *path, int *ret_fd, const char **ret_base)
{
        const char *slash = strrchr(path, '/');
        size_t n = slash ? (size_t)(slash - path) : 0;
        int fd;

        *ret_base = slash ? slash + 1 : path;
        if (n == 0) {
                *ret_fd = u->rootfd;
                return 0;
        }
        if (u->parent_fd >= 0 && strncmp(u->parent, path, n) == 0 && u->parent[n] == 0) {
                *ret_fd = u->parent_fd;
                return 0;
        }
        untar_forget_parent(u);
        memcpy(u->parent, path, n);
        u->parent[n] = 0;
        fd = fs_open_in_root(u->rootfd, u->parent, DIR_FLAGS, 0);
        if (fd < 0 && make_parents(u, u->parent, &fd) < 0)
                return -1;
        u->parent_fd = fd;
        *ret_fd = fd;
        return 0;
}

/* A directory's times change with every entry made in it, so they are set when all is there. */
struct late_dir {
        struct timespec mtime;
        size_t prev; /* where the one before starts; its own start for the first */
        uint32_t path_len;
        mode_t mode; /* to be set at the end; 0: set already */
};

static void late_dir_read(const struct untar *u, size_t pos, struct late_dir *ret, char *ret_path)
{
        memcpy(ret, u->dirs.data + pos, sizeof(*ret));
        if (ret->path_len == 0) {
                memcpy(ret_path, ".", 2);
                return;
        }
        memcpy(ret_path, u->dirs.data + pos + sizeof(*ret), ret->path_len);
        ret_path[ret->path_len] = 0;
}

/* -1: a later entry took its place, or it cannot be entered any more (not root) */
static int late_dir_open(const struct untar *u, const char *path)
{
        int fd = fs_open_in_root(u->rootfd, path, DIR_FLAGS | O_NOFOLLOW, 0);

        return fd < 0 ? -1 : fd;
}

static int finish_times(struct untar *u)
{
        char path[LIMIT_ARCHIVE_PATH_BYTES + 1];
        struct late_dir d;

        for (size_t pos = 0; pos < u->dirs.len; pos += sizeof(d) + d.path_len) {
                AUTO_CLOSE int fd = -1;

                late_dir_read(u, pos, &d, path);
                fd = late_dir_open(u, path);
                if (fd >= 0 && futimens(fd, (const struct timespec[2]){ d.mtime, d.mtime }) < 0)
                        return err_set(u->e, ERR_INTERNAL, errno, "%s: set times of a directory",
                                       u->o->name);
        }
        return 0;
}

/* Backwards: a parent comes before its children, and may be closed to us afterwards. */
static int finish_modes(struct untar *u)
{
        char path[LIMIT_ARCHIVE_PATH_BYTES + 1];
        struct late_dir d;

        for (size_t pos = u->last_dir;; pos = d.prev) {
                AUTO_CLOSE int fd = -1;

                late_dir_read(u, pos, &d, path);
                fd = d.mode != 0 ? late_dir_open(u, path) : -1;
                if (fd >= 0 && fchmod(fd, d.mode & 07777) < 0)
                        return err_set(u->e, ERR_INTERNAL, errno, "%s: chmod a directory",
                                       u->o->name);
                if (d.prev == pos)
                        return 0;
        }
}

int untar_dirs_finish(struct untar *u)
{
        if (u->dirs.len == 0)
                return 0;
        if (finish_times(u) < 0 || finish_modes(u) < 0)
                return -1;
        buf_reset(&u->dirs);
        u->last_dir = 0;
        return 0;
}

int untar_dir_later(struct untar *u, const char *path, const struct timespec *mtime, mode_t mode)
{
        struct late_dir d = {
                .mtime = *mtime,
                .path_len = (uint32_t)strlen(path),
                .mode = mode,
        };

        /*
         * With more directories than fit, those so far get their times now. The memory stays
         * bounded; what is lost is the time of a directory that gets more entries afterwards.
         */
        if (u->dirs.max - u->dirs.len < sizeof(d) + d.path_len && untar_dirs_finish(u) < 0)
                return -1;
        d.prev = u->last_dir;
        u->last_dir = u->dirs.len;
        (void)buf_append(&u->dirs, &d, sizeof(d));
        (void)buf_append(&u->dirs, path, d.path_len);
        return 0;
}
