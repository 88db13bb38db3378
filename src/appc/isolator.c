/* SPDX-License-Identifier: Apache-2.0 */
/* Each isolator is a row: its name, how its value is read, how it is written back. */
#include "appc/isolator.h"

#include <stdlib.h>
#include <string.h>

#include "appc/parse_priv.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/parse.h"

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

/*
 * Quantities are strings, or bare numbers as Go's decoder also takes them. Zero means nothing was
 * asked.
 */
static int read_quantity(const struct doc *value, const char *key, int64_t *ret_milli,
                         struct err *e)
{
        struct doc at = { .up = value, .key = key };
        struct json_object *o = NULL;
        int64_t milli;
        int r;

        if (!json_object_object_get_ex(value->o, key, &o) || !o)
                return 0;
        at.o = o;
        if (!json_object_is_type(o, json_type_int) && !json_object_is_type(o, json_type_double) &&
            doc_expect(&at, json_type_string, e) < 0)
                return -1;
        r = parse_quantity(json_object_get_string(o), &milli);
        if (r < 0)
                return doc_err(&at, e, ERR_BAD_DATA, "\"%.40s\" is %s", json_object_get_string(o),
                               r == -ERANGE ? "out of range" : "no quantity");
        *ret_milli = milli > 0 ? milli : -1;
        return 0;
}

/*
 * {"request":..,"limit":..}; "default":true would say "the default of all apps", which these
 * cannot be.
 */
static int read_resource(const struct doc *value, int64_t *request, int64_t *limit, struct err *e)
{
        bool as_default = false;

        if (doc_expect(value, json_type_object, e) < 0 ||
            doc_bool(value, "default", &as_default, e) < 0)
                return -1;
        if (as_default)
                return doc_err_at(value, "default", e, "must be false");
        if (read_quantity(value, "request", request, e) < 0 ||
            read_quantity(value, "limit", limit, e) < 0)
                return -1;
        if (*request > 0 && *limit > 0 && *request > *limit)
                return doc_err_at(value, "request", e, "is over the limit");
        return 0;
}

static int64_t whole(int64_t milli)
{
        return milli < 0 ? -1 : milli / 1000 + (milli % 1000 != 0);
}

static int read_memory(const struct doc *value, struct appc_isolators *ret, struct err *e)
{
        int64_t request = -1, limit = -1;

        if (read_resource(value, &request, &limit, e) < 0)
                return -1;
        ret->memory_request = whole(request);
        ret->memory_limit = whole(limit);
        return 0;
}

static int read_cpu(const struct doc *value, struct appc_isolators *ret, struct err *e)
{
        return read_resource(value, &ret->cpu_request_milli, &ret->cpu_limit_milli, e);
}

static int read_pids(const struct doc *value, struct appc_isolators *ret, struct err *e)
{
        int64_t request = -1, limit = -1;

        if (read_resource(value, &request, &limit, e) < 0)
                return -1;
        ret->pids_limit = whole(limit);
        return 0;
}

static int read_integer(const struct doc *value, int64_t min, int64_t max, int64_t *ret,
                        struct err *e)
{
        if (doc_expect(value, json_type_int, e) < 0)
                return -1;
        /* A look at the same value through its parent gives the range check and its text. */
        return doc_int(value->up, value->key, min, max, ret, e) < 0 ? -1 : 0;
}

static int read_cpu_shares(const struct doc *value, struct appc_isolators *ret, struct err *e)
{
        return read_integer(value, 2, 262144, &ret->cpu_shares, e); /* the kernel's own bounds */
}

static int read_oom_score(const struct doc *value, struct appc_isolators *ret, struct err *e)
{
        int64_t v;

        if (read_integer(value, -1000, 1000, &v, e) < 0) /* proc(5), oom_score_adj */
                return -1;
        ret->oom_score_adj_set = true;
        ret->oom_score_adj = (int)v;
        return 0;
}

