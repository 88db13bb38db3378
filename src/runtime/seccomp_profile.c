/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where default policies come from: the profile that Debian's golang-github-containers-common installs (the format is docker's:
 * syscalls[] with names, action, args, and conditions "includes" and "excludes" on capabilities, architecture and
 * kernel), or our own list.
 */
#include <errno.h>
#include <json-c/json.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/seccomp_priv.h"
#include "runtime/spec_priv.h"
#include "util/auto.h"
#include "util/json.h"
#include "util/mem.h"

/* Go's name of this architecture, as profiles have it. */
#if defined(__x86_64__)
#define GO_ARCH "amd64"
#elif defined(__aarch64__)
#define GO_ARCH "arm64"
#elif defined(__i386__)
#define GO_ARCH "x86"
#elif defined(__arm__)
#define GO_ARCH "arm"
#elif defined(__powerpc64__)
#define GO_ARCH "ppc64le"
#elif defined(__s390x__)
#define GO_ARCH "s390x"
#elif defined(__riscv)
#define GO_ARCH "riscv64"
#else
#define GO_ARCH "unknown"
#endif

void seccomp_policy_done(struct seccomp_policy *p)
{
        for (size_t i = 0; i < p->n; i++)
                free(p->rules[i].name);
        free(p->rules);
        *p = SECCOMP_POLICY_NULL;
}

struct seccomp_rule *seccomp_policy_add(struct seccomp_policy *p, const char *name, uint32_t action)
{
        ARRAY_GROW(p->rules, p->n, p->cap);
        p->rules[p->n] = (struct seccomp_rule){ .name = xstrdup(name), .action = action };
        return &p->rules[p->n++];
}

const char *const seccomp_op_names[SECCOMP_OP_MAX] = {
        "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",        "SCMP_CMP_EQ",
        "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ",
};

