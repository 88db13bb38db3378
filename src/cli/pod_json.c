/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pod_json.h"

#include <stdio.h>

#include "util/auto.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/limits.h"

void pod_text_networks(const struct pod_view *v, struct buf *out)
{
        for (size_t i = 0; i < v->networks.n; i++) {
                const struct pod_network *n = &v->networks.v[i];

                (void)buf_printf(out, "%s%s:", i ? ", " : "", n->name);
                if (n->ip4 || !n->ip6)
                        (void)buf_printf(out, "ip4=%s", n->ip4 ? n->ip4 : "");
                if (n->ip6)
                        (void)buf_printf(out, "%sip6=%s", n->ip4 ? "," : "", n->ip6);
        }
}

void pod_text_time(nsec t, char ret[static TIME_TEXT_MAX])
{
        if (t == 0)
                (void)snprintf(ret, TIME_TEXT_MAX, "0001-01-01 00:00:00 +0000 UTC");
        else
                time_format_go(t, NSEC_PER_MSEC, ret);
}

static void add_networks(struct engine *eng, const struct pod_view *v, struct json_object *o)
{
        AUTO(pod_done) struct pod p = POD_NULL;
        AUTO(buf_done) struct buf text = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        struct json_object *list;
        struct err e;

        if (v->networks.n == 0 || pod_open(&eng->pods, v->uuid.text, &p, &e) < 0 ||
            fs_read_file(p.fd, "net-info.json", &text) < 0 ||
            json_parse(text.data, text.len, LIMIT_STATE_FILE_BYTES, &list, &e) < 0)
                return;
        json_object_object_add(o, "networks", list);
}

static void add_time(struct json_object *o, const char *key, nsec t)
{
        if (t != 0)
                json_add_int(o, key, t);
}

static void add_map(struct json_object *o, const char *key, const struct kv_list *l)
{
        if (l->n > 0)
                json_object_object_add(o, key, kv_list_to_json_object(l));
}

/* Before the run an app has no state of its own; rkt calls it created. */
static enum app_state shown_state(const struct pod_view *v, const struct pod_view_app *a)
{
        return a->state == APP_UNKNOWN && v->state == POD_PREPARED ? APP_CREATED : a->state;
}

static const struct appc_app *app_manifest(const struct pod_view_app *a)
{
        return a->manifest ? a->manifest->app : NULL;
}

static void add_mounts(const struct pod_view *v, const struct pod_view_app *a,
                       struct json_object *o)
{
        struct json_object *list = NULL;

        for (size_t i = 0; a->manifest && i < a->manifest->n_mounts; i++) {
                const struct appc_mount *m = &a->manifest->mounts[i];
                const struct appc_volume *vol =
                        m->app_volume ? m->app_volume
                                      : appc_pod_manifest_volume(v->parsed, m->volume);
                struct json_object *one = json_object_new_object();

                if (!list)
                        list = json_add_array(o, "mounts");
                json_add_string(one, "name", m->volume);
                json_add_string(one, "container_path", m->path);
                json_add_string(one, "host_path", vol && vol->source ? vol->source : "");
                json_add_bool(one, "read_only", vol && vol->read_only);
                json_object_array_add(list, one);
        }
}

static struct json_object *app_json(const struct pod_view *v, const struct pod_view_app *a)
{
        struct json_object *o = json_object_new_object();
        const struct appc_app *app = app_manifest(a);

        json_add_string(o, "name", a->name);
        json_add_string(o, "state", app_state_name(shown_state(v, a)));
        add_time(o, "created_at", a->created_at ? a->created_at : v->created_at);
        add_time(o, "started_at", a->started_at);
        add_time(o, "finished_at", a->finished_at);
        if (a->state == APP_EXITED && a->exit_code >= 0)
                json_add_int(o, "exit_code", a->exit_code);
        json_add_string(o, "image_id", a->image_id);
        add_mounts(v, a, o);
        if (app) {
                add_map(o, "user_annotations", &app->user_annotations);
                add_map(o, "user_labels", &app->user_labels);
        }
        json_add_string(o, "image_name", a->image_name);
        json_add_string(o, "image_version", a->image_version);
        if (a->pid > 0)
                json_add_int(o, "pid", a->pid);
        if (a->signal)
                json_add_int(o, "signal", a->signal);
        if (a->oom)
                json_add_bool(o, "oom", true);
        return o;
}

static void add_apps(const struct pod_view *v, struct json_object *o)
{
        struct json_object *names, *apps;

        if (v->n_apps == 0)
                return;
        names = json_add_array(o, "app_names");
        for (size_t i = 0; i < v->n_apps; i++)
                json_append_string(names, v->apps[i].name);
        apps = json_add_array(o, "apps");
        for (size_t i = 0; i < v->n_apps; i++)
                json_object_array_add(apps, app_json(v, &v->apps[i]));
}

struct json_object *pod_json(struct engine *eng, const struct pod_view *v)
{
        struct json_object *o = json_object_new_object();

        json_add_string(o, "name", v->uuid.text);
        json_add_string(o, "state", pod_state_name(v->state));
        add_networks(eng, v, o);
        add_apps(v, o);
        if (v->created_at)
                json_add_int(o, "created_at", v->created_at / NSEC_PER_SEC);
        if (v->started_at)
                json_add_int(o, "started_at", v->started_at / NSEC_PER_SEC);
        if (v->parsed) {
                add_map(o, "user_annotations", &v->parsed->user_annotations);
                add_map(o, "user_labels", &v->parsed->user_labels);
        }
        json_add_string(o, "pod_name", v->name);
        if (v->pid > 0)
                json_add_int(o, "pid", v->pid);
        json_add_string(o, "cgroup", v->cgroup);
        if (v->finished_at)
                json_add_int(o, "finished_at", v->finished_at / NSEC_PER_SEC);
        if (v->has_exit_code)
                json_add_int(o, "exit_code", v->exit_code);
        json_add_string(o, "exit_reason", v->reason);
        json_add_string(o, "problem", v->problem);
        return o;
}
