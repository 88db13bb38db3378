/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp policy of an app: the default profile, changed by the isolators as rkt defined them.
 *
 *      none                            the default profile
 *      retain set                      only these calls, and the default profile's where a set like @rkt/default-whitelist says so
 *      remove set                      all calls but these; with @rkt/default-blacklist the default profile without these
 *      retain @appc.io/all, remove @appc.io/empty      everything
 *
 * A call outside of the policy ends in the isolator's errno, or without one kills the process.
 *
 * It is written twice: as the specification has it, and (annotation) as the program that crun takes ready-made.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "runtime/seccomp_priv.h"
#include "runtime/spec_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/mem.h"

#define PROFILE        "/usr/share/containers/seccomp.json"
#define BPF_ANNOTATION "run.oci.seccomp_bpf_data"

enum { ERRNO_MAX = 4095 };

static int load_default(uint64_t caps, struct seccomp_policy *ret, struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(SECCOMP_PROFILE_BYTES_MAX);
        struct utsname uts = { 0 };
        int r = fs_read_file(AT_FDCWD, PROFILE, &text);

        if (r == -ENOENT || r == -ENOTDIR) {
                seccomp_profile_builtin(caps, ret);
                return 0;
        }
        /* A profile that is there and cannot be used is the administrator's to know, not ours to ignore. */
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "read %s", PROFILE);
        (void)uname(&uts);
        return seccomp_profile_parse(text.data, text.len, caps, uts.release, ret, e) < 0
                       ? err_wrap(e, "seccomp profile %s", PROFILE)
                       : 0;
}

static int outside_action(const struct appc_isolators *iso, uint32_t *ret, struct err *e)
{
        if (!iso->seccomp_errno || !*iso->seccomp_errno) {
                *ret = SECCOMP_RET_KILL_PROCESS;
                return 0;
        }
        for (int i = 1; i < ERRNO_MAX; i++) {
                const char *name = strerrorname_np(i);

                if (name && strcmp(name, iso->seccomp_errno) == 0) {
                        *ret = SECCOMP_RET_ERRNO | (uint32_t)i;
                        return 0;
                }
        }
        return err_set(e, ERR_BAD_DATA, 0, "seccomp: there is no errno \"%s\"", iso->seccomp_errno);
}

/* What the @sets of an isolator mean together, and its plain names. */
struct sets {
        bool all;      /* @appc.io/all */
        bool standard; /* the default profile's list, allowed or denied */
};

static int read_sets(const struct appc_isolators *iso, struct sets *ret, struct err *e)
{
        bool retain = iso->seccomp_mode == APPC_SET_RETAIN;

        *ret = (struct sets){ 0 };
        for (size_t i = 0; i < iso->seccomp.n; i++) {
                const char *s = iso->seccomp.v[i];

                if (*s != '@' || strcmp(s, "@appc.io/empty") == 0)
                        continue;
                if (strcmp(s, "@appc.io/all") == 0)
                        ret->all = true;
                else if (retain ? strcmp(s, "@rkt/default-whitelist") == 0 ||
                                          strcmp(s, "@docker/default-whitelist") == 0
                                : strcmp(s, "@rkt/default-blacklist") == 0 ||
                                          strcmp(s, "@docker/default-blacklist") == 0)
                        ret->standard = true;
                else
                        return err_set(e, ERR_BAD_DATA, 0,
                                       "seccomp %s set: \"%s\" is not a set that is known here",
                                       retain ? "retain" : "remove", s);
        }
        return 0;
}

/* The isolator's own names go first: the first rule that fits decides. */
static void add_names(const struct appc_isolators *iso, uint32_t action, struct seccomp_policy *p)
{
        for (size_t i = 0; i < iso->seccomp.n; i++)
                if (*iso->seccomp.v[i] != '@')
                        (void)seccomp_policy_add(p, iso->seccomp.v[i], action);
}

static void append(struct seccomp_policy *p, const struct seccomp_policy *from)
{
        for (size_t i = 0; i < from->n; i++) {
                struct seccomp_rule *r =
                        seccomp_policy_add(p, from->rules[i].name, from->rules[i].action);

                r->n_args = from->rules[i].n_args;
                memcpy(r->args, from->rules[i].args, sizeof(r->args));
        }
}

/* 1: *ret is the policy; 0: none, everything is allowed; -1. */
static int make_policy(const struct appc_isolators *iso, uint64_t caps, struct seccomp_policy *ret,
                       struct err *e)
{
        AUTO(seccomp_policy_done) struct seccomp_policy standard = SECCOMP_POLICY_NULL;
        bool retain = iso->seccomp_mode == APPC_SET_RETAIN;
        uint32_t outside = SECCOMP_RET_KILL_PROCESS;
        struct sets sets;

        if (iso->seccomp_mode == APPC_SET_NONE)
                return load_default(caps, ret, e) < 0 ? -1 : 1;
        if (read_sets(iso, &sets, e) < 0 || outside_action(iso, &outside, e) < 0)
                return -1;
        if (retain && sets.all)
                return 0;
        if (sets.standard && load_default(caps, &standard, e) < 0)
                return -1;
        add_names(iso, retain ? SECCOMP_RET_ALLOW : outside, ret);
        append(ret, &standard);
        if (retain || sets.all)
                ret->default_action = outside;
        else
                ret->default_action = sets.standard ? standard.default_action : SECCOMP_RET_ALLOW;
        return retain || sets.all || ret->n > 0;
}

