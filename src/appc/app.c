/* SPDX-License-Identifier: Apache-2.0 */
#include "appc/app.h"

#include <stdlib.h>
#include <string.h>

#include "appc/parse_priv.h"
#include "util/limits.h"
#include "util/mem.h"

/* free, then what an absent member means */
static struct appc_app *app_zero(void)
{
        struct appc_app *app = xcalloc(1, sizeof(*app));

        app->isolators = APPC_ISOLATORS_NULL;
        return app;
}

struct appc_app *appc_app_new(void)
{
        struct appc_app *app = app_zero();

        app->user = xstrdup("0");
        app->group = xstrdup("0");
        return app;
}

void appc_port_done(struct appc_port *p)
{
        free(p->name);
        free(p->protocol);
}

struct appc_app *appc_app_free(struct appc_app *app)
{
        if (!app)
                return NULL;
        strv_done(&app->exec);
        strv_done(&app->pre_start);
        strv_done(&app->post_stop);
        free(app->user);
        free(app->group);
        free(app->gids);
        free(app->working_dir);
        kv_list_done(&app->env);
        for (size_t i = 0; i < app->n_mount_points; i++) {
                free(app->mount_points[i].name);
                free(app->mount_points[i].path);
        }
        free(app->mount_points);
        for (size_t i = 0; i < app->n_ports; i++)
                appc_port_done(&app->ports[i]);
        free(app->ports);
        appc_isolators_done(&app->isolators);
        kv_list_done(&app->user_annotations);
        kv_list_done(&app->user_labels);
        free(app);
        return NULL;
}

static int read_handlers(const struct doc *d, struct appc_app *app, struct err *e)
{
        struct doc array;
        bool seen[2] = { false, false };
        int r = doc_array(d, "eventHandlers", LIMIT_LIST_ENTRIES, &array, e);

        for (size_t i = 0; r > 0 && i < doc_len(&array); i++) {
                struct doc at = doc_item(&array, i);
                AUTO_FREE char *name = NULL;
                bool post;

                if (doc_expect(&at, json_type_object, e) < 0 ||
                    doc_dup(&at, "name", &doc_not_empty, &name, e) < 0)
                        return -1;
                post = strcmp(name, "post-stop") == 0;
                if (!post && strcmp(name, "pre-start") != 0)
                        return doc_err_at(&at, "name", e, "\"%.40s\" is no event", name);
                if (seen[post])
                        return doc_err_at(&at, "name", e, "\"%s\" is there twice", name);
                seen[post] = true;
                if (doc_strv(&at, "exec", &doc_anything, post ? &app->post_stop : &app->pre_start,
                             e) < 0)
                        return -1;
        }
        return r < 0 ? -1 : 0;
}

static int read_gids(const struct doc *d, struct appc_app *app, struct err *e)
{
        struct doc array;
        int r = doc_array(d, "supplementaryGIDs", LIMIT_LIST_ENTRIES, &array, e);

        if (r <= 0 || doc_len(&array) == 0)
                return r < 0 ? -1 : 0;
        app->gids = xcalloc(doc_len(&array), sizeof(*app->gids));
        for (size_t i = 0; i < doc_len(&array); i++) {
                struct doc at = doc_item(&array, i);
                int64_t gid;

                if (doc_expect(&at, json_type_int, e) < 0)
                        return -1;
                gid = json_object_get_int64(at.o);
                if (gid < 0 || gid >= UINT32_MAX) /* (gid_t)-1 means "leave as it is" */
                        return doc_err(&at, e, ERR_BAD_DATA, "%lld is no group id", (long long)gid);
                app->gids[app->n_gids++] = (gid_t)gid;
        }
        return 0;
}

static int read_mount_points(const struct doc *d, struct appc_app *app, struct err *e)
{
        struct doc array;
        int r = doc_array(d, "mountPoints", LIMIT_LIST_ENTRIES, &array, e);

        if (r <= 0 || doc_len(&array) == 0)
                return r < 0 ? -1 : 0;
        app->mount_points = xcalloc(doc_len(&array), sizeof(*app->mount_points));
        for (size_t i = 0; i < doc_len(&array); i++) {
                struct doc at = doc_item(&array, i);
                struct appc_mount_point *mp = &app->mount_points[app->n_mount_points++];

                if (doc_expect(&at, json_type_object, e) < 0 ||
                    doc_dup(&at, "name", &doc_name, &mp->name, e) < 0 ||
                    doc_dup(&at, "path", &doc_abs_path, &mp->path, e) < 0 ||
                    doc_bool(&at, "readOnly", &mp->read_only, e) < 0)
                        return -1;
        }
        return 0;
}

