/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pod/change.h"
#include "util/auto.h"
#include "util/fs.h"

static int make_data_dir(const char *dir, struct err *e)
{
        int r = fs_mkdirs(AT_FDCWD, dir, 0750);

        if (r < 0 && r != -EEXIST)
                return err_set(e, ERR_INTERNAL, -r, "cannot make the data directory %s", dir);
        return 0;
}

int engine_open(struct engine *ret, const char *dir, enum engine_mode mode, struct err *e)
{
        struct engine eng = ENGINE_NULL;
        int fd = fs_open_dir_path(dir), r;

        if (fd == -ENOENT && mode == ENGINE_READ) {
                eng.dir = dir;
                *ret = eng;
                return 0;
        }
        if (fd == -ENOENT) {
                if (make_data_dir(dir, e) < 0)
                        return -1;
                fd = fs_open_dir_path(dir);
        }
        if (fd == -EACCES)
                return err_set(e, ERR_PERMISSION, 0,
                               "no access to the data directory %s: only root and group carob have",
                               dir);
        if (fd < 0)
                return err_set(e, ERR_INTERNAL, -fd, "cannot open the data directory %s", dir);
        eng.dir = dir;
        eng.data_fd = fd;
        r = mode == ENGINE_WRITE ? pod_store_create(fd, &eng.pods, e)
                                 : pod_store_open(fd, &eng.pods, e);
        if (r < 0) {
                engine_done(&eng);
                return err_wrap(e, "data directory %s", dir);
        }
        *ret = eng;
        return 0;
}

void engine_done(struct engine *eng)
{
        image_store_free(eng->images);
        closep(&eng->names_fd);
        if (eng->data_fd >= 0) {
                pod_store_done(&eng->pods);
                (void)close(eng->data_fd);
        }
        *eng = ENGINE_NULL;
}

int engine_images(struct engine *eng, struct err *e)
{
        if (eng->images)
                return 0;
        return image_store_open(&eng->images, eng->data_fd, e);
}