static int parse_action(const char *name, int64_t errno_ret, uint32_t *ret, struct err *e)
{
        static const struct {
                const char *name;
                uint32_t action;
        } known[] = {
                { "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
                { "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO },
                { "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
                { "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
                { "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
                { "SCMP_ACT_LOG", SECCOMP_RET_LOG },
                { "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
        };

        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
                if (strcmp(known[i].name, name) != 0)
                        continue;
                *ret = known[i].action;
                if (*ret == SECCOMP_RET_ERRNO)
                        *ret |= (uint32_t)errno_ret;
                return 0;
        }
        return err_set(e, ERR_BAD_DATA, 0, "seccomp action \"%s\" is not known", name);
}

static bool list_has(struct json_object *list, const char *want)
{
        size_t n = list ? json_object_array_length(list) : 0;

        for (size_t i = 0; i < n; i++) {
                const char *s = json_object_get_string(json_object_array_get_idx(list, i));

                if (s && strcmp(s, want) == 0)
                        return true;
        }
        return false;
}

/* How many of the listed capabilities are in @caps; *ret_n: how many there are. */
static size_t count_caps(struct json_object *list, uint64_t caps, size_t *ret_n)
{
        size_t n = list ? json_object_array_length(list) : 0, have = 0;

        for (size_t i = 0; i < n; i++) {
                const char *s = json_object_get_string(json_object_array_get_idx(list, i));
                int c = s ? capability_number(s) : -1;

                have += c >= 0 && (caps & (UINT64_C(1) << c));
        }
        *ret_n = n;
        return have;
}

static bool kernel_is_at_least(const char *release, const char *min)
{
        unsigned have[2] = { 0 }, want[2] = { 0 };

        if (sscanf(release, "%u.%u", &have[0], &have[1]) != 2 ||
            sscanf(min, "%u.%u", &want[0], &want[1]) != 2)
                return false;
        return have[0] != want[0] ? have[0] > want[0] : have[1] >= want[1];
}

struct context {
        uint64_t caps;
        const char *release;
};

/* Does this entry hold here? 1, 0, -1. */
static int applies(struct json_object *entry, const struct context *c, struct err *e)
{
        struct json_object *includes, *excludes, *list;
        const char *kernel;
        size_t n;

        if (json_get_object_opt(entry, "includes", &includes, e) < 0 ||
            json_get_object_opt(entry, "excludes", &excludes, e) < 0)
                return -1;
        if (includes) {
                if (json_get_array_opt(includes, "caps", SECCOMP_RULES_MAX, &list, e) < 0)
                        return -1;
                if (count_caps(list, c->caps, &n) < n)
                        return 0;
                if (json_get_array_opt(includes, "arches", SECCOMP_RULES_MAX, &list, e) < 0 ||
                    json_get_string_opt(includes, "minKernel", &kernel, e) < 0)
                        return -1;
                if ((list && json_object_array_length(list) > 0 && !list_has(list, GO_ARCH)) ||
                    (kernel && *kernel && !kernel_is_at_least(c->release, kernel)))
                        return 0;
        }
        if (excludes) {
                if (json_get_array_opt(excludes, "caps", SECCOMP_RULES_MAX, &list, e) < 0)
                        return -1;
                if (count_caps(list, c->caps, &n) > 0)
                        return 0;
                if (json_get_array_opt(excludes, "arches", SECCOMP_RULES_MAX, &list, e) < 0 ||
                    json_get_string_opt(excludes, "minKernel", &kernel, e) < 0)
                        return -1;
                if (list_has(list, GO_ARCH) ||
                    (kernel && *kernel && kernel_is_at_least(c->release, kernel)))
                        return 0;
        }
        return 1;
}

static uint64_t value_of(struct json_object *arg, const char *key)
{
        struct json_object *v;

        /* The profile writes (u32)-1 and larger as they are. */
        return json_object_object_get_ex(arg, key, &v) ? json_object_get_uint64(v) : 0;
}

static int parse_args(struct json_object *entry, struct seccomp_rule *ret, struct err *e)
{
        struct json_object *list;
        size_t n;

        if (json_get_array_opt(entry, "args", SECCOMP_ARGS_MAX, &list, e) < 0)
                return -1;
        n = list ? json_object_array_length(list) : 0;
        for (size_t i = 0; i < n; i++) {
                struct json_object *o = json_object_array_get_idx(list, i);
                struct seccomp_arg *a = &ret->args[i];
                const char *op;
                int64_t index = 0;
                unsigned k = 0;

                if (json_get_string(o, "op", &op, e) < 0 ||
                    json_get_int_opt(o, "index", 0, SECCOMP_ARGS_MAX - 1, &index, e) < 0)
                        return -1;
                while (k < SECCOMP_OP_MAX && strcmp(seccomp_op_names[k], op) != 0)
                        k++;
                if (k == SECCOMP_OP_MAX)
                        return err_set(e, ERR_BAD_DATA, 0, "seccomp comparison \"%s\" is not known",
                                       op);
                *a = (struct seccomp_arg){ (unsigned)index, (enum seccomp_op)k,
                                           value_of(o, "value"), value_of(o, "valueTwo") };
                ret->n_args = (unsigned)i + 1;
        }
        return 0;
}

static int add_entry(struct json_object *entry, const struct context *c, struct seccomp_policy *p,
                     struct err *e)
{
        AUTO(strv_done) struct strv names = STRV_NULL;
        struct seccomp_rule model = { 0 };
        const char *action;
        int64_t errno_ret = EPERM;
        int r = applies(entry, c, e);

        if (r <= 0)
                return r;
        if (json_get_string(entry, "action", &action, e) < 0 ||
            json_get_int_opt(entry, "errnoRet", 0, 4095, &errno_ret, e) < 0 ||
            parse_action(action, errno_ret, &model.action, e) < 0 ||
            parse_args(entry, &model, e) < 0 ||
            json_get_strings_opt(entry, "names", SECCOMP_RULES_MAX, &names, e) < 0)
                return -1;
        if (p->n + names.n > SECCOMP_RULES_MAX)
                return err_set(e, ERR_LIMIT, 0, "more than %d rules", SECCOMP_RULES_MAX);
        for (size_t i = 0; i < names.n; i++) {
                struct seccomp_rule *rule = seccomp_policy_add(p, names.v[i], model.action);

                rule->n_args = model.n_args;
                memcpy(rule->args, model.args, sizeof(rule->args));
        }
        return 0;
}

static int add_entries(struct json_object *o, const struct context *c, struct seccomp_policy *p,
                       struct err *e)
{
        struct json_object *list;
        const char *action;
        int64_t errno_ret = EPERM;
        size_t n;

        if (json_get_string(o, "defaultAction", &action, e) < 0 ||
            json_get_int_opt(o, "defaultErrnoRet", 0, 4095, &errno_ret, e) < 0 ||
            parse_action(action, errno_ret, &p->default_action, e) < 0 ||
            json_get_array_opt(o, "syscalls", SECCOMP_RULES_MAX, &list, e) < 0)
                return -1;
        n = list ? json_object_array_length(list) : 0;
        for (size_t i = 0; i < n; i++)
                if (add_entry(json_object_array_get_idx(list, i), c, p, e) < 0)
                        return err_wrap(e, "syscalls[%zu]", i);
        return 0;
}

int seccomp_profile_parse(const void *data, size_t len, uint64_t caps, const char *release,
                          struct seccomp_policy *ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        AUTO(seccomp_policy_done) struct seccomp_policy p = SECCOMP_POLICY_NULL;
        const struct context c = { caps, release };

        if (json_parse(data, len, SECCOMP_PROFILE_BYTES_MAX, &o, e) < 0 ||
            add_entries(o, &c, &p, e) < 0)
                return -1;
        *ret = p;
        p = SECCOMP_POLICY_NULL;
        return 0;
}

/* --- Our own --- */

enum { NEVER = 64 };

/*
 * Calls that need a capability of the host, or reach for what is not the container's: the clock, modules, swap, kexec, the
 * keyrings and other things the kernel does not separate by namespace. Of the rest, whatever the kernel asks
 * capabilities for by itself (mount, setns ...) it may be left to.
 */
static const struct {
        const char *name;
        unsigned cap; /* allowed with it; NEVER */
} denied[] = {
        { "_sysctl", NEVER },
        { "acct", CAP_SYS_PACCT },
        { "add_key", NEVER },
        { "afs_syscall", NEVER },
        { "bdflush", NEVER },
        { "bpf", CAP_SYS_ADMIN },
        { "chroot", CAP_SYS_CHROOT },
        { "clock_settime", CAP_SYS_TIME },
        { "clock_settime64", CAP_SYS_TIME },
        { "create_module", NEVER },
        { "delete_module", CAP_SYS_MODULE },
        { "fanotify_init", CAP_SYS_ADMIN },
        { "finit_module", CAP_SYS_MODULE },
        { "get_kernel_syms", NEVER },
        { "getpmsg", NEVER },
        { "init_module", CAP_SYS_MODULE },
        { "io_uring_enter", NEVER },
        { "io_uring_register", NEVER },
        { "io_uring_setup", NEVER },
        { "ioperm", CAP_SYS_RAWIO },
        { "iopl", CAP_SYS_RAWIO },
        { "kcmp", CAP_SYS_PTRACE },
        { "kexec_file_load", NEVER },
        { "kexec_load", NEVER },
        { "lookup_dcookie", CAP_SYS_ADMIN },
        { "migrate_pages", NEVER },
        { "move_pages", NEVER },
        { "nfsservctl", NEVER },
        { "open_by_handle_at", CAP_DAC_READ_SEARCH },
        { "perf_event_open", CAP_SYS_ADMIN },
        { "process_madvise", CAP_SYS_PTRACE },
        { "putpmsg", NEVER },
        { "query_module", NEVER },
        { "quotactl", CAP_SYS_ADMIN },
        { "quotactl_fd", CAP_SYS_ADMIN },
        { "request_key", NEVER },
        { "set_mempolicy_home_node", NEVER },
        { "setdomainname", CAP_SYS_ADMIN },
        { "sethostname", CAP_SYS_ADMIN },
        { "settimeofday", CAP_SYS_TIME },
        { "stime", CAP_SYS_TIME },
        { "swapoff", NEVER },
        { "swapon", NEVER },
        { "sysfs", NEVER },
        { "tuxcall", NEVER },
        { "uselib", NEVER },
        { "userfaultfd", NEVER },
        { "ustat", NEVER },
        { "vhangup", CAP_SYS_TTY_CONFIG },
        { "vm86", NEVER },
        { "vm86old", NEVER },
        { "vmsplice", NEVER },
        { "vserver", NEVER },
};

static uint32_t builtin_action(const char *name, uint64_t caps)
{
        for (size_t i = 0; i < ARRAY_LEN(denied); i++)
                if (strcmp(denied[i].name, name) == 0)
                        return denied[i].cap < NEVER && (caps & (UINT64_C(1) << denied[i].cap))
                                       ? SECCOMP_RET_ALLOW
                                       : SECCOMP_RET_ERRNO | EPERM;
        return SECCOMP_RET_ALLOW;
}

/* The personalities that run today's programs; others switch protections off. */
static void add_personality(struct seccomp_policy *p)
{
        static const uint64_t harmless[] = { 0, 0x8, 0x20000, 0x20008, 0xffffffff };

        for (size_t i = 0; i < ARRAY_LEN(harmless); i++) {
                struct seccomp_rule *r = seccomp_policy_add(p, "personality", SECCOMP_RET_ALLOW);

                r->n_args = 1;
                r->args[0] = (struct seccomp_arg){ 0, SECCOMP_OP_EQ, harmless[i], 0 };
        }
        (void)seccomp_policy_add(p, "personality", SECCOMP_RET_ERRNO | EPERM);
}

void seccomp_profile_builtin(uint64_t caps, struct seccomp_policy *ret)
{
        const char *name;

        *ret = SECCOMP_POLICY_NULL;
        /* A call that is newer than our table: as from a kernel without it, so that libc falls back. */
        ret->default_action = SECCOMP_RET_ERRNO | ENOSYS;
        for (size_t i = 0; (name = seccomp_syscall_name(i)); i++) {
                if (strcmp(name, "personality") == 0)
                        add_personality(ret);
                else
                        (void)seccomp_policy_add(ret, name, builtin_action(name, caps));
        }
}
