/* SPDX-License-Identifier: Apache-2.0 */
/* Policies and the program they become: run by an interpreter, compared with the rules themselves. */
#include "test.h"

#include <errno.h>
#include <json-c/json.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>

#include "runtime/seccomp_priv.h"
#include "runtime/spec_priv.h"
#include "util/json.h"
#include "util/mem.h"

#define ALLOW    SECCOMP_RET_ALLOW
#define DENY(no) (SECCOMP_RET_ERRNO | (no))

static uint32_t interpret(const struct sock_filter *p, int n, const struct seccomp_data *d)
{
        uint32_t a = 0;

        for (int pc = 0; pc < n; pc++) {
                const struct sock_filter *i = &p[pc];

                switch (i->code) {
                case BPF_LD | BPF_W | BPF_ABS:
                        assert_true(i->k + 4 <= sizeof(*d));
                        memcpy(&a, (const char *)d + i->k, 4);
                        break;
                case BPF_ALU | BPF_AND | BPF_K:
                        a &= i->k;
                        break;
                case BPF_JMP | BPF_JEQ | BPF_K:
                        pc += a == i->k ? i->jt : i->jf;
                        break;
                case BPF_JMP | BPF_JGT | BPF_K:
                        pc += a > i->k ? i->jt : i->jf;
                        break;
                case BPF_JMP | BPF_JGE | BPF_K:
                        pc += a >= i->k ? i->jt : i->jf;
                        break;
                case BPF_JMP | BPF_JA:
                        pc += (int)i->k;
                        break;
                case BPF_RET | BPF_K:
                        return i->k;
                default:
                        fail_msg("instruction %#x is not expected", i->code);
                }
        }
        fail_msg("ran off the end");
        return 0;
}

/* What the rules say: the specification that the program is held to. */
static bool fits(const struct seccomp_arg *a, const struct seccomp_data *d)
{
        uint64_t v = d->args[a->index];

        switch (a->op) {
        case SECCOMP_OP_NE:
                return v != a->value;
        case SECCOMP_OP_LT:
                return v < a->value;
        case SECCOMP_OP_LE:
                return v <= a->value;
        case SECCOMP_OP_EQ:
                return v == a->value;
        case SECCOMP_OP_GE:
                return v >= a->value;
        case SECCOMP_OP_GT:
                return v > a->value;
        case SECCOMP_OP_MASKED_EQ:
        case SECCOMP_OP_MAX:
                break;
        }
        return (v & a->value) == a->value_two;
}

static uint32_t by_rules(const struct seccomp_policy *p, unsigned column,
                         const struct seccomp_data *d)
{
        for (size_t i = 0; i < p->n; i++) {
                bool fit = seccomp_syscall_number(p->rules[i].name, column) == d->nr;

                for (unsigned k = 0; k < p->rules[i].n_args && fit; k++)
                        fit = fits(&p->rules[i].args[k], d);
                if (fit)
                        return p->rules[i].action;
        }
        return p->default_action;
}

static void assert_program_equals_rules(const struct seccomp_policy *p)
{
        static struct sock_filter program[SECCOMP_PROGRAM_MAX];
        static const uint64_t values[] = { 0,          1,           7,           8,
                                           9,          16,          0x20000,     0x20008,
                                           0xffffffff, 0x100000000, 0x100000008, UINT64_MAX };
        int n = seccomp_program(p, program, SECCOMP_PROGRAM_MAX);

        if (n == -ENOTSUP)
                skip();
        assert_true(n > 0);
        for (unsigned column = 0; column < SECCOMP_COLUMNS; column++)
                for (int nr = 0; nr < 1200; nr++)
                        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
                                struct seccomp_data d = { .nr = nr,
                                                          .arch = seccomp_syscall_arch(column) };
                                uint32_t want, got;

                                for (int k = 0; k < 6; k++)
                                        d.args[k] = values[(i + (size_t)k * 5) % ARRAY_LEN(values)];
                                d.args[0] = values[i];
                                want = by_rules(p, column, &d);
                                got = interpret(program, n, &d);
                                if (want != got)
                                        fail_msg("column %u nr %d arg %llx: %x, not %x", column, nr,
                                                 (unsigned long long)values[i], got, want);
                        }
}

