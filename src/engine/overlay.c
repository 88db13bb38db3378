/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/overlay.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/rootfs.h"
#include "util/atomic_file.h"
#include "util/auto.h"
#include "util/fs.h"

#define MEMO "overlay-works"

/* What the answer holds for: this boot (hence this kernel), and this file system. */
static int describe(int podfd, struct buf *ret)
{
        struct stat st;

        if (fstat(podfd, &st) < 0 ||
            fs_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", ret) < 0)
                return -1;
        return buf_printf(ret, "%u:%u\n", major(st.st_dev), minor(st.st_dev));
}

bool engine_overlay_works(struct engine *eng, int podfd)
{
        AUTO(buf_done) struct buf now = BUF_NULL(256), then = BUF_NULL(256);

        if (describe(podfd, &now) < 0)
                return runtime_rootfs_overlay_possible(podfd, NULL) > 0;
        if (fs_read_file(eng->data_fd, MEMO, &then) == 0 && then.len == now.len &&
            memcmp(then.data, now.data, now.len) == 0)
                return true;
        if (runtime_rootfs_overlay_possible(podfd, NULL) <= 0)
                return false;
        /* Not being able to remember costs time only. */
        (void)atomic_file_write(eng->data_fd, MEMO, now.data, now.len, 0640, ATOMIC_FILE_VOLATILE);
        return true;
}
