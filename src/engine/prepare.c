/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order: find and import (no lock), lock the store, render, build and check the manifest; only then a pod directory is
 * made, so that a mistyped option leaves nothing at all. In the directory everything is written with the pod's lock
 * held, and published by a rename.
 */
#include "engine/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appc/pod_manifest.h"
#include "engine/images.h"
#include "engine/manifest.h"
#include "engine/overlay.h"
#include "pod/change.h"
#include "pod/record.h"
#include "pod/view.h"
#include "runtime/rootfs.h"
#include "runtime/spec.h"
#include "util/auto.h"
#include "util/flock.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/test_hook.h"

/* Making a pod takes milliseconds, with copied roots seconds. */
#define NAME_WAIT (30 * NSEC_PER_SEC)

struct work {
        struct engine *eng;
        const struct engine_request *req;
        struct buf manifest;
        struct appc_pod_manifest *pod;
        struct engine_images_resolved images; /* index-aligned with pod->apps */
        int lock_fd;                          /* of the image store */
};

static void work_done(struct work *w)
{
        buf_done(&w->manifest);
        appc_pod_manifest_free(w->pod);
        engine_images_resolved_done(&w->images);
        closep(&w->lock_fd);
}

static int lock_images(struct work *w, struct err *e)
{
        if (engine_images(w->eng, e) < 0)
                return -1;
        return image_store_lock(w->eng->images, IMAGE_LOCK_SHARED, IMAGE_LOCK_WAIT, &w->lock_fd, e);
}

static int manifest_from_user(struct work *w, struct err *e)
{
        const char *path = w->req->manifest_path;
        int r = fs_read_user_file(path, &w->manifest);

        if (r == -ENOBUFS)
                return err_set(e, ERR_LIMIT, 0, "%s is over %u bytes", path, LIMIT_MANIFEST_BYTES);
        if (r < 0)
                return err_set(e, r == -ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, -r, "cannot read %s",
                               path);
        if (appc_pod_manifest_parse(w->manifest.data, w->manifest.len, &w->pod, e) < 0)
                return err_wrap(e, "%s", path);
        if (w->pod->n_apps == 0)
                return err_set(e, ERR_BAD_DATA, 0, "%s: the pod has no app", path);
        if (lock_images(w, e) < 0 || engine_images_of_manifest(w->eng, w->pod, &w->images, e) < 0)
                return -1;
        return engine_images_render(w->eng, &w->images, e);
}

static int manifest_from_request(struct work *w, const struct image_import_options *import,
                                 struct err *e)
{
        AUTO_FREE struct engine_image *images = NULL;

        if (engine_images_find(w->eng, w->req, import, &w->images, e) < 0 ||
            lock_images(w, e) < 0 || engine_images_render(w->eng, &w->images, e) < 0)
                return -1;
        images = xcalloc(w->images.n, sizeof(*images));
        for (size_t i = 0; i < w->images.n; i++)
                images[i] = (struct engine_image){ .id = w->images.v[i].id,
                                                   .manifest = w->images.v[i].view.parsed };
        if (engine_manifest_build(w->req, images, environ, &w->manifest, e) < 0)
                return -1;
        /* Read back by the parser everybody else will use: what it refuses must not be published. */
        if (appc_pod_manifest_parse(w->manifest.data, w->manifest.len, &w->pod, e) < 0)
                return err_wrap(e, "the options make no valid pod");
        return 0;
}

static const struct appc_app *effective_app(const struct work *w, size_t i)
{
        return w->pod->apps[i].app ? w->pod->apps[i].app : w->images.v[i].view.parsed->app;
}

static int check_apps(const struct work *w, struct err *e)
{
        for (size_t i = 0; i < w->pod->n_apps; i++) {
                const struct appc_app *app = effective_app(w, i);

                if (!app || app->exec.n == 0)
                        return err_set(e, ERR_USAGE, 0, "app %s has no command to run",
                                       w->pod->apps[i].name);
        }
        for (size_t i = 0; i < w->pod->n_volumes; i++) {
                const struct appc_volume *v = &w->pod->volumes[i];

                if (v->kind == APPC_VOLUME_HOST && access(v->source, F_OK) < 0)
                        return err_set(e, ERR_NOT_FOUND, errno, "volume %s: host path %s", v->name,
                                       v->source);
        }
        return 0;
}

