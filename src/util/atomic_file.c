/* SPDX-License-Identifier: Apache-2.0 */
#include "util/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "util/auto.h"
#include "util/fs.h"

#define TMP_PREFIX ".tmp-"

bool atomic_file_is_temporary(const char *name)
{
        return strncmp(name, TMP_PREFIX, strlen(TMP_PREFIX)) == 0;
}

static int write_temporary(int dirfd, const char *tmp, const void *data, size_t len, mode_t mode,
                           int flags)
{
        AUTO_CLOSE int fd =
                openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        int r;

        if (fd < 0)
                return -errno;
        if (fchmod(fd, mode) < 0)
                return -errno;
        r = fs_write_all(fd, data, len);
        if (r < 0)
                return r;
        if ((flags & ATOMIC_FILE_DURABLE) && fsync(fd) < 0)
                return -errno;
        return close(TAKE_FD(fd)) < 0 ? -errno : 0;
}

int atomic_file_write(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
                      int flags)
{
        char tmp[NAME_MAX + 1];
        uint32_t random;
        int r;

        if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
                return -EIO;
        if ((size_t)snprintf(tmp, sizeof(tmp), TMP_PREFIX "%s-%08x", name, random) >= sizeof(tmp))
                return -ENAMETOOLONG;
        r = write_temporary(dirfd, tmp, data, len, mode, flags);
        if (r == 0 && renameat(dirfd, tmp, dirfd, name) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlinkat(dirfd, tmp, 0);
                return r;
        }
        return flags & ATOMIC_FILE_DURABLE ? fs_fsync_path(dirfd, ".") : 0;
}
