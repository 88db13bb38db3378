/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members stand in the order in which Go marshalled rkt's structures, and volumes, isolators, annotations and
 * ports are null when unset: clients compare. Differences on purpose: acVersion is the appc version, where rkt
 * put its own.
 */
#include "engine/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "appc/names.h"
#include "pod/view.h"
#include "util/json.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/version.h"

/* Annotations by which docker2aci told entrypoint and command apart; each is a JSON array of strings. */
#define DOCKER_ENTRYPOINT "appc.io/docker/entrypoint"
#define DOCKER_CMD        "appc.io/docker/cmd"

char *engine_app_default_name(const char *image_name)
{
        const char *slash = strrchr(image_name, '/');

        return appc_name_sanitize(slash ? slash + 1 : image_name);
}

static int append_json_strings(const char *text, struct strv *to)
{
        AUTO_JSON struct json_object *a = NULL;
        struct err e;

        if (json_parse(text, strlen(text), LIMIT_MANIFEST_BYTES, &a, &e) < 0 ||
            !json_object_is_type(a, json_type_array))
                return -1;
        for (size_t i = 0; i < json_object_array_length(a); i++) {
                const char *s;

                if (json_string_value(json_object_array_get_idx(a, i), "argument", &s, &e) < 0)
                        return -1;
                strv_add(to, s);
        }
        return 0;
}

/* An image from docker or OCI: arguments replace its command and follow its entrypoint, as its author expects. */
static bool exec_from_docker(const struct appc_image_manifest *m, struct strv *ret)
{
        const char *entry = kv_list_get(&m->annotations, DOCKER_ENTRYPOINT);
        const char *cmd = kv_list_get(&m->annotations, DOCKER_CMD);
        struct strv exec = STRV_NULL;

        if (!entry && !cmd)
                return false;
        if (entry && append_json_strings(entry, &exec) < 0) {
                strv_done(&exec);
                return false;
        }
        strv_done(ret);
        *ret = exec;
        return true;
}

static void apply_exec(struct appc_app *app, const struct engine_app *r,
                       const struct appc_image_manifest *m)
{
        if (r->exec) {
                strv_done(&app->exec);
                strv_add(&app->exec, r->exec);
        } else if (r->has_args && r->args.n > 0) {
                (void)exec_from_docker(m, &app->exec);
        }
        for (size_t i = 0; i < r->args.n; i++)
                strv_add(&app->exec, r->args.v[i]);
}

static void replace(char **old, const char *value)
{
        if (!value)
                return;
        free(*old);
        *old = xstrdup(value);
}

static void replace_strv(struct strv *old, const struct strv *value)
{
        strv_done(old);
        for (size_t i = 0; i < value->n; i++)
                strv_add(old, value->v[i]);
}

static void apply_number(int64_t *old, int64_t value)
{
        if (value >= 0)
                *old = value;
}

static void apply_isolators(struct appc_isolators *to, const struct appc_isolators *from)
{
        apply_number(&to->memory_limit, from->memory_limit);
        apply_number(&to->cpu_limit_milli, from->cpu_limit_milli);
        apply_number(&to->cpu_shares, from->cpu_shares);
        apply_number(&to->pids_limit, from->pids_limit);
        if (from->caps_mode != APPC_SET_NONE) {
                to->caps_mode = from->caps_mode;
                replace_strv(&to->caps, &from->caps);
        }
        if (from->seccomp_mode != APPC_SET_NONE) {
                to->seccomp_mode = from->seccomp_mode;
                replace_strv(&to->seccomp, &from->seccomp);
                free(to->seccomp_errno);
                to->seccomp_errno = xstrdup_null(from->seccomp_errno);
        }
        if (from->oom_score_adj_set) {
                to->oom_score_adj_set = true;
                to->oom_score_adj = from->oom_score_adj;
        }
}

/* Lowest first: the caller's environment, the image's, --set-env-file and --set-env, the app's own. */
static void apply_env(struct appc_app *app, const struct engine_request *req,
                      const struct engine_app *r, char *const *environ_)
{
        struct kv_list env = KV_LIST_NULL;

        for (char *const *p = req->inherit_env ? environ_ : NULL; p && *p; p++) {
                const char *eq = strchr(*p, '=');
                AUTO_FREE char *name = eq ? xstrndup(*p, (size_t)(eq - *p)) : NULL;

                if (name && appc_env_name_is_valid(name))
                        kv_list_set(&env, name, eq + 1);
        }
        for (size_t i = 0; i < app->env.n; i++)
                kv_list_set(&env, app->env.v[i].name, app->env.v[i].value);
        for (size_t i = 0; i < req->env.n; i++)
                kv_list_set(&env, req->env.v[i].name, req->env.v[i].value);
        for (size_t i = 0; i < r->env.n; i++)
                kv_list_set(&env, r->env.v[i].name, r->env.v[i].value);
        kv_list_done(&app->env);
        app->env = env;
}

