/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apart from change.c, which looks up a group by name: the supervisor links this without the name
 * service.
 */
#include "pod/change.h"

#include <errno.h>
#include <stdio.h>

#include "pod/past.h"
#include "util/auto.h"
#include "util/fs.h"

static int sync_optional(int dirfd, const char *name)
{
        int r = fs_fsync_path(dirfd, name);

        return r == -ENOENT ? 0 : r;
}

static int sync_app(int dirfd, const char *name, unsigned char type, void *arg)
{
        AUTO_CLOSE int fd = fs_open_dir(dirfd, name);
        int r;

        (void)type;
        (void)arg;
        if (fd < 0)
                return fd == -ENOTDIR || fd == -ELOOP ? 0 : fd;
        r = sync_optional(fd, "manifest");
        r = r ? r : sync_optional(fd, "image.json");
        return r ? r : fs_fsync_path(fd, ".");
}

int pod_sync(const struct pod *p, struct err *e)
{
        static const char *const files[] = { "pod", "pod-created", "launch.json",
                                             POD_MARK_PREPARED };
        AUTO_CLOSE int apps = fs_open_dir(p->fd, "appsinfo");
        int r = 0;

        for (size_t i = 0; i < ARRAY_LEN(files) && r == 0; i++)
                r = sync_optional(p->fd, files[i]);
        if (r == 0 && apps >= 0)
                r = fs_each(apps, sync_app, NULL);
        if (r == 0 && apps >= 0)
                r = fs_fsync_path(apps, ".");
        r = r ? r : fs_fsync_path(p->fd, ".");
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "sync pod %s", p->uuid.text);
        return 0;
}