static int write_image(const struct work *w, size_t i, int appfd, enum app_rootfs rootfs,
                       struct err *e)
{
        const struct engine_resolved *r = &w->images.v[i];
        const struct app_image image = {
                .id = r->view.record.id,
                .name = r->view.record.name,
                .version = r->view.record.version,
                .format = r->view.record.format,
                .layers = r->render.layers,
                .rootfs = rootfs,
        };

        if (pod_write_app_manifest(appfd, r->view.manifest, r->view.manifest_len, e) < 0)
                return -1;
        return pod_write_app_image(appfd, &image, e);
}

static int make_dir(int dirfd, const char *path, struct err *e)
{
        int r = fs_mkdir_if_missing(dirfd, path, 0750);

        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "cannot make the pod's %s", path) : 0;
}

static int make_overlay(const struct pod *p, const char *app, struct err *e)
{
        AUTO_CLOSE int all = -1, one = -1;
        int r;

        if (make_dir(p->fd, "overlay", e) < 0)
                return -1;
        all = fs_open_dir(p->fd, "overlay");
        if (all < 0)
                return err_set(e, ERR_INTERNAL, -all, "open overlay");
        if (make_dir(all, app, e) < 0)
                return -1;
        one = fs_open_dir(all, app);
        r = one < 0 ? one : runtime_rootfs_overlay_init(one);
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "overlay of app %s", app) : 0;
}

static int make_copy(const struct work *w, const struct pod *p, size_t i, struct err *e)
{
        const struct strv *layers = &w->images.v[i].render.layers;
        AUTO_CLOSE int all = -1;

        if (make_dir(p->fd, "rootfs", e) < 0)
                return -1;
        all = fs_open_dir(p->fd, "rootfs");
        if (all < 0)
                return err_set(e, ERR_INTERNAL, -all, "open rootfs");
        if (runtime_rootfs_copy(w->eng->images->layers_fd, layers->v, layers->n, all,
                                w->pod->apps[i].name, e) < 0)
                return err_wrap(e, "root of app %s", w->pod->apps[i].name);
        return 0;
}

/* Directories cost the most of all that happens here: none is made that the app does not need. */
static int make_volumes(const struct work *w, const struct pod *p, size_t i, struct err *e)
{
        const struct appc_pod_app *papp = &w->pod->apps[i];
        const struct appc_app *app = effective_app(w, i);
        AUTO_CLOSE int volumes = -1;

        if (app->n_mount_points == 0 && papp->n_mounts == 0)
                return 0;
        if (make_dir(p->fd, "volumes", e) < 0)
                return -1;
        volumes = fs_open_dir(p->fd, "volumes");
        if (volumes < 0)
                return err_set(e, ERR_INTERNAL, -volumes, "open volumes");
        return runtime_volumes_create(w->pod, papp, app, volumes, e);
}

static int fill_app(const struct work *w, const struct pod *p, size_t i, enum app_rootfs rootfs,
                    struct err *e)
{
        const char *name = w->pod->apps[i].name;
        AUTO_CLOSE int appfd = pod_app_dir(p->fd, name, e);

        if (appfd < 0 || write_image(w, i, appfd, rootfs, e) < 0)
                return -1;
        test_hook("app-written");
        if (make_volumes(w, p, i, e) < 0)
                return -1;
        return rootfs == APP_ROOTFS_OVERLAY ? make_overlay(p, name, e) : make_copy(w, p, i, e);
}

static int write_launch(const struct work *w, const struct pod *p, struct err *e)
{
        /* A name given with the user's own manifest has no place in it. */
        const struct pod_launch l = {
                .net = POD_NET_NONE,
                .log_bytes = -1,
                .log_files = -1,
                .name = w->req->manifest_path ? w->req->pod_name : NULL,
        };

        return pod_write_launch(p->fd, &l, e);
}

