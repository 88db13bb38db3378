/* SPDX-License-Identifier: Apache-2.0 */
/* Each isolator is a row: its name, and how its value is read. */
#include "appc/isolator.h"

#include <stdlib.h>
#include <string.h>

#include "appc/isolator_priv.h"
#include "appc/parse_priv.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/parse.h"

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
