/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries to files. The archive is applied in order, so a later entry replaces an earlier one of
 * the same name: only a directory on a directory adds up. Everything is made with O_EXCL or its
 * like in an open parent directory; the existing node is looked at only when that fails.
 */
#include "image/untar_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/fs.h"

enum {
        CREATE_FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
        EARLY_WRITEBACK_BYTES = 64 * 1024,
};

int untar_is_whiteout(const struct stat *st)
{
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static int remove_existing(struct untar *u, int dirfd, const char *base)
{
        int r = unlinkat(dirfd, base, 0) < 0 ? -errno : 0;

        if (r == -EISDIR || r == -EPERM)
                r = fs_remove_tree(dirfd, base);
        untar_forget_parent(u); /* closes @dirfd: callers ask for it again */
        return r < 0 ? untar_fail_sys(u, -r, "replace") : 0;
}

static int pwrite_all(int fd, const uint8_t *p, size_t len, int64_t pos)
{
        while (len > 0) {
                ssize_t n = pwrite(fd, p, len, pos);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                len -= (size_t)n;
                pos += n;
        }
        return 0;
}

static int too_many_bytes(struct untar *u)
{
        return untar_fail(u, ERR_LIMIT, 0,
                          "the files together have more than %" PRIu64 " bytes (limit)",
                          u->limits.unpacked_bytes);
}

/* The entry's data to @fd; holes stay holes, also one at the end. */
static int write_data(struct untar *u, int fd)
{
        const int64_t size = archive_entry_size(u->entry);
        int64_t end = 0;

        for (;;) {
                const void *p = NULL;
                size_t n = 0;
                la_int64_t pos = 0;
                int r = archive_read_data_block(u->archive, &p, &n, &pos);

                if (r == ARCHIVE_EOF)
                        break;
                if (r != ARCHIVE_OK)
                        return untar_fail(u, ERR_BAD_DATA, 0, "%s",
                                          archive_error_string(u->archive));
                u->r.bytes += n;
                if (u->r.bytes > u->limits.unpacked_bytes)
                        return too_many_bytes(u);
                r = pwrite_all(fd, p, n, pos);
                if (r < 0)
                        return untar_fail_sys(u, -r, "write");
                if (n > 0 && pos + (int64_t)n > end)
                        end = pos + (int64_t)n;
        }
        if (end < size && ftruncate(fd, size) < 0)
                return untar_fail_sys(u, errno, "set its length");
        return 0;
}

static int write_file(struct untar *u)
{
        const int64_t size = archive_entry_size(u->entry);
        AUTO_CLOSE int fd = -1;
        const char *base;
        int dirfd;

        if (size < 0 || (uint64_t)size > u->limits.unpacked_bytes)
                return untar_fail(u, ERR_LIMIT, 0,
                                  "claims %" PRId64 " bytes, more than %" PRIu64 " (limit)", size,
                                  u->limits.unpacked_bytes);
        if (untar_parent(u, u->path, &dirfd, &base) < 0)
                return -1;
        fd = openat(dirfd, base, CREATE_FLAGS, 0600);
        if (fd < 0 && errno == EEXIST) {
                if (remove_existing(u, dirfd, base) < 0 ||
                    untar_parent(u, u->path, &dirfd, &base) < 0)
                        return -1;
                fd = openat(dirfd, base, CREATE_FLAGS, 0600);
        }
        if (fd < 0)
                return untar_fail_sys(u, errno, "create");
        if (write_data(u, fd) < 0)
                return -1;
        /*
         * The transaction ends with syncfs(2). Have the disk begin now with what is large: on ext4
         * the whole import took a fifth less time. Best effort: an error shows up there.
         */
        if (size >= EARLY_WRITEBACK_BYTES)
                (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        return untar_meta_fd(u, fd, false);
}

/*
 * A directory where something else of this archive stands: it replaces that, with all that was
 * below.
 */
static int replace_by_dir(struct untar *u, bool *ret_opaque)
{
        const char *base;
        int dirfd;

        if (untar_parent(u, u->path, &dirfd, &base) < 0 || remove_existing(u, dirfd, base) < 0 ||
            untar_parent(u, u->path, &dirfd, &base) < 0)
                return -1;
        if (mkdirat(dirfd, base, 0700) < 0)
                return untar_fail_sys(u, errno, "create");
        *ret_opaque = u->o->mode == UNTAR_LAYER;
        return 0;
}

static int write_dir(struct untar *u)
{
        AUTO_CLOSE int fd = -1;
        bool opaque = false;
        const char *base;
        struct stat st;
        int dirfd;

        if (untar_parent(u, u->path, &dirfd, &base) < 0)
                return -1;
        if (mkdirat(dirfd, base, 0700) < 0) {
                if (errno != EEXIST)
                        return untar_fail_sys(u, errno, "create");
                if (fstatat(dirfd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return untar_fail_sys(u, errno, "look at");
                if (!S_ISDIR(st.st_mode)) {
                        if (replace_by_dir(u, &opaque) < 0 ||
                            untar_parent(u, u->path, &dirfd, &base) < 0)
                                return -1;
                }
        }
        fd = openat(dirfd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return untar_fail_sys(u, errno, "open");
        if (opaque && untar_set_opaque(u, fd) < 0)
                return -1;
        return untar_meta_fd(u, fd, true);
}

/* The node made by symlinkat or mknodat. 0, 1 (not permitted: skipped), -errno */
static int make_node(struct untar *u, int dirfd, const char *base)
{
        mode_t type = archive_entry_filetype(u->entry);
        int r;

        if (type == AE_IFLNK)
                r = symlinkat(archive_entry_symlink(u->entry), dirfd, base);
        else
                r = mknodat(dirfd, base, type | 0600,
                            makedev(archive_entry_rdevmajor(u->entry),
                                    archive_entry_rdevminor(u->entry)));
        if (r == 0)
                return 0;
        if (errno == EPERM && (type == AE_IFCHR || type == AE_IFBLK)) {
                untar_skip(u, "device: %s", strerror(EPERM));
                return 1;
        }
        return -errno;
}

static int write_node(struct untar *u)
{
        bool is_symlink = archive_entry_filetype(u->entry) == AE_IFLNK;
        const char *base;
        int dirfd, r;

        if (is_symlink && (!archive_entry_symlink(u->entry) || !*archive_entry_symlink(u->entry)))
                return untar_fail(u, ERR_BAD_DATA, 0, "symbolic link to nothing");
        if (untar_parent(u, u->path, &dirfd, &base) < 0)
                return -1;
        r = make_node(u, dirfd, base);
        if (r == -EEXIST) {
                if (remove_existing(u, dirfd, base) < 0 ||
                    untar_parent(u, u->path, &dirfd, &base) < 0)
                        return -1;
                r = make_node(u, dirfd, base);
        }
        if (r < 0)
                return untar_fail_sys(
                        u, -r, is_symlink ? "create symbolic link" : "create device or fifo");
        return r == 1 ? 0 : untar_meta_at(u, dirfd, base, is_symlink);
}

static int copy_file(struct untar *u, int from, const struct stat *st, const char *path)
{
        const struct timespec times[2] = { st->st_mtim, st->st_mtim };
        AUTO_CLOSE int to = -1;
        const char *base;
        int dirfd;

        u->r.bytes += (uint64_t)st->st_size;
        if (u->r.bytes > u->limits.unpacked_bytes)
                return too_many_bytes(u);
        if (untar_parent(u, path, &dirfd, &base) < 0)
                return -1;
        to = openat(dirfd, base, CREATE_FLAGS, 0600);
        if (to < 0)
                return untar_fail_sys(u, errno, "copy up the link's target");
        for (off_t left = st->st_size; left > 0;) {
                ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)left, 0);

                if (n <= 0)
                        return untar_fail_sys(u, n < 0 ? errno : EIO, "copy up the link's target");
                left -= n;
        }
        if (untar_copy_meta(u, from, to, false) < 0)
                return -1;
        return futimens(to, times) < 0 ? untar_fail_sys(u, errno, "set times") : 0;
}

/* A hard link to a file that only a lower layer has: bring that up first, as overlayfs would. */
static int copy_up(struct untar *u, const char *target)
{
        for (size_t i = 0; i < u->o->n_lowers; i++) {
                AUTO_CLOSE int fd = fs_open_in_root(u->o->lowers[i], target,
                                                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
                struct stat st;

                if (fd == -ENOENT)
                        continue;
                if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                        return 0; /* the link will say that there is no such file */
                u->r.depends_on_lowers = true;
                return copy_file(u, fd, &st, target);
        }
        return 0;
}

/*
 * Is @target (normalised) the very file that stands at the entry's place? Then there is nothing to
 * link.
 */
static int same_file(const struct stat *a, int dirfd, const char *base)
{
        struct stat b;

        return fstatat(dirfd, base, &b, AT_SYMLINK_NOFOLLOW) == 0 && a->st_dev == b.st_dev &&
               a->st_ino == b.st_ino;
}

/* The directory and base name of the link's target; an owned descriptor. */
static int open_target(struct untar *u, const char *target, int *ret_fd, const char **ret_base,
                       struct stat *ret_st)
{
        const char *slash = strrchr(target, '/');
        AUTO_FREE char *dir = slash ? strndup(target, (size_t)(slash - target)) : strdup(".");
        AUTO_CLOSE int fd = -1;
        char shown[UNTAR_QUOTED_MAX];

        *ret_base = slash ? slash + 1 : target;
        fd = dir ? fs_open_in_root(u->rootfd, dir, O_RDONLY | O_DIRECTORY, 0) : -ENOMEM;
        if (fd < 0 || fstatat(fd, *ret_base, ret_st, AT_SYMLINK_NOFOLLOW) < 0 ||
            untar_is_whiteout(ret_st)) {
                untar_quote(target, shown);
                return untar_fail(u, ERR_BAD_DATA, 0,
                                  "hard link to \"%s\", which is not in the image", shown);
        }
        if (S_ISDIR(ret_st->st_mode)) {
                untar_quote(target, shown);
                return untar_fail(u, ERR_BAD_DATA, 0, "hard link to the directory \"%s\"", shown);
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* In an ACI names of link targets start with rootfs/ as those of entries do. */
static int normalise_target(struct untar *u, char *target)
{
        if (untar_normalise(u, archive_entry_hardlink(u->entry), "link target", target) < 0)
                return -1;
        if (u->o->mode == UNTAR_ACI) {
                if (strncmp(target, "rootfs/", 7) != 0)
                        return untar_fail(u, ERR_BAD_DATA, 0,
                                          "hard link to something outside rootfs");
                memmove(target, target + 7, strlen(target + 7) + 1);
        }
        if (!*target)
                return untar_fail(u, ERR_BAD_DATA, 0, "hard link to nothing");
        return 0;
}

static int write_hardlink(struct untar *u)
{
        AUTO_FREE char *target = malloc(LIMIT_ARCHIVE_PATH_BYTES + 1);
        AUTO_CLOSE int from = -1;
        const char *target_base, *base;
        struct stat st;
        int dirfd;

        if (!target)
                return untar_fail_sys(u, ENOMEM, "hard link");
        if (normalise_target(u, target) < 0)
                return -1;
        if (u->o->n_lowers > 0) {
                AUTO_CLOSE int have =
                        fs_open_in_root(u->rootfd, target, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);

                if (have == -ENOENT && copy_up(u, target) < 0)
                        return -1;
        }
        if (open_target(u, target, &from, &target_base, &st) < 0 ||
            untar_parent(u, u->path, &dirfd, &base) < 0)
                return -1;
        if (same_file(&st, dirfd, base))
                return 0;
        if (linkat(from, target_base, dirfd, base, 0) == 0)
                return 0;
        if (errno != EEXIST)
                return untar_fail_sys(u, errno, "hard link");
        if (remove_existing(u, dirfd, base) < 0 || untar_parent(u, u->path, &dirfd, &base) < 0)
                return -1;
        if (linkat(from, target_base, dirfd, base, 0) < 0)
                return untar_fail_sys(u, errno, "hard link");
        return 0;
}

int untar_apply_root(struct untar *u)
{
        if (archive_entry_hardlink(u->entry) || archive_entry_filetype(u->entry) != AE_IFDIR)
                return untar_fail(u, ERR_BAD_DATA, 0, "the root is not a directory");
        return untar_meta_fd(u, u->rootfd, true);
}

int untar_write_entry(struct untar *u)
{
        if (archive_entry_hardlink(u->entry))
                return write_hardlink(u);
        switch (archive_entry_filetype(u->entry)) {
        case AE_IFREG:
                return write_file(u);
        case AE_IFDIR:
                return write_dir(u);
        case AE_IFLNK:
        case AE_IFCHR:
        case AE_IFBLK:
        case AE_IFIFO:
                return write_node(u);
        case AE_IFSOCK:
                untar_skip(u, "a socket means nothing without its process");
                return 0;
        default:
                return untar_fail(u, ERR_BAD_DATA, 0, "unknown type");
        }
}