static void apply_kv(struct kv_list *to, const struct kv_list *from)
{
        for (size_t i = 0; i < from->n; i++)
                kv_list_set(to, from->v[i].name, from->v[i].value);
}

static struct appc_app *effective_app(const struct engine_request *req, const struct engine_app *r,
                                      const struct appc_image_manifest *m, char *const *environ_)
{
        struct appc_app *app = m->app ? appc_app_dup(m->app) : appc_app_new();

        apply_exec(app, r, m);
        replace(&app->user, r->user);
        replace(&app->group, r->group);
        replace(&app->working_dir, r->working_dir);
        if (r->gids_set) {
                free(app->gids);
                app->gids = r->n_gids ? xmemdup(r->gids, r->n_gids * sizeof(*r->gids)) : NULL;
                app->n_gids = r->n_gids;
        }
        apply_env(app, req, r, environ_);
        apply_isolators(&app->isolators, &r->isolators);
        apply_kv(&app->user_annotations, &r->user_annotations);
        apply_kv(&app->user_labels, &r->user_labels);
        return app;
}

static bool has_volume(const struct engine_request *req, const char *name)
{
        for (size_t i = 0; i < req->n_volumes; i++)
                if (strcmp(req->volumes[i].name, name) == 0)
                        return true;
        return false;
}

static bool has_target(const struct engine_mounts *m, const char *path)
{
        for (size_t i = 0; i < m->n; i++)
                if (strcmp(m->v[i].path, path) == 0)
                        return true;
        return false;
}

static int add_mounts(struct json_object **list, const struct engine_request *req,
                      const struct engine_mounts *m, const struct engine_mounts *over,
                      struct err *e)
{
        for (size_t i = 0; i < m->n; i++) {
                struct json_object *o;

                if (!has_volume(req, m->v[i].volume))
                        return err_set(e, ERR_USAGE, 0,
                                       "--mount: no volume \"%s\"; define it with --volume",
                                       m->v[i].volume);
                if (over && has_target(over, m->v[i].path))
                        continue;
                if (!*list)
                        *list = json_object_new_array();
                o = json_object_new_object();
                json_add_string(o, "volume", m->v[i].volume);
                json_add_string(o, "path", m->v[i].path);
                json_object_array_add(*list, o);
        }
        return 0;
}

static int add_image(struct json_object *app, const struct engine_image *image)
{
        struct json_object *o = json_add_object(app, "image");

        json_add_string(o, "name", image->manifest->name);
        json_add_string(o, "id", image->id);
        if (image->manifest->labels.n > 0)
                json_object_object_add(o, "labels",
                                       kv_list_to_json_array(&image->manifest->labels));
        return 0;
}

static int add_app(struct json_object *apps, const struct engine_request *req,
                   const struct engine_app *r, const struct engine_image *image,
                   char *const *environ_, const char *name, struct err *e)
{
        AUTO(appc_app_freep)
        struct appc_app *app = effective_app(req, r, image->manifest, environ_);
        struct json_object *o, *mounts = NULL;

        if (app->exec.n == 0)
                return err_set(e, ERR_USAGE, 0,
                               "image %s names no command to run; give one with --exec", r->image);
        o = json_object_new_object();
        json_object_array_add(apps, o);
        json_add_string(o, "name", name);
        (void)add_image(o, image);
        json_object_object_add(o, "app", appc_app_to_json(app));
        if (r->read_only_rootfs)
                json_add_bool(o, "readOnlyRootFS", true);
        if (add_mounts(&mounts, req, &req->mounts, &r->mounts, e) < 0 ||
            add_mounts(&mounts, req, &r->mounts, NULL, e) < 0) {
                json_object_put(mounts);
                return -1;
        }
        if (mounts)
                json_object_object_add(o, "mounts", mounts);
        if (r->annotations.n > 0)
                json_object_object_add(o, "annotations", kv_list_to_json_array(&r->annotations));
        return 0;
}