int appc_port_read(const struct doc *d, bool named, struct appc_port *ret, struct err *e)
{
        int64_t port = 0, count = 1;
        const char *name = "";
        int r;

        if (doc_expect(d, json_type_object, e) < 0 || doc_string(d, "name", &name, e) < 0)
                return -1;
        if ((named || name[0] != '\0') && doc_dup(d, "name", &doc_name, &ret->name, e) < 0)
                return -1;
        r = doc_dup_opt(d, "protocol", &doc_not_empty, &ret->protocol, e);
        if (r == 0)
                ret->protocol = xstrdup("tcp");
        if (r < 0)
                return -1;
        r = doc_int(d, "port", 1, 65535, &port, e);
        if (r == 0)
                return doc_err_at(d, "port", e, "is missing");
        if (r < 0 || doc_int(d, "count", 0, 65535, &count, e) < 0 ||
            doc_bool(d, "socketActivated", &ret->socket_activated, e) < 0)
                return -1;
        if (count == 0)
                count = 1; /* Go writes the zero it means as "not said" */
        if (port + count > 65536)
                return doc_err_at(d, "count", e, "%lld ports from %lld on are too many",
                                  (long long)count, (long long)port);
        ret->port = (uint16_t)port;
        ret->count = (uint16_t)count;
        return 0;
}

static int read_ports(const struct doc *d, struct appc_app *app, struct err *e)
{
        struct doc array;
        int r = doc_array(d, "ports", LIMIT_LIST_ENTRIES, &array, e);

        if (r <= 0 || doc_len(&array) == 0)
                return r < 0 ? -1 : 0;
        app->ports = xcalloc(doc_len(&array), sizeof(*app->ports));
        for (size_t i = 0; i < doc_len(&array); i++) {
                struct doc at = doc_item(&array, i);

                if (appc_port_read(&at, true, &app->ports[app->n_ports++], e) < 0)
                        return -1;
        }
        return 0;
}

static int read_working_dir(const struct doc *d, struct appc_app *app, struct err *e)
{
        const char *dir = "";

        if (doc_string(d, "workingDirectory", &dir, e) < 0)
                return -1;
        if (dir[0] == '\0')
                return 0;
        return doc_dup(d, "workingDirectory", &doc_abs_path, &app->working_dir, e);
}

int appc_app_read(const struct doc *d, struct appc_app **ret, struct err *e)
{
        AUTO(appc_app_freep) struct appc_app *app = app_zero();

        if (doc_strv(d, "exec", &doc_anything, &app->exec, e) < 0 || read_handlers(d, app, e) < 0 ||
            doc_dup(d, "user", &doc_not_empty, &app->user, e) < 0 ||
            doc_dup(d, "group", &doc_not_empty, &app->group, e) < 0 || read_gids(d, app, e) < 0 ||
            read_working_dir(d, app, e) < 0 ||
            doc_kv(d, "environment", &doc_env_name, LIMIT_ENV_ENTRIES, &app->env, e) < 0 ||
            read_mount_points(d, app, e) < 0 || read_ports(d, app, e) < 0 ||
            appc_isolators_read(d, true, &app->isolators, e) < 0 ||
            doc_map(d, "userAnnotations", &app->user_annotations, e) < 0 ||
            doc_map(d, "userLabels", &app->user_labels, e) < 0)
                return -1;
        *ret = TAKE_PTR(app);
        return 0;
}

static void add_strv(struct json_object *o, const char *key, const struct strv *s)
{
        struct json_object *array = json_add_array(o, key);

        for (size_t i = 0; i < s->n; i++)
                json_append_string(array, s->v[i]);
}

static void add_handlers(struct json_object *o, const struct appc_app *app)
{
        const struct strv *const exec[] = { &app->pre_start, &app->post_stop };
        static const char *const name[] = { "pre-start", "post-stop" };
        struct json_object *array = NULL;

        for (size_t i = 0; i < ARRAY_LEN(exec); i++) {
                struct json_object *handler;

                if (exec[i]->n == 0)
                        continue;
                array = array ? array : json_add_array(o, "eventHandlers");
                handler = json_object_new_object();
                json_add_string(handler, "name", name[i]);
                add_strv(handler, "exec", exec[i]);
                json_object_array_add(array, handler);
        }
}

static void add_mount_points(struct json_object *o, const struct appc_app *app)
{
        struct json_object *array = json_add_array(o, "mountPoints");

        for (size_t i = 0; i < app->n_mount_points; i++) {
                struct json_object *mp = json_object_new_object();

                json_add_string(mp, "name", app->mount_points[i].name);
                json_add_string(mp, "path", app->mount_points[i].path);
                if (app->mount_points[i].read_only)
                        json_add_bool(mp, "readOnly", true);
                json_object_array_add(array, mp);
        }
}

