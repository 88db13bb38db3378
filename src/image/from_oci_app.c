/* SPDX-License-Identifier: Apache-2.0 */
#include "image/from_oci_priv.h"

#include <string.h>

#include "appc/names.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/strv.h"

enum { NAME_ROOM = 200 }; /* of the 255 an AC name may have; the rest is for "-<number>" */

static void annotate_words(const char *name, const struct strv *words, struct kv_list *annotations)
{
        AUTO_JSON struct json_object *a = json_object_new_array();
        AUTO(buf_done) struct buf text = BUF_NULL(LIMIT_MANIFEST_BYTES);

        if (words->n == 0)
                return;
        for (size_t i = 0; i < words->n; i++)
                json_append_string(a, words->v[i]);
        if (json_print(a, false, &text) == 0)
                kv_list_add(annotations, name, buf_str(&text));
}

static int add_exec(struct json_object *config, struct kv_list *annotations,
                    struct json_object *app, struct err *e)
{
        AUTO(strv_done) struct strv entrypoint = STRV_NULL, cmd = STRV_NULL;
        struct json_object *exec;

        if (json_get_strings_opt(config, "Entrypoint", LIMIT_LIST_ENTRIES, &entrypoint, e) < 0 ||
            json_get_strings_opt(config, "Cmd", LIMIT_LIST_ENTRIES, &cmd, e) < 0)
                return -1;
        annotate_words("appc.io/docker/entrypoint", &entrypoint, annotations);
        annotate_words("appc.io/docker/cmd", &cmd, annotations);
        exec = json_add_array(app, "exec");
        for (size_t i = 0; i < entrypoint.n; i++)
                json_append_string(exec, entrypoint.v[i]);
        for (size_t i = 0; i < cmd.n; i++)
                json_append_string(exec, cmd.v[i]);
        return 0;
}

/* "": root; "u": u and u; "u:g". An empty half is root's. */
static int add_user(struct json_object *config, struct json_object *app, struct err *e)
{
        AUTO_FREE char *copy = NULL;
        const char *text = NULL, *group;
        char *colon;

        if (json_get_string_opt(config, "User", &text, e) < 0)
                return -1;
        copy = xstrdup(text && text[0] ? text : "0");
        colon = strchr(copy, ':');
        if (colon)
                *colon = '\0';
        group = colon && colon[1] ? colon + 1 : copy;
        json_add_string(app, "user", copy[0] ? copy : "0");
        json_add_string(app, "group", group[0] ? group : "0");
        return 0;
}

static int add_working_dir(struct json_object *config, struct json_object *app, struct err *e)
{
        AUTO_FREE char *absolute = NULL;
        const char *dir = NULL;

        if (json_get_string_opt(config, "WorkingDir", &dir, e) < 0)
                return -1;
        if (!dir || !dir[0])
                return 0;
        absolute = xasprintf("%s%s", dir[0] == '/' ? "" : "/", dir);
        json_add_string(app, "workingDirectory", absolute);
        return 0;
}

static int add_env(struct json_object *config, struct json_object *app, struct err *e)
{
        AUTO(strv_done) struct strv list = STRV_NULL;
        AUTO(kv_list_done) struct kv_list env = KV_LIST_NULL;

        if (json_get_strings_opt(config, "Env", LIMIT_ENV_ENTRIES, &list, e) < 0)
                return -1;
        for (size_t i = 0; i < list.n; i++) {
                char *eq = strchr(list.v[i], '=');

                if (!eq)
                        continue;
                *eq = '\0';
                if (appc_env_name_is_valid(list.v[i]))
                        kv_list_set(&env, list.v[i], eq + 1);
        }
        if (env.n)
                json_object_object_add(app, "environment", kv_list_to_json_array(&env));
        return 0;
}

/*
 * Keys of an object whose values say nothing ({"80/tcp": {}}), sorted: JSON objects have no order.
 */
static int get_keys(struct json_object *config, const char *key, struct strv *ret, struct err *e)
{
        struct json_object *o = NULL;

        if (json_get_object_opt(config, key, &o, e) < 0)
                return -1;
        if (!o)
                return 0;
        if ((size_t)json_object_object_length(o) > LIMIT_LIST_ENTRIES)
                return err_set(e, ERR_LIMIT, 0, "%s: more than %u entries", key,
                               LIMIT_LIST_ENTRIES);
        json_object_object_foreach (o, name, value) {
                (void)value;
                strv_add(ret, name);
        }
        strv_sort(ret);
        return 0;
}

/* Cut to what leaves room for a serial number; valid again afterwards. NULL: nothing left. */
static char *bounded_name(const char *text)
{
        AUTO_FREE char *cut = xstrndup(text, NAME_ROOM);

        return appc_name_sanitize(cut);
}

static bool has_dotdot(const char *path)
{
        for (const char *p = path; (p = strstr(p, "..")); p += 2)
                if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
                        return true;
        return false;
}

struct named {      /* one mount point or port on its way to be sorted by name */
        char *base; /* owned; its name before it was made unique */
        unsigned serial;
        char *name; /* owned */
        struct json_object *o;
};

static int by_name(const void *a, const void *b)
{
        return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* Sorts, makes names unique ("x", "x-1", "x-2"), writes the list; releases the elements. */
static void add_named(struct json_object *app, const char *key, struct named *list, size_t n)
{
        struct json_object *array;

        if (n == 0)
                return;
        array = json_add_array(app, key);
        qsort(list, n, sizeof(*list), by_name);
        for (size_t i = 0; i < n; i++) {
                json_object_array_add(array, list[i].o);
                free(list[i].name);
                free(list[i].base);
        }
}

static bool name_taken(const struct named *list, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(list[i].name, name) == 0)
                        return true;
        return false;
}