static int read_no_new_privileges(const struct doc *value, struct appc_isolators *ret,
                                  struct err *e)
{
        if (doc_expect(value, json_type_boolean, e) < 0)
                return -1;
        ret->no_new_privileges = json_object_get_boolean(value->o);
        return 0;
}

static bool is_capability(const char *s)
{
        return strncmp(s, "CAP_", 4) == 0 && s[4] != '\0' &&
               s[4 + strspn(s + 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")] == '\0';
}

static bool is_syscall(const char *s)
{
        return s[0] != '\0' && s[strspn(s, "abcdefghijklmnopqrstuvwxyz"
                                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@./-")] == '\0';
}

static bool is_errno(const char *s)
{
        return s[0] == '\0' || (s[0] == 'E' && s[1] != '\0' &&
                                s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] == '\0');
}

static const struct doc_rule rule_capability = { is_capability, "is no capability (CAP_...)" };
static const struct doc_rule rule_syscall = { is_syscall, "is no system call" };
static const struct doc_rule rule_errno = { is_errno, "is no error name (E...)" };

/* {"set":[..]}, of which there may be one: retain and remove contradict each other. */
static int read_set(const struct doc *value, enum appc_set_mode mode, const struct doc_rule *rule,
                    enum appc_set_mode *ret_mode, struct strv *ret, struct err *e)
{
        if (*ret_mode != APPC_SET_NONE)
                return doc_err(value, e, ERR_BAD_DATA,
                               "a retain set and a remove set exclude each other");
        if (doc_expect(value, json_type_object, e) < 0 || doc_strv(value, "set", rule, ret, e) < 0)
                return -1;
        if (ret->n == 0)
                return doc_err_at(value, "set", e, "must not be empty");
        *ret_mode = mode;
        return 0;
}

static int read_caps_retain(const struct doc *value, struct appc_isolators *ret, struct err *e)
{
        return read_set(value, APPC_SET_RETAIN, &rule_capability, &ret->caps_mode, &ret->caps, e);
}

static int read_caps_remove(const struct doc *value, struct appc_isolators *ret, struct err *e)
{
        return read_set(value, APPC_SET_REMOVE, &rule_capability, &ret->caps_mode, &ret->caps, e);
}

static int read_seccomp(const struct doc *value, enum appc_set_mode mode,
                        struct appc_isolators *ret, struct err *e)
{
        if (read_set(value, mode, &rule_syscall, &ret->seccomp_mode, &ret->seccomp, e) < 0 ||
            doc_dup_opt(value, "errno", &rule_errno, &ret->seccomp_errno, e) < 0)
                return -1;
        if (ret->seccomp_errno && ret->seccomp_errno[0] == '\0') {
                free(ret->seccomp_errno);
                ret->seccomp_errno = NULL;
        }
        return 0;
}

static int read_seccomp_retain(const struct doc *value, struct appc_isolators *ret, struct err *e)
{
        return read_seccomp(value, APPC_SET_RETAIN, ret, e);
}

static int read_seccomp_remove(const struct doc *value, struct appc_isolators *ret, struct err *e)
{
        return read_seccomp(value, APPC_SET_REMOVE, ret, e);
}

static int read_selinux(const struct doc *value, struct appc_isolators *ret, struct err *e)
{
        static const char *const parts[] = { "user", "role", "type", "level" };
        AUTO_FREE char *text = xstrdup("");

        if (doc_expect(value, json_type_object, e) < 0)
                return -1;
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
                AUTO_FREE char *part = NULL;
                char *longer;

                if (doc_dup(value, parts[i], &doc_not_empty, &part, e) < 0)
                        return -1;
                longer = xasprintf("%s%s%s", text, i > 0 ? ":" : "", part);
                free(text);
                text = longer;
        }
        ret->selinux_context = TAKE_PTR(text);
        return 0;
}

static int read_apparmor(const struct doc *value, struct appc_isolators *ret, struct err *e)
{
        if (doc_expect(value, json_type_object, e) < 0)
                return -1;
        return doc_dup(value, "profile", &doc_not_empty, &ret->apparmor_profile, e);
}

static int read_sysctls(const struct doc *value, struct appc_isolators *ret, struct err *e)
{
        if (doc_expect(value, json_type_object, e) < 0)
                return -1;
        return doc_map(value->up, value->key, &ret->sysctls, e);
}

static int read_ignored(const struct doc *value, struct appc_isolators *ret, struct err *e)
{
        (void)ret;
        return doc_expect(value, json_type_object, e);
}

#define MEMORY         "resource/memory"
#define CPU            "resource/cpu"
#define PIDS           "resource/pids"
#define CPU_SHARES     "os/linux/cpu-shares"
#define OOM_SCORE_ADJ  "os/linux/oom-score-adj"
#define NO_NEW_PRIVS   "os/linux/no-new-privileges"
#define CAPS_RETAIN    "os/linux/capabilities-retain-set"
#define CAPS_REMOVE    "os/linux/capabilities-remove-set"
#define SECCOMP_RETAIN "os/linux/seccomp-retain-set"
#define SECCOMP_REMOVE "os/linux/seccomp-remove-set"
#define SELINUX        "os/linux/selinux-context"
#define APPARMOR       "os/linux/apparmor-profile"
#define SYSCTL         "os/unix/sysctl"

static const struct row {
        const char *name;
        int (*read)(const struct doc *value, struct appc_isolators *ret, struct err *e);
} rows[] = {
        { MEMORY, read_memory },
        { CPU, read_cpu },
        { PIDS, read_pids },
        { CPU_SHARES, read_cpu_shares },
        { OOM_SCORE_ADJ, read_oom_score },
        { NO_NEW_PRIVS, read_no_new_privileges },
        { CAPS_RETAIN, read_caps_retain },
        { CAPS_REMOVE, read_caps_remove },
        { SECCOMP_RETAIN, read_seccomp_retain },
        { SECCOMP_REMOVE, read_seccomp_remove },
        { SELINUX, read_selinux },
        { APPARMOR, read_apparmor },
        { SYSCTL, read_sysctls },
        { "resource/block-bandwidth", read_ignored },
        { "resource/block-iops", read_ignored },
        { "resource/network-bandwidth", read_ignored },
};

static int read_one(const struct doc *at, bool strict, unsigned *seen, struct appc_isolators *ret,
                    struct err *e)
{
        struct doc value = { .up = at, .key = "value" };
        AUTO_FREE char *name = NULL;
        size_t i = 0;

        if (doc_expect(at, json_type_object, e) < 0 ||
            doc_dup(at, "name", &doc_identifier, &name, e) < 0)
                return -1;
        while (i < ARRAY_LEN(rows) && strcmp(rows[i].name, name) != 0)
                i++;
        if (i == ARRAY_LEN(rows) && strict)
                return doc_err_at(at, "name", e, "\"%.80s\" is no isolator of an app", name);
        if (i == ARRAY_LEN(rows) || rows[i].read == read_ignored)
                strv_add(&ret->ignored, name);
        if (i == ARRAY_LEN(rows))
                return 0;
        if (*seen & 1u << i)
                return doc_err_at(at, "name", e, "\"%s\" is there twice", name);
        *seen |= 1u << i;
        (void)json_object_object_get_ex(at->o, "value", &value.o);
        return rows[i].read(&value, ret, e);
}

int appc_isolators_read(const struct doc *d, bool strict, struct appc_isolators *ret, struct err *e)
{
        struct doc array;
        unsigned seen = 0;
        int r = doc_array(d, "isolators", LIMIT_LIST_ENTRIES, &array, e);

        for (size_t i = 0; r > 0 && i < doc_len(&array); i++) {
                struct doc at = doc_item(&array, i);

                if (read_one(&at, strict, &seen, ret, e) < 0)
                        return -1;
        }
        return r < 0 ? -1 : 0;
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