static void add_ports(struct json_object *o, const struct appc_app *app)
{
        struct json_object *array = json_add_array(o, "ports");

        for (size_t i = 0; i < app->n_ports; i++) {
                struct json_object *port = json_object_new_object();

                json_add_string(port, "name", app->ports[i].name);
                json_add_string(port, "protocol", app->ports[i].protocol);
                json_add_int(port, "port", app->ports[i].port);
                json_add_int(port, "count", app->ports[i].count);
                json_add_bool(port, "socketActivated", app->ports[i].socket_activated);
                json_object_array_add(array, port);
        }
}

struct json_object *appc_app_to_json(const struct appc_app *app)
{
        struct json_object *o = json_object_new_object();

        add_strv(o, "exec", &app->exec);
        add_handlers(o, app);
        json_add_string(o, "user", app->user);
        json_add_string(o, "group", app->group);
        if (app->n_gids > 0) {
                struct json_object *gids = json_add_array(o, "supplementaryGIDs");

                for (size_t i = 0; i < app->n_gids; i++)
                        json_object_array_add(gids, json_object_new_int64(app->gids[i]));
        }
        json_add_string(o, "workingDirectory", app->working_dir);
        if (app->env.n > 0)
                json_object_object_add(o, "environment", kv_list_to_json_array(&app->env));
        if (app->n_mount_points > 0)
                add_mount_points(o, app);
        if (app->n_ports > 0)
                add_ports(o, app);
        json_object_object_add(o, "isolators", appc_isolators_to_json(&app->isolators));
        if (json_object_array_length(json_object_object_get(o, "isolators")) == 0)
                json_object_object_del(o, "isolators");
        if (app->user_annotations.n > 0)
                json_object_object_add(o, "userAnnotations",
                                       kv_list_to_json_object(&app->user_annotations));
        if (app->user_labels.n > 0)
                json_object_object_add(o, "userLabels", kv_list_to_json_object(&app->user_labels));
        return o;
}

static void copy_strv(struct strv *to, const struct strv *from)
{
        for (size_t i = 0; i < from->n; i++)
                strv_add(to, from->v[i]);
}

static void copy_isolators(struct appc_isolators *to, const struct appc_isolators *from)
{
        *to = *from;
        to->caps = STRV_NULL;
        copy_strv(&to->caps, &from->caps);
        to->seccomp = STRV_NULL;
        copy_strv(&to->seccomp, &from->seccomp);
        to->seccomp_errno = xstrdup_null(from->seccomp_errno);
        to->sysctls = KV_LIST_NULL;
        kv_list_copy(&to->sysctls, &from->sysctls);
        to->apparmor_profile = xstrdup_null(from->apparmor_profile);
        to->selinux_context = xstrdup_null(from->selinux_context);
        to->ignored = STRV_NULL;
        copy_strv(&to->ignored, &from->ignored);
}

struct appc_app *appc_app_dup(const struct appc_app *app)
{
        struct appc_app *copy = app_zero();

        copy_strv(&copy->exec, &app->exec);
        copy_strv(&copy->pre_start, &app->pre_start);
        copy_strv(&copy->post_stop, &app->post_stop);
        copy->user = xstrdup(app->user);
        copy->group = xstrdup(app->group);
        if (app->n_gids > 0)
                copy->gids = xmemdup(app->gids, app->n_gids * sizeof(*app->gids));
        copy->n_gids = app->n_gids;
        copy->working_dir = xstrdup_null(app->working_dir);
        kv_list_copy(&copy->env, &app->env);
        copy->mount_points = xcalloc(app->n_mount_points + 1, sizeof(*copy->mount_points));
        for (size_t i = 0; i < app->n_mount_points; i++)
                copy->mount_points[copy->n_mount_points++] = (struct appc_mount_point){
                        .name = xstrdup(app->mount_points[i].name),
                        .path = xstrdup(app->mount_points[i].path),
                        .read_only = app->mount_points[i].read_only,
                };
        copy->ports = xcalloc(app->n_ports + 1, sizeof(*copy->ports));
        for (size_t i = 0; i < app->n_ports; i++) {
                copy->ports[i] = app->ports[i];
                copy->ports[i].name = xstrdup_null(app->ports[i].name);
                copy->ports[i].protocol = xstrdup_null(app->ports[i].protocol);
        }
        copy->n_ports = app->n_ports;
        copy_isolators(&copy->isolators, &app->isolators);
        kv_list_copy(&copy->user_annotations, &app->user_annotations);
        kv_list_copy(&copy->user_labels, &app->user_labels);
        return copy;
}