/*
 * A new element, its name @base, or @base with the next number that is free. Takes over @base. The
 * count goes on where the last of the same base stopped, or a thousand equal names would cost a
 * billion comparisons.
 */
static struct named *add_unique(struct named *list, size_t *n, char *base)
{
        struct named *new = &list[*n];

        new->base = base;
        new->name = xstrdup(base);
        for (size_t i = 0; i < *n; i++)
                if (strcmp(list[i].base, base) == 0)
                        new->serial = list[i].serial;
        while (name_taken(list, *n, new->name)) {
                free(new->name);
                new->name = xasprintf("%s-%u", base, ++new->serial);
        }
        new->o = json_object_new_object();
        json_add_string(new->o, "name", new->name);
        ++*n;
        return new;
}

static int add_volumes(struct json_object *config, struct json_object *app, struct err *e)
{
        AUTO(strv_done) struct strv paths = STRV_NULL;
        AUTO_FREE struct named *list = NULL;
        size_t n = 0;

        if (get_keys(config, "Volumes", &paths, e) < 0)
                return -1;
        list = xcalloc(paths.n + 1, sizeof(*list));
        for (size_t i = 0; i < paths.n; i++) {
                const char *slash = paths.v[i][0] == '/' ? "" : "/";
                AUTO_FREE char *path = xasprintf("%s%s", slash, paths.v[i]);
                AUTO_FREE char *raw = xasprintf("volume%s", path);
                char *name = bounded_name(raw);

                if (!name || has_dotdot(path) || strlen(path) >= LIMIT_ARCHIVE_PATH_BYTES) {
                        free(name);
                        continue;
                }
                json_add_string(add_unique(list, &n, name)->o, "path", path);
        }
        add_named(app, "mountPoints", list, n);
        return 0;
}

/* "80", "80/tcp", "8000-8010/udp" */
static bool parse_port(const char *text, uint64_t *ret_port, uint64_t *ret_count, char **ret_proto)
{
        AUTO_FREE char *copy = xstrdup(text);
        char *slash = strchr(copy, '/'), *dash;
        const char *proto = slash ? slash + 1 : "tcp";
        uint64_t first, last;
        size_t len = strlen(proto);

        if (len == 0 || len > 16 || strspn(proto, "abcdefghijklmnopqrstuvwxyz0123456789") != len)
                return false;
        if (slash)
                *slash = '\0';
        dash = strchr(copy, '-');
        if (dash)
                *dash = '\0';
        if (parse_u64(copy, 1, 65535, &first) < 0)
                return false;
        last = first;
        if (dash && parse_u64(dash + 1, first, 65535, &last) < 0)
                return false;
        *ret_port = first;
        *ret_count = last - first + 1;
        *ret_proto = xstrdup(proto);
        return true;
}

static int add_ports(struct json_object *config, struct json_object *app, struct err *e)
{
        AUTO(strv_done) struct strv ports = STRV_NULL;
        AUTO_FREE struct named *list = NULL;
        size_t n = 0;

        if (get_keys(config, "ExposedPorts", &ports, e) < 0)
                return -1;
        list = xcalloc(ports.n + 1, sizeof(*list));
        for (size_t i = 0; i < ports.n; i++) {
                AUTO_FREE char *proto = NULL;
                uint64_t port, count;
                struct named *new;

                if (!parse_port(ports.v[i], &port, &count, &proto))
                        continue;
                new = add_unique(list, &n, bounded_name(ports.v[i]));
                json_add_string(new->o, "protocol", proto);
                json_add_int(new->o, "port", (int64_t)port);
                json_add_int(new->o, "count", (int64_t)count);
                json_add_bool(new->o, "socketActivated", false);
        }
        add_named(app, "ports", list, n);
        return 0;
}

static int add_user_labels(struct json_object *config, struct json_object *app, struct err *e)
{
        AUTO(kv_list_done) struct kv_list labels = KV_LIST_NULL;
        struct json_object *o = NULL;

        if (json_get_object_opt(config, "Labels", &o, e) < 0)
                return -1;
        if (!o)
                return 0;
        if ((size_t)json_object_object_length(o) > LIMIT_LIST_ENTRIES)
                return err_set(e, ERR_LIMIT, 0, "Labels: more than %u entries", LIMIT_LIST_ENTRIES);
        json_object_object_foreach (o, name, value) {
                const char *text;

                if (json_string_value(value, name, &text, e) < 0)
                        return err_wrap(e, "Labels");
                kv_list_add(&labels, name, text);
        }
        if (labels.n)
                json_object_object_add(app, "userLabels", kv_list_to_json_object(&labels));
        return 0;
}

int image_from_oci_app(struct json_object *config, struct kv_list *annotations,
                       struct json_object **ret_app, struct err *e)
{
        AUTO_JSON struct json_object *nothing = json_object_new_object();
        AUTO_JSON struct json_object *app = json_object_new_object();

        if (!config)
                config = nothing;
        /* The order of the members is that of Go's struct. */
        if (add_exec(config, annotations, app, e) < 0 || add_user(config, app, e) < 0 ||
            add_working_dir(config, app, e) < 0 || add_env(config, app, e) < 0 ||
            add_volumes(config, app, e) < 0 || add_ports(config, app, e) < 0 ||
            add_user_labels(config, app, e) < 0)
                return -1;
        *ret_app = TAKE_PTR(app);
        return 0;
}
