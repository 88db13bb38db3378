/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/plan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/auto.h"
#include "util/buf.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"

void plan_done(struct plan *p)
{
        for (size_t i = 0; i < p->n_apps; i++) {
                appc_image_manifest_free(p->apps[i].image_manifest);
                app_image_done(&p->apps[i].image);
        }
        free(p->apps);
        pod_launch_done(&p->launch);
        appc_pod_manifest_free(p->manifest);
        *p = PLAN_NULL;
}

static int read_file(int dirfd, const char *path, struct buf *out, struct err *e)
{
        int r = fs_read_file(dirfd, path, out);

        if (r < 0)
                return err_set(e, r == -ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, -r, "read %s", path);
        return 0;
}

static int read_manifest(int pod_fd, struct plan *p, struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(LIMIT_MANIFEST_BYTES);

        if (read_file(pod_fd, "pod", &text, e) < 0)
                return -1;
        if (appc_pod_manifest_parse(text.data, text.len, &p->manifest, e) < 0)
                return err_wrap(e, "pod manifest");
        if (p->manifest->n_apps == 0)
                return err_set(e, ERR_BAD_DATA, 0, "pod manifest: a pod without apps cannot run");
        return 0;
}

static int read_launch(int pod_fd, struct plan *p, struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        int r = fs_read_file(pod_fd, "launch.json", &text);

        if (r == -ENOENT)
                return 0; /* the defaults */
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "read launch.json");
        if (pod_launch_parse(text.data, text.len, &p->launch, e) < 0)
                return err_wrap(e, "launch.json");
        return 0;
}

static int read_app(int pod_fd, struct plan_app *a, struct err *e)
{
        AUTO(buf_done) struct buf image = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        AUTO(buf_done) struct buf manifest = BUF_NULL(LIMIT_MANIFEST_BYTES);
        AUTO_CLOSE int dir = -1;
        char path[sizeof("appsinfo/") + NAME_MAX];

        if (snprintf(path, sizeof(path), "appsinfo/%s", a->papp->name) >= (int)sizeof(path))
                return err_set(e, ERR_LIMIT, 0, "app name %.300s is too long", a->papp->name);
        dir = fs_open_dir(pod_fd, path);
        if (dir < 0)
                return err_set(e, ERR_INTERNAL, -dir, "open %s", path);
        if (read_file(dir, "image.json", &image, e) < 0 ||
            app_image_parse(image.data, image.len, &a->image, e) < 0)
                return err_wrap(e, "%s", path);
        a->app = a->papp->app;
        if (a->app)
                return 0;
        if (read_file(dir, "manifest", &manifest, e) < 0 ||
            appc_image_manifest_parse(manifest.data, manifest.len, &a->image_manifest, e) < 0)
                return err_wrap(e, "%s", path);
        a->app = a->image_manifest->app;
        if (!a->app)
                return err_set(e, ERR_BAD_DATA, 0, "app %s: neither pod nor image say what to run",
                               a->papp->name);
        return 0;
}

/* Said rather than done or kept quiet: whoever wrote them relies on them. */
static void warn_of_handlers(const struct plan_app *a)
{
        if (a->app->pre_start.n > 0 || a->app->post_stop.n > 0)
                log_warning(
                        "app %s: its event handlers (pre-start, post-stop) are not run by this version",
                        a->papp->name);
}

static int read_all(int pod_fd, struct plan *p, struct err *e)
{
        if (read_manifest(pod_fd, p, e) < 0 || read_launch(pod_fd, p, e) < 0)
                return -1;
        p->apps = xcalloc(p->manifest->n_apps, sizeof(*p->apps));
        for (; p->n_apps < p->manifest->n_apps; p->n_apps++) {
                p->apps[p->n_apps].papp = &p->manifest->apps[p->n_apps];
                if (read_app(pod_fd, &p->apps[p->n_apps], e) < 0) {
                        p->n_apps++; /* what was read of it is freed too */
                        return -1;
                }
                warn_of_handlers(&p->apps[p->n_apps]);
        }
        return 0;
}

int plan_read(int pod_fd, struct plan *ret, struct err *e)
{
        struct plan p = PLAN_NULL;

        if (read_all(pod_fd, &p, e) < 0) {
                plan_done(&p);
                return -1;
        }
        *ret = p;
        return 0;
}
