/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json (OCI runtime specification 1.0) of one app. The namespaces that make a pod are joined by path; mount and, on
 * cgroup v2, cgroup namespaces are the app's own.
 */
#include "runtime/spec.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "appc/app.h"
#include "runtime/spec_priv.h"
#include "util/auto.h"
#include "util/json.h"
#include "util/mem.h"

#define APP_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Ours first, the app's on top: a later value of the same name replaces the earlier one. */
static void add_env(const struct runtime_spec *spec, const struct runtime_user *user,
                    struct json_object *process)
{
        AUTO(kv_list_done) struct kv_list env = KV_LIST_NULL;
        struct json_object *list = json_add_array(process, "env");

        kv_list_add(&env, "PATH", APP_PATH);
        kv_list_add(&env, "HOME", user->home ? user->home : "/");
        if (spec->terminal)
                kv_list_add(&env, "TERM", "xterm");
        for (size_t i = 0; i < spec->app->env.n; i++)
                kv_list_set(&env, spec->app->env.v[i].name, spec->app->env.v[i].value);
        /* What the specification promises is not the app's to change. */
        kv_list_set(&env, "AC_APP_NAME", spec->app_name);
        if (spec->metadata_url)
                kv_list_set(&env, "AC_METADATA_URL", spec->metadata_url);
        kv_list_set(&env, "container", "carob");
        for (size_t i = 0; i < env.n; i++) {
                AUTO_FREE char *line = xasprintf("%s=%s", env.v[i].name, env.v[i].value);

                json_append_string(list, line);
        }
}

static void add_user(const struct runtime_user *user, struct json_object *process)
{
        struct json_object *o = json_add_object(process, "user"), *groups;

        json_add_int(o, "uid", (int64_t)user->uid);
        json_add_int(o, "gid", (int64_t)user->gid);
        groups = json_add_array(o, "additionalGids");
        for (size_t i = 0; i < user->n_groups; i++)
                (void)json_object_array_add(groups,
                                            json_object_new_int64((int64_t)user->groups[i]));
}

static int add_process(const struct runtime_spec *spec, const struct runtime_user *user,
                       struct json_object *process, struct err *e)
{
        const struct strv *exec = spec->exec ? spec->exec : &spec->app->exec;
        struct json_object *args;

        if (exec->n == 0)
                return err_set(e, ERR_USAGE, 0,
                               "nothing to execute: the image names no program, so --exec must");
        json_add_bool(process, "terminal", spec->terminal);
        add_user(user, process);
        args = json_add_array(process, "args");
        for (size_t i = 0; i < exec->n; i++)
                json_append_string(args, exec->v[i]);
        add_env(spec, user, process);
        json_add_string(process, "cwd", spec->app->working_dir ? spec->app->working_dir : "/");
        return 0;
}

static void add_namespace(struct json_object *list, const char *type, pid_t pid, const char *file)
{
        struct json_object *o = json_object_new_object();

        json_add_string(o, "type", type);
        if (file) {
                char path[64];

                (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, file);
                json_add_string(o, "path", path);
        }
        (void)json_object_array_add(list, o);
}

static int add_namespaces(const struct runtime_spec *spec, struct json_object *linux_o,
                          struct err *e)
{
        struct json_object *list = json_add_array(linux_o, "namespaces");
        pid_t init = spec->init_pid;

        if (spec->await_init && spec->await_init(spec->await_arg, &init, e) < 0)
                return -1;
        add_namespace(list, "pid", init, "pid");
        add_namespace(list, "ipc", init, "ipc");
        add_namespace(list, "uts", init, "uts");
        if (!spec->host_network)
                add_namespace(list, "network", init, "net");
        add_namespace(list, "mount", 0, NULL);
        if (spec->cgroup_v2)
                add_namespace(list, "cgroup", 0, NULL);
        return 0;
}

static int add_all(const struct runtime_spec *spec, struct json_object *config, struct err *e)
{
        AUTO(runtime_user_done) struct runtime_user user = { 0 };
        const struct appc_app *app = spec->app;
        struct json_object *process, *root, *linux_o, *annotations;
        uint64_t caps, retained;

        if (runtime_user_resolve(spec->rootfs_fd, app->user, app->group, app->gids, app->n_gids,
                                 &user, e) < 0 ||
            capabilities_effective(&app->isolators, &caps, &retained, e) < 0 ||
            volumes_check_targets(spec->rootfs_fd, spec->volumes, e) < 0)
                return -1;
        json_add_string(config, "ociVersion", "1.0.0");
        process = json_add_object(config, "process");
        if (add_process(spec, &user, process, e) < 0)
                return -1;
        capabilities_to_json(caps, retained, user.uid, process);
        root = json_add_object(config, "root");
        json_add_string(root, "path", spec->rootfs);
        json_add_bool(root, "readonly", spec->read_only_rootfs);
        mounts_to_json(spec, config);
        linux_o = json_add_object(config, "linux");
        annotations = json_add_object(config, "annotations");
        paths_to_json(linux_o);
        json_add_string(linux_o, "cgroupsPath", spec->cgroups_path);
        if (spec->cgroups_path)
                devices_to_json(linux_o);
        if (security_to_json(&app->isolators, process, linux_o, e) < 0)
                return -1;
        if (seccomp_to_json(&app->isolators, caps, linux_o, annotations, e) < 0)
                return -1;
        return add_namespaces(spec, linux_o, e); /* last: it may have to wait */
}

int runtime_spec_write(const struct runtime_spec *spec, struct buf *out, struct err *e)
{
        AUTO_JSON struct json_object *config = json_object_new_object();

        if (add_all(spec, config, e) < 0)
                return err_wrap(e, "app %s", spec->app_name);
        if (json_print(config, false, out) < 0)
                return err_set(e, ERR_LIMIT, 0, "app %s: its configuration is too large",
                               spec->app_name);
        return 0;
}