static uint32_t decide(const struct seccomp_policy *p, const char *name)
{
        struct seccomp_data d = { .nr = seccomp_syscall_number(name, 0) };

        return by_rules(p, 0, &d);
}

static void builtin_profile_compiles_to_what_it_says(void **state)
{
        AUTO(seccomp_policy_done) struct seccomp_policy p = SECCOMP_POLICY_NULL;

        (void)state;
        seccomp_profile_builtin(capabilities_default, &p);
        assert_int_equal(decide(&p, "read"), ALLOW);
        assert_int_equal(decide(&p, "chroot"), ALLOW); /* its capability is in the default set */
        assert_int_equal(decide(&p, "kexec_load"), DENY(EPERM));
        assert_int_equal(decide(&p, "init_module"), DENY(EPERM));
        assert_int_equal(decide(&p, "keyctl"), ALLOW);
        assert_program_equals_rules(&p);
}

static void capabilities_open_their_calls_in_the_builtin_profile(void **state)
{
        AUTO(seccomp_policy_done) struct seccomp_policy p = SECCOMP_POLICY_NULL;

        (void)state;
        seccomp_profile_builtin(UINT64_C(1) << CAP_SYS_TIME, &p);
        assert_int_equal(decide(&p, "settimeofday"), ALLOW);
        assert_int_equal(decide(&p, "chroot"), DENY(EPERM));
}

static void every_comparison_is_exact_over_64_bits(void **state)
{
        static const uint64_t limits[] = { 0, 8, 0xffffffff, 0x100000008, UINT64_MAX };

        (void)state;
        for (int op = 0; op < SECCOMP_OP_MAX; op++)
                for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
                        AUTO(seccomp_policy_done) struct seccomp_policy p = SECCOMP_POLICY_NULL;
                        struct seccomp_rule *r;

                        p.default_action = DENY(ENOSYS);
                        r = seccomp_policy_add(&p, "personality", ALLOW);
                        r->n_args = 2;
                        r->args[0] = (struct seccomp_arg){ 0, (enum seccomp_op)op, limits[i],
                                                           limits[i] & 0x8 };
                        r->args[1] = (struct seccomp_arg){ 1, SECCOMP_OP_NE, 16, 0 };
                        r = seccomp_policy_add(&p, "personality", DENY(EPERM));
                        r->n_args = 1;
                        r->args[0] = (struct seccomp_arg){ 2, SECCOMP_OP_GT, 7, 0 };
                        assert_program_equals_rules(&p);
                }
}

static void an_earlier_rule_without_arguments_decides(void **state)
{
        AUTO(seccomp_policy_done) struct seccomp_policy p = SECCOMP_POLICY_NULL;
        struct seccomp_rule *r;

        (void)state;
        p.default_action = ALLOW;
        (void)seccomp_policy_add(&p, "mount", DENY(EPERM));
        r = seccomp_policy_add(&p, "mount", ALLOW);
        r->n_args = 1;
        r->args[0] = (struct seccomp_arg){ 0, SECCOMP_OP_EQ, 0, 0 };
        (void)seccomp_policy_add(&p, "no_such_call", DENY(EPERM));
        assert_program_equals_rules(&p);
}

static void other_architectures_are_killed_and_x32_does_not_exist(void **state)
{
        static struct sock_filter program[SECCOMP_PROGRAM_MAX];
        AUTO(seccomp_policy_done) struct seccomp_policy p = SECCOMP_POLICY_NULL;
        struct seccomp_data d = { .nr = 0, .arch = AUDIT_ARCH_S390X };
        int n;

        (void)state;
        p.default_action = ALLOW;
        n = seccomp_program(&p, program, SECCOMP_PROGRAM_MAX);
        if (n == -ENOTSUP)
                skip();
        assert_int_equal(interpret(program, n, &d), SECCOMP_RET_KILL_PROCESS);
        d.arch = seccomp_syscall_arch(0);
        assert_int_equal(interpret(program, n, &d), ALLOW);
        d.nr = 0x40000000;
        assert_int_equal(interpret(program, n, &d), DENY(ENOSYS));
}