/* --- OCI JSON --- */

static void add_action(struct json_object *o, const char *key, const char *errno_key,
                       uint32_t action)
{
        const char *name = "SCMP_ACT_KILL_PROCESS";

        if (action == SECCOMP_RET_ALLOW)
                name = "SCMP_ACT_ALLOW";
        else if (action == SECCOMP_RET_LOG)
                name = "SCMP_ACT_LOG";
        else if (action == SECCOMP_RET_KILL_THREAD)
                name = "SCMP_ACT_KILL_THREAD";
        else if (action == SECCOMP_RET_TRAP)
                name = "SCMP_ACT_TRAP";
        else if ((action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
                name = "SCMP_ACT_ERRNO";
        json_add_string(o, key, name);
        if ((action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
                json_add_int(o, errno_key, action & SECCOMP_RET_DATA);
}

static struct json_object *args_to_json(const struct seccomp_rule *rule)
{
        struct json_object *list = json_object_new_array();

        for (unsigned i = 0; i < rule->n_args; i++) {
                struct json_object *o = json_object_new_object();

                json_add_int(o, "index", rule->args[i].index);
                (void)json_object_object_add(o, "value",
                                             json_object_new_uint64(rule->args[i].value));
                (void)json_object_object_add(o, "valueTwo",
                                             json_object_new_uint64(rule->args[i].value_two));
                json_add_string(o, "op", seccomp_op_names[rule->args[i].op]);
                (void)json_object_array_add(list, o);
        }
        return list;
}

/* Neighbours with the same action and no arguments share an entry. */
static void rules_to_json(const struct seccomp_policy *p, struct json_object *list)
{
        struct json_object *names = NULL;

        for (size_t i = 0; i < p->n; i++) {
                const struct seccomp_rule *rule = &p->rules[i];
                struct json_object *o;

                if (names && rule->n_args == 0 && rule->action == p->rules[i - 1].action) {
                        json_append_string(names, rule->name);
                        continue;
                }
                o = json_object_new_object();
                names = json_add_array(o, "names");
                json_append_string(names, rule->name);
                add_action(o, "action", "errnoRet", rule->action);
                if (rule->n_args > 0) {
                        (void)json_object_object_add(o, "args", args_to_json(rule));
                        names = NULL;
                }
                (void)json_object_array_add(list, o);
        }
}

static void policy_to_json(const struct seccomp_policy *p, struct json_object *linux_o)
{
        struct json_object *o = json_add_object(linux_o, "seccomp"), *arches;

        add_action(o, "defaultAction", "defaultErrnoRet", p->default_action);
        arches = json_add_array(o, "architectures");
#if defined(__x86_64__)
        json_append_string(arches, "SCMP_ARCH_X86_64");
        json_append_string(arches, "SCMP_ARCH_X86");
        json_append_string(arches, "SCMP_ARCH_X32");
#elif defined(__aarch64__)
        json_append_string(arches, "SCMP_ARCH_AARCH64");
        json_append_string(arches, "SCMP_ARCH_ARM");
#else
        (void)arches; /* empty: the native one */
#endif
        rules_to_json(p, json_add_array(o, "syscalls"));
}

/* --- What crun takes ready-made --- */

static char *base64(const uint8_t *data, size_t len)
{
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        char *out = xmalloc((len + 2) / 3 * 4 + 1);
        size_t n = 0;

        for (size_t i = 0; i < len; i += 3) {
                uint32_t v = (uint32_t)data[i] << 16;

                v |= i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0;
                v |= i + 2 < len ? data[i + 2] : 0;
                out[n++] = digits[v >> 18];
                out[n++] = digits[v >> 12 & 63];
                out[n++] = i + 1 < len ? digits[v >> 6 & 63] : '=';
                out[n++] = i + 2 < len ? digits[v & 63] : '=';
        }
        out[n] = '\0';
        return out;
}

static void add_program(const struct seccomp_policy *p, struct json_object *annotations)
{
        AUTO_FREE struct sock_filter *program = xcalloc(SECCOMP_PROGRAM_MAX, sizeof(*program));
        AUTO_FREE char *text = NULL;
        int n = seccomp_program(p, program, SECCOMP_PROGRAM_MAX);

        if (n < 0)
                return; /* the runtime makes its own, slower */
        text = base64((const uint8_t *)program, (size_t)n * sizeof(*program));
        json_add_string(annotations, BPF_ANNOTATION, text);
}

int seccomp_to_json(const struct appc_isolators *iso, uint64_t caps, struct json_object *linux_o,
                    struct json_object *annotations, struct err *e)
{
        AUTO(seccomp_policy_done) struct seccomp_policy policy = SECCOMP_POLICY_NULL;
        int r = make_policy(iso, caps, &policy, e);

        if (r <= 0)
                return r;
        policy_to_json(&policy, linux_o);
        add_program(&policy, annotations);
        return 0;
}
