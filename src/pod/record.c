/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "pod/past.h"
#include "util/atomic_file.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/utf8.h"

enum { FILE_MODE = 0640, DIR_MODE = 0750 };

static int result(int r, const char *name, struct err *e)
{
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "write %s", name) : 0;
}

/* For files of a pod that nobody looks into yet. */
static int write_new(int dirfd, const char *name, const void *data, size_t len, struct err *e)
{
        return result(fs_write_file(dirfd, name, data, len, FILE_MODE), name, e);
}

static int replace(int dirfd, const char *name, const void *data, size_t len, struct err *e)
{
        return result(atomic_file_write(dirfd, name, data, len, FILE_MODE, ATOMIC_FILE_VOLATILE),
                      name, e);
}

/* What a codec printed: @printed is its result. */
static int replace_printed(int dirfd, const char *name, const struct buf *b, int printed,
                           struct err *e)
{
        if (printed < 0)
                return err_set(e, ERR_LIMIT, -printed, "write %s", name);
        return replace(dirfd, name, buf_str(b), b->len, e);
}

int pod_write_manifest(int podfd, const void *data, size_t len, struct err *e)
{
        if (len > LIMIT_MANIFEST_BYTES)
                return err_set(e, ERR_LIMIT, 0,
                               "a pod manifest of %zu bytes is over the limit of %u", len,
                               LIMIT_MANIFEST_BYTES);
        return write_new(podfd, "pod", data, len, e);
}

int pod_write_created(int podfd, struct err *e)
{
        return write_new(podfd, "pod-created", "", 0, e);
}

int pod_write_prepared(int podfd, struct err *e)
{
        return result(fs_touch(podfd, POD_MARK_PREPARED, FILE_MODE), POD_MARK_PREPARED, e);
}

int pod_write_aborted(int podfd, const char *reason, struct err *e)
{
        size_t len = utf8_cut(reason, strlen(reason), POD_REASON_MAX);

        return write_new(podfd, POD_MARK_ABORTED, reason, len, e);
}

int pod_write_cgroup(int podfd, const char *path, struct err *e)
{
        path += strspn(path, "/");
        return replace(podfd, "subcgroup", path, strlen(path), e);
}

int pod_write_pid(int podfd, pid_t pid, struct err *e)
{
        char text[16];
        int n = snprintf(text, sizeof(text), "%d\n", pid);

        return replace(podfd, "pid", text, (size_t)n, e);
}

int pod_write_net_info(int podfd, const void *data, size_t len, struct err *e)
{
        return replace(podfd, "net-info.json", data, len, e);
}

int pod_write_launch(int podfd, const struct pod_launch *l, struct err *e)
{
        AUTO(buf_done) struct buf b = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        int r = pod_launch_print(l, &b);

        return replace_printed(podfd, "launch.json", &b, r, e);
}

int pod_write_status(int podfd, const struct pod_status *s, struct err *e)
{
        AUTO(buf_done) struct buf b = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        int r = pod_status_print(s, &b);

        return replace_printed(podfd, "status", &b, r, e);
}

int pod_write_ready(int podfd, struct err *e)
{
        return result(fs_touch(podfd, "ready", FILE_MODE), "ready", e);
}

/* The set-group-id bit is handed down as in pod_create. */
static int make_dir(int dirfd, const char *name)
{
        struct stat parent;
        int r = fs_mkdir(dirfd, name, DIR_MODE);

        if (r == 0 && fstat(dirfd, &parent) == 0 && parent.st_mode & S_ISGID &&
            fchmodat(dirfd, name, DIR_MODE | S_ISGID, 0) < 0)
                return -errno;
        return r == -EEXIST ? 0 : r;
}

int pod_app_dir(int podfd, const char *app, struct err *e)
{
        AUTO_CLOSE int apps = -1;
        int r = make_dir(podfd, "appsinfo"), fd;

        if (r == 0)
                apps = r = fs_open_dir(podfd, "appsinfo");
        if (r >= 0)
                r = make_dir(apps, app);
        fd = r < 0 ? r : fs_open_dir(apps, app);
        if (fd < 0)
                return err_set(e, ERR_INTERNAL, -fd, "make appsinfo/%s", app);
        return fd;
}

int pod_write_app_manifest(int appfd, const void *data, size_t len, struct err *e)
{
        return write_new(appfd, "manifest", data, len, e);
}

int pod_write_app_image(int appfd, const struct app_image *i, struct err *e)
{
        AUTO(buf_done) struct buf b = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        int r = app_image_print(i, &b);

        return replace_printed(appfd, "image.json", &b, r, e);
}

int pod_write_app_status(int appfd, const struct app_status *s, struct err *e)
{
        char text[APP_STATUS_TEXT_MAX];
        size_t len = app_status_print(s, text);

        return replace(appfd, "status", text, len, e);
}