static void a_program_that_does_not_fit_is_refused(void **state)
{
        struct sock_filter program[40];
        AUTO(seccomp_policy_done) struct seccomp_policy p = SECCOMP_POLICY_NULL;
        int n;

        (void)state;
        seccomp_profile_builtin(0, &p);
        n = seccomp_program(&p, program, ARRAY_LEN(program));
        if (n == -ENOTSUP)
                skip();
        assert_int_equal(n, -ENOBUFS);
}

#define PROFILE                                                                                    \
        "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"syscalls\":["              \
        "{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[]},"              \
        "{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[\"CAP_BPF\"]}" \
        "},"                                                                                       \
        "{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1,\"excludes\":{"         \
        "\"caps\":[\"CAP_BPF\"]}},"                                                                \
        "{\"names\":[\"ptrace\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"4."   \
        "8\"}},"                                                                                   \
        "{\"names\":[\"open\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"vax\"]}}" \
        ","                                                                                        \
        "{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":"                          \
        "[{\"index\":0,\"value\":16,\"valueTwo\":0,\"op\":\"SCMP_CMP_NE\"}]}]}"

static void profile_is_reduced_to_what_holds_here(void **state)
{
        AUTO(seccomp_policy_done)
        struct seccomp_policy p = SECCOMP_POLICY_NULL, old = SECCOMP_POLICY_NULL;
        struct err e;

        (void)state;
        assert_ok(seccomp_profile_parse(PROFILE, strlen(PROFILE), 0, "6.1.0-13", &p, &e), &e);
        assert_int_equal(p.default_action, DENY(ENOSYS));
        assert_int_equal(decide(&p, "write"), ALLOW);
        assert_int_equal(decide(&p, "bpf"), DENY(EPERM));
        assert_int_equal(decide(&p, "ptrace"), ALLOW);
        assert_int_equal(decide(&p, "open"), DENY(ENOSYS));
        assert_program_equals_rules(&p);
        assert_ok(seccomp_profile_parse(PROFILE, strlen(PROFILE), UINT64_C(1) << CAP_BPF, "4.7",
                                        &old, &e),
                  &e);
        assert_int_equal(decide(&old, "bpf"), ALLOW);
        assert_int_equal(decide(&old, "ptrace"), DENY(ENOSYS));
}

static void broken_profiles_are_refused_with_the_place(void **state)
{
        static const struct {
                const char *text, *error;
        } cases[] = {
                { "{\"defaultAction\":\"SCMP_ACT_NOPE\"}",
                  "seccomp action \"SCMP_ACT_NOPE\" is not known" },
                { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],\"action\":"
                  "\"X\"}]}",
                  "syscalls[0]: seccomp action \"X\" is not known" },
                { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],"
                  "\"action\":"
                  "\"SCMP_ACT_ALLOW\",\"args\":[{\"op\":\"SCMP_CMP_XX\"}]}]}",
                  "syscalls[0]: seccomp comparison \"SCMP_CMP_XX\" is not known" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct seccomp_policy p = SECCOMP_POLICY_NULL;
                struct err e;

                assert_err(seccomp_profile_parse(cases[i].text, strlen(cases[i].text), 0, "6.1", &p,
                                                 &e),
                           &e, ERR_BAD_DATA, cases[i].error);
                assert_null(p.rules);
        }
}

/* --- Isolators --- */

static int make(struct appc_isolators *iso, struct json_object **linux_o,
                struct json_object **annotations, struct err *e)
{
        *linux_o = json_object_new_object();
        *annotations = json_object_new_object();
        return seccomp_to_json(iso, capabilities_default, *linux_o, *annotations, e);
}

static const char *default_action(struct json_object *linux_o)
{
        struct json_object *s, *a;

        if (!json_object_object_get_ex(linux_o, "seccomp", &s))
                return "none";
        assert_true(json_object_object_get_ex(s, "defaultAction", &a));
        return json_object_get_string(a);
}

static void isolators_decide_the_default_action(void **state)
{
        static const struct {
                enum appc_set_mode mode;
                const char *set, *error_number, *want;
        } cases[] = {
                { APPC_SET_NONE, NULL, NULL, "SCMP_ACT_ERRNO" },
                { APPC_SET_RETAIN, "read", NULL, "SCMP_ACT_KILL_PROCESS" },
                { APPC_SET_RETAIN, "read", "EPERM", "SCMP_ACT_ERRNO" },
                { APPC_SET_RETAIN, "@appc.io/all", NULL, "none" },
                { APPC_SET_RETAIN, "@appc.io/empty", NULL, "SCMP_ACT_KILL_PROCESS" },
                { APPC_SET_RETAIN, "@docker/default-whitelist", NULL, "SCMP_ACT_KILL_PROCESS" },
                { APPC_SET_REMOVE, "read", NULL, "SCMP_ACT_ALLOW" },
                { APPC_SET_REMOVE, "@appc.io/empty", NULL, "none" },
                { APPC_SET_REMOVE, "@rkt/default-blacklist", NULL, "SCMP_ACT_ERRNO" },
                { APPC_SET_REMOVE, "@appc.io/all", NULL, "SCMP_ACT_KILL_PROCESS" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO(appc_isolators_done) struct appc_isolators iso = APPC_ISOLATORS_NULL;
                AUTO_JSON struct json_object *linux_o = NULL, *annotations = NULL;
                struct err e;

                iso.seccomp_mode = cases[i].mode;
                iso.seccomp_errno = xstrdup_null(cases[i].error_number);
                if (cases[i].set)
                        strv_add(&iso.seccomp, cases[i].set);
                assert_ok(make(&iso, &linux_o, &annotations, &e), &e);
                assert_string_equal(default_action(linux_o), cases[i].want);
                assert_int_equal(json_object_object_length(annotations),
                                 strcmp(cases[i].want, "none") != 0 &&
                                         seccomp_syscall_arch(0) != 0);
        }
}

static void unknown_sets_and_errnos_are_refused(void **state)
{
        AUTO(appc_isolators_done) struct appc_isolators iso = APPC_ISOLATORS_NULL;
        AUTO_JSON struct json_object *a = NULL, *b = NULL, *c = NULL, *d = NULL;
        struct err e;

        (void)state;
        iso.seccomp_mode = APPC_SET_RETAIN;
        strv_add(&iso.seccomp, "@rkt/default-blacklist");
        assert_err(
                make(&iso, &a, &b, &e), &e, ERR_BAD_DATA,
                "seccomp retain set: \"@rkt/default-blacklist\" is not a set that is known here");
        strv_done(&iso.seccomp);
        strv_add(&iso.seccomp, "read");
        iso.seccomp_errno = xstrdup("EWHATEVER");
        assert_err(make(&iso, &c, &d, &e), &e, ERR_BAD_DATA,
                   "seccomp: there is no errno \"EWHATEVER\"");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(builtin_profile_compiles_to_what_it_says),
                cmocka_unit_test(capabilities_open_their_calls_in_the_builtin_profile),
                cmocka_unit_test(every_comparison_is_exact_over_64_bits),
                cmocka_unit_test(an_earlier_rule_without_arguments_decides),
                cmocka_unit_test(other_architectures_are_killed_and_x32_does_not_exist),
                cmocka_unit_test(a_program_that_does_not_fit_is_refused),
                cmocka_unit_test(profile_is_reduced_to_what_holds_here),
                cmocka_unit_test(broken_profiles_are_refused_with_the_place),
                cmocka_unit_test(isolators_decide_the_default_action),
                cmocka_unit_test(unknown_sets_and_errnos_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