static int fill_pod(const struct work *w, const struct pod *p, struct err *e)
{
        bool overlay = !w->req->no_overlay && engine_overlay_works(w->eng, p->fd);

        if (pod_write_manifest(p->fd, w->manifest.data, w->manifest.len, e) < 0)
                return -1;
        test_hook("manifest-written");
        if (write_launch(w, p, e) < 0)
                return -1;
        for (size_t i = 0; i < w->pod->n_apps; i++)
                if (fill_app(w, p, i, overlay ? APP_ROOTFS_OVERLAY : APP_ROOTFS_COPY, e) < 0)
                        return -1;
        test_hook("filled");
        return 0;
}

/* A name is for commands to find the pod by: two live pods of one name would make it useless. */
static int check_name(struct engine *eng, const char *name, struct err *e)
{
        AUTO(pod_view_list_done) struct pod_view_list l = POD_VIEW_LIST_NULL;

        if (!name)
                return 0;
        if (pod_view_list(&eng->pods, POD_DIRS_ALL, POD_VIEW_MANIFEST, &l, e) < 0)
                return -1;
        for (size_t i = 0; i < l.n; i++)
                if (l.v[i]->name && strcmp(l.v[i]->name, name) == 0 &&
                    !pod_state_is_finished(l.v[i]->state))
                        return err_set(e, ERR_EXISTS, 0, "the name \"%s\" is taken by pod %s", name,
                                       l.v[i]->uuid.text);
        return 0;
}

/*
 * Once more, with whoever else wants a name kept out until this pod is where the name is seen: the lock is on the
 * directory pods/, and falls when the pod's maker ends or becomes the supervisor.
 */
static int claim_name(struct engine *eng, const char *name, struct err *e)
{
        int r;

        if (!name)
                return 0;
        if (eng->names_fd < 0) {
                AUTO_CLOSE int fd = fs_open_dir(eng->pods.pods_fd, ".");

                r = fd < 0 ? fd : flock_wait(fd, true, time_monotonic() + NAME_WAIT);
                if (r == -ETIMEDOUT)
                        return err_set(e, ERR_BUSY, 0,
                                       "other pods with names are being made; try again later");
                if (r < 0)
                        return err_set(e, ERR_INTERNAL, -r, "lock the pod directories");
                eng->names_fd = TAKE_FD(fd);
        }
        return check_name(eng, name, e);
}

int engine_prepare(struct engine *eng, const struct engine_request *req,
                   const struct image_import_options *import, struct pod *ret, struct err *e)
{
        AUTO(work_done)
        struct work w = {
                .eng = eng,
                .req = req,
                .manifest = BUF_NULL(LIMIT_MANIFEST_BYTES),
                .lock_fd = -1,
        };
        struct pod p = POD_NULL;
        int r = check_name(eng, req->pod_name, e);

        if (r == 0)
                r = req->manifest_path ? manifest_from_user(&w, e)
                                       : manifest_from_request(&w, import, e);
        if (r < 0 || check_apps(&w, e) < 0 || claim_name(eng, req->pod_name, e) < 0)
                return -1;
        if (pod_create(&eng->pods, &p, e) < 0)
                return -1;
        test_hook("created");
        if (fill_pod(&w, &p, e) < 0) {
                const struct uuid uuid = p.uuid;

                engine_note_aborted(&p, e);
                pod_done(&p);
                return err_wrap(e, "pod %s", uuid.text);
        }
        *ret = p;
        return 0;
}

void engine_note_aborted(const struct pod *p, const struct err *why)
{
        struct err ignored;

        if (p->fd < 0 || p->dir != POD_DIR_PREPARE)
                return;
        /* Best effort: it may be the full disk that is the reason. */
        (void)pod_write_aborted(p->fd, why->text, &ignored);
        test_hook("aborted-written");
}

static int publish(struct engine *eng, struct pod *p, struct err *e)
{
        if (pod_write_prepared(p->fd, e) < 0 || pod_sync(p, e) < 0)
                return -1;
        test_hook("synced");
        /* That took a while; only now it is true. */
        if (pod_write_prepared(p->fd, e) < 0)
                return -1;
        test_hook("prepared-written");
        return pod_to_prepared(&eng->pods, p, e) == POD_MOVED ? 0 : -1;
}

int engine_publish(struct engine *eng, struct pod *p, struct err *e)
{
        if (publish(eng, p, e) == 0)
                return 0;
        engine_note_aborted(p, e);
        return -1;
}
