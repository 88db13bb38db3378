/* SPDX-License-Identifier: Apache-2.0 */
#include "appc/isolator.h"

#include <stdlib.h>
#include <string.h>

#include "appc/isolator_priv.h"
#include "util/json.h"
#include "util/mem.h"

void appc_isolators_done(struct appc_isolators *i)
{
        strv_done(&i->caps);
        strv_done(&i->seccomp);
        free(i->seccomp_errno);
        kv_list_done(&i->sysctls);
        free(i->apparmor_profile);
        free(i->selinux_context);
        strv_done(&i->ignored);
        *i = APPC_ISOLATORS_NULL;
}

static void put(struct json_object *array, const char *name, struct json_object *value)
{
        struct json_object *o = json_object_new_object();

        json_add_string(o, "name", name);
        json_object_object_add(o, "value", value);
        json_object_array_add(array, o);
}

static void add_quantity(struct json_object *o, const char *key, int64_t v, const char *unit)
{
        AUTO_FREE char *text = v >= 0 ? xasprintf("%lld%s", (long long)v, unit) : NULL;

        json_add_string(o, key, text);
}

static void put_resource(struct json_object *array, const char *name, int64_t request,
                         int64_t limit, const char *unit)
{
        struct json_object *value;

        if (request < 0 && limit < 0)
                return;
        value = json_object_new_object();
        json_add_bool(value, "default", false);
        add_quantity(value, "request", request, unit);
        add_quantity(value, "limit", limit, unit);
        put(array, name, value);
}

static void put_set(struct json_object *array, const char *name, const struct strv *set,
                    const char *errno_name)
{
        struct json_object *value = json_object_new_object();
        struct json_object *list = json_add_array(value, "set");

        for (size_t i = 0; i < set->n; i++)
                json_append_string(list, set->v[i]);
        json_add_string(value, "errno", errno_name);
        put(array, name, value);
}

static void put_selinux(struct json_object *array, const char *context)
{
        static const char *const parts[] = { "user", "role", "type" };
        struct json_object *value = json_object_new_object();

        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
                size_t len = strcspn(context, ":");

                json_object_object_add(value, parts[i],
                                       json_object_new_string_len(context, (int)len));
                context += context[len] == ':' ? len + 1 : len;
        }
        json_add_string(value, "level", context); /* may hold ':' itself */
        put(array, SELINUX, value);
}

struct json_object *appc_isolators_to_json(const struct appc_isolators *i)
{
        struct json_object *array = json_object_new_array(), *value;

        put_resource(array, MEMORY, i->memory_request, i->memory_limit, "");
        put_resource(array, CPU, i->cpu_request_milli, i->cpu_limit_milli, "m");
        put_resource(array, PIDS, -1, i->pids_limit, "");
        if (i->cpu_shares >= 0)
                put(array, CPU_SHARES, json_object_new_int64(i->cpu_shares));
        if (i->oom_score_adj_set)
                put(array, OOM_SCORE_ADJ, json_object_new_int(i->oom_score_adj));
        if (i->no_new_privileges)
                put(array, NO_NEW_PRIVS, json_object_new_boolean(true));
        if (i->caps_mode != APPC_SET_NONE)
                put_set(array, i->caps_mode == APPC_SET_RETAIN ? CAPS_RETAIN : CAPS_REMOVE,
                        &i->caps, NULL);
        if (i->seccomp_mode != APPC_SET_NONE)
                put_set(array, i->seccomp_mode == APPC_SET_RETAIN ? SECCOMP_RETAIN : SECCOMP_REMOVE,
                        &i->seccomp, i->seccomp_errno);
        if (i->selinux_context)
                put_selinux(array, i->selinux_context);
        if (i->apparmor_profile) {
                value = json_object_new_object();
                json_add_string(value, "profile", i->apparmor_profile);
                put(array, APPARMOR, value);
        }
        if (i->sysctls.n > 0)
                put(array, SYSCTL, kv_list_to_json_object(&i->sysctls));
        return array;
}
