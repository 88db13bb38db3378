/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of the ledger. What has happened has a time, if only 0 for one that is not known; what has not is not there:
 * {"uuid":..,"name":..,"created_at":N,"started_at":N,"pid":N,"finished_at":N,"exit_code":N,"collected_at":N,"apps":[..]}
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "appc/names.h"
#include "pod/past.h"
#include "util/json.h"
#include "util/ledger.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/utf8.h"

void pod_past_done(struct pod_past *p)
{
        for (size_t i = 0; i < p->n_apps; i++) {
                free(p->apps[i].name);
                free(p->apps[i].image_id);
                free(p->apps[i].image_name);
        }
        free(p->apps);
        free(p->name);
        free(p->reason);
        *p = POD_PAST_NULL;
}

/* Absent: it has not happened. */
static int get_time(struct json_object *o, const char *key, bool *ret_happened, nsec *ret,
                    struct err *e)
{
        int64_t at = -1;

        if (json_get_int_opt(o, key, 0, INT64_MAX, &at, e) < 0)
                return -1;
        *ret_happened = at >= 0;
        *ret = at >= 0 ? at : 0;
        return 0;
}

static int get_int(struct json_object *o, const char *key, int min, int max, int *ret,
                   struct err *e)
{
        int64_t n = *ret;

        if (json_get_int_opt(o, key, min, max, &n, e) < 0)
                return -1;
        *ret = (int)n;
        return 0;
}

static int get_text(struct json_object *o, const char *key, char **ret, struct err *e)
{
        const char *s;

        if (json_get_string_opt(o, key, &s, e) < 0)
                return -1;
        *ret = s && s[0] != '\0' ? xstrdup(s) : NULL;
        return 0;
}

static int parse_app(struct json_object *o, struct pod_past_app *app, struct err *e)
{
        bool started;

        app->exit_code = -1;
        if (get_text(o, "name", &app->name, e) < 0 ||
            get_text(o, "image_id", &app->image_id, e) < 0 ||
            get_text(o, "image_name", &app->image_name, e) < 0 ||
            get_time(o, "started_at", &started, &app->started_at, e) < 0 ||
            get_time(o, "finished_at", &app->ended, &app->finished_at, e) < 0 ||
            get_int(o, "pid", 1, INT_MAX, &app->pid, e) < 0 ||
            get_int(o, "exit_code", 0, 255, &app->exit_code, e) < 0 ||
            get_int(o, "signal", 1, 127, &app->signal, e) < 0 ||
            json_get_bool_opt(o, "oom", &app->oom, e) < 0)
                return -1;
        if (!app->name || !appc_name_is_valid(app->name))
                return err_set(e, ERR_BAD_DATA, 0, "\"name\" is no name of an app");
        return 0;
}

static int parse_apps(struct json_object *o, struct pod_past *p, struct err *e)
{
        struct json_object *apps = NULL;
        size_t n;

        if (json_get_array_opt(o, "apps", LIMIT_POD_APPS, &apps, e) < 0)
                return -1;
        n = apps ? json_object_array_length(apps) : 0;
        p->apps = n > 0 ? xcalloc(n, sizeof(*p->apps)) : NULL;
        while (p->n_apps < n) {
                struct json_object *one = json_object_array_get_idx(apps, p->n_apps);

                if (parse_app(one, &p->apps[p->n_apps++], e) < 0)
                        return err_wrap(e, "apps[%zu]", p->n_apps - 1);
        }
        return 0;
}

static int parse_pod(struct json_object *o, struct pod_past *p, struct err *e)
{
        const char *uuid;
        bool created;

        if (json_get_string(o, "uuid", &uuid, e) < 0)
                return -1;
        if (!uuid_is_valid(uuid))
                return err_set(e, ERR_BAD_DATA, 0, "\"uuid\" is no id of a pod");
        memcpy(p->uuid.text, uuid, sizeof(p->uuid.text));
        if (get_text(o, "name", &p->name, e) < 0 ||
            get_time(o, "created_at", &created, &p->created_at, e) < 0 ||
            get_time(o, "prepared_at", &p->prepared, &p->prepared_at, e) < 0 ||
            get_time(o, "aborted_at", &p->aborted, &p->aborted_at, e) < 0 ||
            get_time(o, "started_at", &p->started, &p->started_at, e) < 0 ||
            get_time(o, "finished_at", &p->exited, &p->finished_at, e) < 0 ||
            get_time(o, "collected_at", &p->collected, &p->collected_at, e) < 0 ||
            get_int(o, "pid", 1, INT_MAX, &p->pid, e) < 0 ||
            get_int(o, "exit_code", 0, 255, &p->exit_code, e) < 0 ||
            get_int(o, "signal", 1, 127, &p->signal, e) < 0 ||
            get_text(o, "reason", &p->reason, e) < 0)
                return -1;
        if (p->reason)
                p->reason[utf8_cut(p->reason, strlen(p->reason), POD_REASON_MAX)] = '\0';
        return parse_apps(o, p, e);
}

int pod_past_parse(const void *data, size_t len, struct pod_past *ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        AUTO(pod_past_done) struct pod_past p = POD_PAST_NULL;

        if (json_parse(data, len, LEDGER_LINE_MAX, &o, e) < 0 || parse_pod(o, &p, e) < 0)
                return -1;
        *ret = p;
        p = POD_PAST_NULL;
        return 0;
}

static void add_time(struct json_object *o, const char *key, bool happened, nsec at)
{
        if (happened)
                json_add_int(o, key, at > 0 ? at : 0);
}

static void add_above(struct json_object *o, const char *key, int n, int none)
{
        if (n > none)
                json_add_int(o, key, n);
}

static void add_app(struct json_object *array, const struct pod_past_app *app)
{
        struct json_object *o = json_object_new_object();

        json_object_array_add(array, o);
        json_add_string(o, "name", app->name);
        json_add_string(o, "image_id", app->image_id);
        json_add_string(o, "image_name", app->image_name);
        add_time(o, "started_at", app->started_at > 0, app->started_at);
        add_time(o, "finished_at", app->ended, app->finished_at);
        add_above(o, "pid", app->pid, 0);
        add_above(o, "exit_code", app->exit_code, -1);
        add_above(o, "signal", app->signal, 0);
        if (app->oom)
                json_add_bool(o, "oom", true);
}

int pod_past_print(const struct pod_past *p, struct buf *out)
{
        AUTO_JSON struct json_object *o = json_object_new_object();

        json_add_string(o, "uuid", p->uuid.text);
        json_add_string(o, "name", p->name);
        add_time(o, "created_at", p->created_at > 0, p->created_at);
        add_time(o, "prepared_at", p->prepared, p->prepared_at);
        add_time(o, "aborted_at", p->aborted, p->aborted_at);
        add_time(o, "started_at", p->started, p->started_at);
        add_above(o, "pid", p->pid, 0);
        add_time(o, "finished_at", p->exited, p->finished_at);
        add_above(o, "exit_code", p->exit_code, -1);
        add_above(o, "signal", p->signal, 0);
        json_add_string(o, "reason", p->reason);
        add_time(o, "collected_at", p->collected, p->collected_at);
        if (p->n_apps > 0) {
                struct json_object *apps = json_add_array(o, "apps");

                for (size_t i = 0; i < p->n_apps; i++)
                        add_app(apps, &p->apps[i]);
        }
        return json_print(o, false, out);
}