static int app_name(const struct engine_app *r, const struct engine_image *image, char **ret,
                    struct err *e)
{
        *ret = r->name ? xstrdup(r->name) : engine_app_default_name(image->manifest->name);
        if (!*ret || !appc_name_is_valid(*ret))
                return err_set(e, ERR_USAGE, 0,
                               "image %s: \"%s\" cannot be an app's name; choose one with --name",
                               r->image, *ret ? *ret : "");
        return 0;
}

static int add_apps(struct json_object *apps, const struct engine_request *req,
                    const struct engine_image *images, char *const *environ_, struct err *e)
{
        AUTO(strv_done) struct strv names = STRV_NULL;

        for (size_t i = 0; i < req->n_apps; i++) {
                AUTO_FREE char *name = NULL;

                if (app_name(&req->apps[i], &images[i], &name, e) < 0)
                        return -1;
                if (strv_contains(&names, name))
                        return err_set(e, ERR_USAGE, 0,
                                       "two apps would be called \"%s\"; use --name after an image "
                                       "to choose another",
                                       name);
                if (add_app(apps, req, &req->apps[i], &images[i], environ_, name, e) < 0)
                        return -1;
                strv_add(&names, name);
        }
        return 0;
}

static struct json_object *volume_to_json(const struct appc_volume *v)
{
        struct json_object *o = json_object_new_object();
        char mode[8];

        json_add_string(o, "name", v->name);
        json_add_string(o, "kind", v->kind == APPC_VOLUME_HOST ? "host" : "empty");
        json_add_string(o, "source", v->source);
        if (v->read_only)
                json_add_bool(o, "readOnly", true);
        if (v->kind == APPC_VOLUME_HOST) {
                json_add_bool(o, "recursive", v->recursive);
                return o;
        }
        (void)snprintf(mode, sizeof(mode), "0%03o", (unsigned)v->mode & 07777);
        json_add_string(o, "mode", mode);
        json_add_int(o, "uid", v->uid);
        json_add_int(o, "gid", v->gid);
        return o;
}

static int add_volumes(struct json_object *pod, const struct engine_request *req, struct err *e)
{
        struct json_object *list;

        for (size_t i = 0; i < req->n_volumes; i++)
                for (size_t j = 0; j < i; j++)
                        if (strcmp(req->volumes[i].name, req->volumes[j].name) == 0)
                                return err_set(e, ERR_USAGE, 0, "--volume: \"%s\" is defined twice",
                                               req->volumes[i].name);
        if (req->n_volumes == 0) {
                json_object_object_add(pod, "volumes", NULL);
                return 0;
        }
        list = json_add_array(pod, "volumes");
        for (size_t i = 0; i < req->n_volumes; i++)
                json_object_array_add(list, volume_to_json(&req->volumes[i]));
        return 0;
}

/* rkt told mutable pods apart by this annotation, and its clients still look for it. */
static struct json_object *pod_annotations(const struct engine_request *req)
{
        struct kv_list l = KV_LIST_NULL;
        struct json_object *o;

        kv_list_set(&l, "coreos.com/rkt/stage1/mutable", "false");
        apply_kv(&l, &req->annotations);
        if (req->pod_name)
                kv_list_set(&l, POD_NAME_ANNOTATION, req->pod_name);
        o = kv_list_to_json_array(&l);
        kv_list_done(&l);
        return o;
}

int engine_manifest_build(const struct engine_request *req, const struct engine_image *images,
                          char *const *environ_, struct buf *out, struct err *e)
{
        AUTO_JSON struct json_object *pod = json_object_new_object();

        json_add_string(pod, "acVersion", CAROB_APPC_VERSION);
        json_add_string(pod, "acKind", "PodManifest");
        if (add_apps(json_add_array(pod, "apps"), req, images, environ_, e) < 0 ||
            add_volumes(pod, req, e) < 0)
                return -1;
        json_object_object_add(pod, "isolators", NULL);
        json_object_object_add(pod, "annotations", pod_annotations(req));
        json_object_object_add(pod, "ports", NULL);
        if (req->user_annotations.n > 0)
                json_object_object_add(pod, "userAnnotations",
                                       kv_list_to_json_object(&req->user_annotations));
        if (req->user_labels.n > 0)
                json_object_object_add(pod, "userLabels",
                                       kv_list_to_json_object(&req->user_labels));
        if (json_print(pod, false, out) < 0)
                return err_set(e, ERR_LIMIT, 0, "the pod manifest would be over %zu bytes",
                               out->max);
        return 0;
}
