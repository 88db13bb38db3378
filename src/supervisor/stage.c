/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "runtime/feed.h"
#include "runtime/rootfs.h"
#include "runtime/spec.h"
#include "util/auto.h"
#include "util/buf.h"
#include "util/fs.h"
#include "util/mem.h"

int stage_enter(struct err *e)
{
        if (unshare(CLONE_NEWNS) < 0)
                return err_set(e, ERR_INTERNAL, errno,
                               "make a mount namespace (to run pods takes root)");
        /* A slave, not private: what the host unmounts must not live on in here. */
        if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return err_set(e, ERR_INTERNAL, errno, "detach the mount namespace");
        return 0;
}

static int mount_tmpfs(const char *path, const char *options, struct err *e)
{
        if (mount("carob", path, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
                return err_set(e, ERR_INTERNAL, errno, "mount a tmpfs on %s", path);
        return 0;
}

static int make_dir(const char *path, mode_t mode, struct err *e)
{
        int r = fs_mkdir_if_missing(AT_FDCWD, path, mode);

        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "make directory %s", path) : 0;
}

int stage_fill(const struct stage *s, struct err *e)
{
        AUTO_FREE char *apps = xasprintf("%s/apps", s->path);

        /* noexec would keep the runtime from a copy of itself there; only root gets this far anyhow. */
        if (make_dir(s->path, 0700, e) < 0 || mount_tmpfs(s->path, "mode=0700,size=64m", e) < 0)
                return -1;
        if (make_dir(s->state, 0700, e) < 0 || make_dir(apps, 0700, e) < 0 ||
            make_dir(s->shm, 01777, e) < 0)
                return -1;
        return mount_tmpfs(s->shm, "mode=1777,size=64m", e);
}

/*
 * Opened by its path, for what was opened before stage_enter lies on mounts of the host's namespace, of which overlay
 * takes no upper directory.
 */
static int open_pod(struct stage *s, int lock_fd, struct err *e)
{
        struct stat locked, here;

        s->pod_fd = fs_open_dir_path(s->pod_path);
        if (s->pod_fd < 0)
                return err_set(e, ERR_INTERNAL, -s->pod_fd, "open %s", s->pod_path);
        if (fstat(lock_fd, &locked) < 0 || fstat(s->pod_fd, &here) < 0)
                return err_set(e, ERR_INTERNAL, errno, "stat %s", s->pod_path);
        if (locked.st_ino != here.st_ino || locked.st_dev != here.st_dev)
                return err_set(e, ERR_STATE, 0, "%s is not the pod that is locked", s->pod_path);
        return 0;
}

int stage_open(int lock_fd, const char *dir, const char *uuid, struct stage *ret, struct err *e)
{
        AUTO(stage_done) struct stage s = STAGE_NULL;
        AUTO_FREE char *layers = xasprintf("%s/images/layers", dir);

        s.pod_path = xasprintf("%s/pods/run/%s", dir, uuid);
        s.path = xasprintf("%s/stage", s.pod_path);
        s.shm = xasprintf("%s/shm", s.path);
        s.state = xasprintf("%s/state", s.path);
        s.layers_fd = fs_open_dir_path(layers);
        if (open_pod(&s, lock_fd, e) < 0)
                return -1;
        *ret = s;
        s = STAGE_NULL;
        return 0;
}

void stage_done(struct stage *s)
{
        closep(&s->pod_fd);
        closep(&s->layers_fd);
        free(s->pod_path);
        free(s->path);
        free(s->shm);
        free(s->state);
        *s = STAGE_NULL;
}

char *stage_bundle(const struct stage *s, const char *app)
{
        return xasprintf("%s/apps/%s", s->path, app);
}

/* The overlay, or the copy that was made when the pod was prepared. */
static char *root_path(const struct stage *s, const struct plan_app *app)
{
        AUTO_FREE char *bundle = stage_bundle(s, app->papp->name);

        return app->image.rootfs == APP_ROOTFS_COPY
                       ? xasprintf("%s/rootfs/%s", s->pod_path, app->papp->name)
                       : xasprintf("%s/rootfs", bundle);
}

static int mount_root(const struct stage *s, const struct plan_app *app, struct err *e)
{
        AUTO_FREE char *target = root_path(s, app);
        AUTO_FREE char *writable = xasprintf("overlay/%s", app->papp->name);
        AUTO_CLOSE int dir = -1;
        struct runtime_overlay o = {
                .layers_fd = s->layers_fd,
                .layers = app->image.layers.v,
                .n_layers = app->image.layers.n,
        };
        int r;

        if (app->image.rootfs == APP_ROOTFS_COPY)
                return 0;
        r = fs_mkdirs(s->pod_fd, writable, 0750);
        if (r >= 0)
                r = dir = fs_open_dir(s->pod_fd, writable);
        if (r >= 0)
                r = runtime_rootfs_overlay_init(dir);
        if (r < 0 && r != -EEXIST)
                return err_set(e, ERR_INTERNAL, -r, "make %s", writable);
        o.app_fd = dir;
        if (make_dir(target, 0755, e) < 0)
                return -1;
        return runtime_rootfs_overlay_mount(&o, target, e);
}

static int bind_volumes(const struct stage *s, const struct stage_app *a, int root,
                        struct runtime_binds *ret, struct err *e)
{
        const struct plan_app *app = a->app;
        AUTO_FREE char *path = xasprintf("%s/volumes", s->pod_path);
        AUTO_CLOSE int dir = -1;

        if (app->app->n_mount_points == 0 && app->papp->n_mounts == 0)
                return 0;
        if (fs_mkdir_if_missing(s->pod_fd, "volumes", 0750) < 0 ||
            (dir = fs_open_dir(s->pod_fd, "volumes")) < 0)
                return err_set(e, ERR_INTERNAL, errno, "make the pod's volumes directory");
        if (runtime_volumes_create(a->plan->manifest, app->papp, app->app, dir, e) < 0 ||
            runtime_volumes_populate(a->plan->manifest, app->papp, app->app, dir, root, e) < 0)
                return -1;
        return runtime_volumes_resolve(a->plan->manifest, app->papp, app->app, path, ret, e);
}

static int write_config(const struct stage *s, const struct stage_app *a, struct err *e)
{
        AUTO_FREE char *bundle = stage_bundle(s, a->app->papp->name);
        AUTO_FREE char *rootfs = root_path(s, a->app);
        AUTO(runtime_binds_done) struct runtime_binds binds = RUNTIME_BINDS_NULL;
        AUTO(buf_done) struct buf text = BUF_NULL(RUNTIME_SPEC_BYTES_MAX);
        AUTO_CLOSE int root = fs_open_dir_path(rootfs);
        struct runtime_spec spec = {
                .app_name = a->app->papp->name,
                .app = a->app->app,
                .rootfs = rootfs,
                .rootfs_fd = root,
                .read_only_rootfs = a->app->papp->read_only_rootfs,
                .await_init = a->await_init,
                .await_arg = a->await_arg,
                .host_network = a->plan->launch.net == POD_NET_HOST,
                .terminal = a->terminal,
                .volumes = &binds,
                .shm_dir = s->shm,
                .cgroup_v2 = a->cgroup_v2,
                .cgroups_path = a->cgroups_path,
        };

        if (root < 0)
                return err_set(e, ERR_INTERNAL, -root, "open %s", rootfs);
        if (bind_volumes(s, a, root, &binds, e) < 0 || runtime_spec_write(&spec, &text, e) < 0)
                return -1;
        return runtime_feed_text(bundle, (const char *)text.data, text.len, e);
}

int stage_make_bundle(const struct stage *s, const char *name, bool wait, struct err *e)
{
        AUTO_FREE char *bundle = stage_bundle(s, name);

        if (make_dir(bundle, 0700, e) < 0)
                return -1;
        return wait ? runtime_feed_open(bundle, e) : 0;
}

int stage_mount_app(const struct stage *s, const struct plan_app *app, struct err *e)
{
        if (mount_root(s, app, e) < 0)
                return err_wrap(e, "app %s", app->papp->name);
        return 0;
}

int stage_configure_app(const struct stage *s, const struct stage_app *a, struct err *e)
{
        if (write_config(s, a, e) < 0)
                return err_wrap(e, "app %s", a->app->papp->name);
        return 0;
}
