/* SPDX-License-Identifier: Apache-2.0 */
/* What the pod's manifest and the files of its apps say. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pod/app_image.h"
#include "pod/launch.h"
#include "pod/view_priv.h"
#include "util/auto.h"
#include "util/mem.h"

/* The bytes of `pod`, in memory of their own: they are the reply of the API. */
static bool read_manifest_bytes(struct reading *rd)
{
        struct stat st;
        AUTO_CLOSE int fd = view_open_regular(rd->podfd, "pod", &st);
        AUTO_FREE char *bytes = NULL;
        ssize_t n;

        if (fd < 0) {
                view_unreadable(rd, "pod", fd);
                return false;
        }
        if (st.st_size > (off_t)LIMIT_MANIFEST_BYTES) {
                view_unreadable(rd, "pod", -ENOBUFS);
                return false;
        }
        bytes = xmalloc((size_t)st.st_size + 2);
        n = view_read_whole(fd, bytes, (size_t)st.st_size);
        if (n < 0) {
                view_unreadable(rd, "pod", n);
                return false;
        }
        rd->v->manifest = TAKE_PTR(bytes);
        rd->v->manifest_len = (size_t)n;
        return true;
}

/* To rkt, and to us, an empty value and none are the same. */
static char *dup_unless_empty(const char *s)
{
        return s && s[0] != '\0' ? xstrdup(s) : NULL;
}

/* The annotation is the pod's own; launch.json names a pod whose manifest the user wrote. */
static void read_name(struct reading *rd)
{
        AUTO(pod_launch_done) struct pod_launch launch = POD_LAUNCH_NULL;
        const char *name = kv_list_get(&rd->v->parsed->annotations, POD_NAME_ANNOTATION);
        struct err e;
        ssize_t n;

        if (name) {
                rd->v->name = dup_unless_empty(name);
                return;
        }
        n = view_read_state(rd, "launch.json", false, NULL);
        if (n < 0 || !strstr(rd->r->bytes, "\"name\""))
                return; /* most pods have no name, and need no JSON parser to say so */
        if (pod_launch_parse(rd->r->bytes, (size_t)n, &launch, &e) < 0)
                view_problem(rd, "launch.json: %s", e.text);
        else
                rd->v->name = dup_unless_empty(launch.name);
}

static void read_image(struct reading *rd, struct pod_view_app *app)
{
        AUTO(app_image_done) struct app_image image = APP_IMAGE_NULL;
        char path[NAME_MAX + 32];
        struct err e;
        ssize_t n;

        (void)snprintf(path, sizeof(path), "appsinfo/%s/image.json", app->name);
        n = view_read_state(rd, path, true, NULL);
        if (n < 0)
                return;
        if (app_image_parse(rd->r->bytes, (size_t)n, &image, &e) < 0) {
                view_problem(rd, "%s: %s", path, e.text);
                return;
        }
        free(app->image_id);
        app->image_id = TAKE_PTR(image.id);
        free(app->image_name);
        app->image_name = TAKE_PTR(image.name);
        free(app->image_version);
        app->image_version = TAKE_PTR(image.version);
        app->format = image.format;
}

static void read_app_status(struct reading *rd, struct pod_view_app *app)
{
        struct app_status s = APP_STATUS_NULL;
        char path[NAME_MAX + 32];
        struct err e;
        ssize_t n;

        (void)snprintf(path, sizeof(path), "appsinfo/%s/status", app->name);
        n = view_read_state(rd, path, false, NULL);
        if (n >= 0 && app_status_parse(rd->r->bytes, (size_t)n, &s, &e) < 0)
                view_problem(rd, "%s: %s", path, e.text);
        /* Whoever would have written of its end is gone; how it ended is not known. */
        if (rd->v->state != POD_RUNNING && s.state != APP_EXITED) {
                s.state = APP_EXITED;
                s.exit_code = -1;
                s.signal = 0;
        }
        app->state = s.state;
        app->pid = s.state == APP_RUNNING ? s.pid : 0;
        app->main_pid = s.pid;
        app->created_at = s.created_at;
        app->started_at = s.started_at;
        app->finished_at = s.finished_at;
        app->exit_code = s.state == APP_EXITED ? s.exit_code : -1;
        app->signal = s.signal;
        app->oom = s.oom;
}

static void read_apps(struct reading *rd)
{
        struct pod_view *v = rd->v;
        bool ran = v->dir == POD_DIR_RUN || v->dir == POD_DIR_EXITED_GARBAGE;

        v->apps = xcalloc(v->parsed->n_apps + 1, sizeof(*v->apps));
        for (size_t i = 0; i < v->parsed->n_apps; i++) {
                const struct appc_pod_app *m = &v->parsed->apps[i];
                struct pod_view_app *app = &v->apps[v->n_apps++];

                app->name = xstrdup(m->name);
                app->manifest = m;
                app->annotations = &m->annotations;
                app->exit_code = -1;
                app->image_id = xstrdup(m->image_id);
                app->image_name = xstrdup_null(m->image_name);
                app->image_version = dup_unless_empty(kv_list_get(&m->image_labels, "version"));
                if (rd->want & POD_VIEW_IMAGES)
                        read_image(rd, app);
                if (rd->want & POD_VIEW_APPS && ran)
                        read_app_status(rd, app);
        }
}

void view_read_manifest(struct reading *rd)
{
        struct pod_view *v = rd->v;
        struct err e;

        if (!read_manifest_bytes(rd))
                return;
        if (appc_pod_manifest_parse(v->manifest, v->manifest_len, &v->parsed, &e) < 0) {
                view_problem(rd, "pod: %s", e.text);
                return;
        }
        read_name(rd);
        read_apps(rd);
}

/* The quick look; a manifest that it does not understand is parsed like any other. */
void view_read_names(struct reading *rd)
{
        struct pod_view *v = rd->v;
        ssize_t n = view_read_small(rd->r, rd->podfd, "pod", NULL);

        if (n < 0 || view_brief(rd->r->bytes, (size_t)n, v) < 0) {
                view_read_manifest(rd);
                return;
        }
        for (size_t i = 0; i < v->n_apps; i++)
                if (!v->apps[i].image_name)
                        read_image(rd, &v->apps[i]);
}
