/* SPDX-License-Identifier: Apache-2.0 */
#include "util/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/mem.h"

int fs_open_dir(int dirfd, const char *path)
{
        int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int fs_open_dir_path(const char *path)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int fs_open_handle(int dirfd, const char *path)
{
        int fd = openat(dirfd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int fs_open_file(int dirfd, const char *path)
{
        /* O_NONBLOCK: opening a FIFO that somebody put there must not hang us. */
        AUTO_CLOSE int fd =
                openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        return TAKE_FD(fd);
}

static int open_resolved(int rootfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
        struct open_how how = {
                .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
                .mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
                .resolve = resolve,
        };
        long fd;

        /* EAGAIN: a rename somewhere made the kernel unsure about ".."; the manual says to try again. */
        for (int tries = 0; tries < 32; tries++) {
                fd = syscall(SYS_openat2, rootfd, path, &how, sizeof(how));
                if (fd >= 0 || errno != EAGAIN)
                        break;
        }
        return fd < 0 ? -errno : (int)fd;
}

int fs_open_in_root(int rootfd, const char *path, int flags, mode_t mode)
{
        return open_resolved(rootfd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int fs_open_beneath(int rootfd, const char *path, int flags, mode_t mode)
{
        return open_resolved(rootfd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

int fs_mkdir(int dirfd, const char *path, mode_t mode)
{
        if (mkdirat(dirfd, path, mode) < 0)
                return -errno;
        /* The umask may have taken bits away. */
        return fchmodat(dirfd, path, mode, 0) < 0 ? -errno : 0;
}

int fs_mkdir_if_missing(int dirfd, const char *path, mode_t mode)
{
        int r = fs_mkdir(dirfd, path, mode);

        if (r == -EEXIST) {
                AUTO_CLOSE int fd = fs_open_dir(dirfd, path);

                return fd < 0 ? fd : 0;
        }
        return r < 0 ? r : 1;
}

int fs_mkdirs(int dirfd, const char *path, mode_t mode)
{
        char part[PATH_MAX];
        size_t len = strlen(path);

        if (len == 0 || len >= sizeof(part))
                return len == 0 ? -ENOENT : -ENAMETOOLONG;
        memcpy(part, path, len + 1);
        for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
                if (slash)
                        *slash = '\0';
                if (mkdirat(dirfd, part, mode) < 0 && errno != EEXIST)
                        return -errno;
                if (!slash)
                        break;
                *slash = '/';
        }
        return 0;
}

int fs_read_fd(int fd, struct buf *out)
{
        for (;;) {
                size_t room = out->max - out->len;
                uint8_t *to, probe;
                ssize_t n;

                if (room == 0) {
                        /* Full: fine when the file ends exactly here. */
                        n = read(fd, &probe, 1);
                        if (n < 0 && errno == EINTR)
                                continue;
                        return n < 0 ? -errno : n == 0 ? 0 : -ENOBUFS;
                }
                room = room < 65536 ? room : 65536;
                if (buf_reserve(out, room, &to) < 0)
                        return -ENOBUFS;
                n = read(fd, to, room);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                buf_commit(out, (size_t)n);
                if (n == 0)
                        return 0;
        }
}

int fs_read_file(int dirfd, const char *path, struct buf *out)
{
        AUTO_CLOSE int fd = fs_open_file(dirfd, path);
        struct stat st;
        uint8_t *to;

        if (fd < 0)
                return fd;
        /* One allocation of the right size, when the size is known and allowed. */
        if (fstat(fd, &st) == 0 && st.st_size > 0) {
                if ((uint64_t)st.st_size > out->max - out->len)
                        return -ENOBUFS;
                if (buf_reserve(out, (size_t)st.st_size, &to) < 0)
                        return -ENOBUFS;
        }
        return fs_read_fd(fd, out);
}

int fs_read_user_file(const char *path, struct buf *out)
{
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);

        return fd < 0 ? -errno : fs_read_fd(fd, out);
}

int fs_write_all(int fd, const void *data, size_t len)
{
        const char *from = data;

        while (len > 0) {
                ssize_t n = write(fd, from, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                from += n;
                len -= (size_t)n;
        }
        return 0;
}

int fs_write_file(int dirfd, const char *path, const void *data, size_t len, mode_t mode)
{
        AUTO_CLOSE int fd =
                openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
        int r;

        if (fd < 0)
                return -errno;
        if (fchmod(fd, mode) < 0)
                return -errno;
        r = fs_write_all(fd, data, len);
        if (r < 0)
                return r;
        /* Delayed allocation and network filesystems report a full disk here. */
        return close(TAKE_FD(fd)) < 0 ? -errno : 0;
}

int fs_touch(int dirfd, const char *path, mode_t mode)
{
        AUTO_CLOSE int fd =
                openat(dirfd, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);

        if (fd < 0)
                return -errno;
        return futimens(fd, NULL) < 0 ? -errno : 0;
}

int fs_fsync_path(int dirfd, const char *path)
{
        AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

int fs_rename_publish(int from_dirfd, const char *from, int to_dirfd, const char *to)
{
        if (renameat2(from_dirfd, from, to_dirfd, to, RENAME_NOREPLACE) < 0)
                return -errno;
        return fs_fsync_path(to_dirfd, ".");
}

int fs_each(int dirfd, fs_each_fn fn, void *arg)
{
        /* A descriptor of our own: fdopendir takes it over, and its offset must not be the caller's. */
        int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        AUTO_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (!dir) {
                int keep = errno;

                closep(&fd);
                return -keep;
        }
        for (;;) {
                struct dirent *de;
                int r;

                errno = 0;
                de = readdir(dir);
                if (!de)
                        return -errno;
                if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
                        continue;
                r = fn(dirfd, de->d_name, de->d_type, arg);
                if (r != 0)
                        return r;
        }
}

int64_t fs_mtime(const struct stat *st)
{
        return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

int64_t fs_ctime(const struct stat *st)
{
        return (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

/* "<directory of the running program>/<middle><name>" if that can be read; heap string or NULL. */
static char *find_beside(const char *self_dir, const char *middle, const char *name)
{
        char *path = xasprintf("%s/%s%s", self_dir, middle, name);

        if (access(path, R_OK) == 0)
                return path;
        free(path);
        return NULL;
}

char *fs_find_sibling(const char *name, const char *fallback_dir)
{
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

        if (n > 0) {
                char *slash, *path;

                self[n] = '\0';
                slash = strrchr(self, '/');
                if (slash)
                        *slash = '\0';
                path = find_beside(self, "", name);
                if (!path)
                        path = find_beside(self, CAROB_LIBDIR_FROM_BIN "/", name);
                if (path)
                        return path;
        }
        return xasprintf("%s/%s", fallback_dir, name);
}
