/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seccomp policy as a BPF program. libseccomp needs 4 to 15 ms for a container's profile, since it adds each rule for each
 * architecture to a tree of its own; that is more than all the rest of starting an app. The program here is made in
 * a fraction of a millisecond, and is shorter to run: per architecture, a binary search over ranges of numbers
 * that share an action, and at the few leaves that look at arguments, a chain of comparisons.
 *
 *      architecture? no: kill
 *      x32 number? ENOSYS, as from a kernel without x32
 *      number >= pivot? right half : left half ... action
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/seccomp_priv.h"
#include "util/auto.h"
#include "util/mem.h"

#define X32_BIT 0x40000000u

enum { NUMBERS_MAX = 1024, JUMP_MAX = 255, FAILS_MAX = 4 * SECCOMP_ARGS_MAX };

struct range {
        uint32_t first;     /* up to the next range's first */
        uint32_t action;    /* when there are no rules with arguments */
        int conditional_nr; /* the call whose rules decide; -1 */
};

struct program {
        struct sock_filter *at;
        size_t n, max;
        bool overflow;
        const struct seccomp_policy *policy;
        const int *number; /* of each rule in this column */
};

static void add(struct program *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
        if (p->n == p->max)
                p->overflow = true;
        else
                p->at[p->n++] = (struct sock_filter){ code, jt, jf, k };
}

static void add_return(struct program *p, uint32_t action)
{
        add(p, BPF_RET | BPF_K, action, 0, 0);
}

/* --- Arguments --- */

static void load_half(struct program *p, unsigned index, bool high)
{
        /* Little endian, as all architectures here. */
        add(p, BPF_LD | BPF_W | BPF_ABS,
            (uint32_t)(offsetof(struct seccomp_data, args) + 8 * index + (high ? 4 : 0)), 0, 0);
}

/* Where the jumps of one rule that mean "does not fit" are, and which side of each it is. */
struct fails {
        size_t at[FAILS_MAX];
        bool on_true[FAILS_MAX];
        size_t n;
};

static void jump(struct program *p, uint16_t op, uint32_t k, int jt, int jf, struct fails *f)
{
        if (jt < 0 || jf < 0) {
                f->at[f->n] = p->n;
                f->on_true[f->n++] = jt < 0;
        }
        add(p, (uint16_t)(BPF_JMP | op | BPF_K), k, jt < 0 ? 0 : (uint8_t)jt,
            jf < 0 ? 0 : (uint8_t)jf);
}

enum { FAIL = -1 };

/* Falls through when the condition holds. Comparisons are of 64 bits, high half first. */
static void add_condition(struct program *p, const struct seccomp_arg *a, struct fails *f)
{
        uint32_t high = (uint32_t)(a->value >> 32), low = (uint32_t)a->value;

        load_half(p, a->index, true);
        switch (a->op) {
        case SECCOMP_OP_EQ:
                jump(p, BPF_JEQ, high, 0, FAIL, f);
                load_half(p, a->index, false);
                jump(p, BPF_JEQ, low, 0, FAIL, f);
                break;
        case SECCOMP_OP_NE:
                jump(p, BPF_JEQ, high, 0, 2, f);
                load_half(p, a->index, false);
                jump(p, BPF_JEQ, low, FAIL, 0, f);
                break;
        case SECCOMP_OP_GE:
        case SECCOMP_OP_GT:
                jump(p, BPF_JGT, high, 3, 0, f);
                jump(p, BPF_JEQ, high, 0, FAIL, f);
                load_half(p, a->index, false);
                jump(p, a->op == SECCOMP_OP_GE ? BPF_JGE : BPF_JGT, low, 0, FAIL, f);
                break;
        case SECCOMP_OP_LE:
        case SECCOMP_OP_LT:
                jump(p, BPF_JGT, high, FAIL, 0, f);
                jump(p, BPF_JEQ, high, 0, 2, f);
                load_half(p, a->index, false);
                jump(p, a->op == SECCOMP_OP_LE ? BPF_JGT : BPF_JGE, low, FAIL, 0, f);
                break;
        case SECCOMP_OP_MASKED_EQ:
        case SECCOMP_OP_MAX:
                add(p, BPF_ALU | BPF_AND | BPF_K, high, 0, 0);
                jump(p, BPF_JEQ, (uint32_t)(a->value_two >> 32), 0, FAIL, f);
                load_half(p, a->index, false);
                add(p, BPF_ALU | BPF_AND | BPF_K, low, 0, 0);
                jump(p, BPF_JEQ, (uint32_t)a->value_two, 0, FAIL, f);
                break;
        }
}

static void add_rule(struct program *p, const struct seccomp_rule *rule)
{
        struct fails fails = { .n = 0 };

        for (unsigned i = 0; i < rule->n_args; i++)
                add_condition(p, &rule->args[i], &fails);
        add_return(p, rule->action);
        /* A rule has at most 6 conditions of 6 instructions: no distance is over 255. */
        for (size_t i = 0; i < fails.n && !p->overflow; i++) {
                struct sock_filter *at = &p->at[fails.at[i]];
                uint8_t distance = (uint8_t)(p->n - fails.at[i] - 1);

                if (fails.on_true[i])
                        at->jt = distance;
                else
                        at->jf = distance;
        }
}

/* The rules of call @nr, in order, up to the first without arguments. */
static void add_chain(struct program *p, int nr)
{
        for (size_t i = 0; i < p->policy->n; i++) {
                if (p->number[i] != nr)
                        continue;
                add_rule(p, &p->policy->rules[i]);
                if (p->policy->rules[i].n_args == 0)
                        return;
        }
        add_return(p, p->policy->default_action);
}

/* --- Numbers --- */

/* Ranges of calls that share an action; their number. */
static size_t make_ranges(const struct seccomp_policy *policy, const int *number, struct range *ret)
{
        static struct {
                uint32_t action;
                bool known, conditional;
        } call[NUMBERS_MAX];
        size_t n = 0;

        memset(call, 0, sizeof(call));
        for (size_t i = 0; i < policy->n; i++) {
                int nr = number[i];

                if (nr < 0 || nr >= NUMBERS_MAX || call[nr].known)
                        continue; /* an earlier rule has decided all cases already */
                if (policy->rules[i].n_args > 0) {
                        call[nr].conditional = true;
                        continue;
                }
                call[nr].known = true;
                call[nr].action = policy->rules[i].action;
        }
        for (int nr = 0; nr < NUMBERS_MAX; nr++) {
                uint32_t action = call[nr].known ? call[nr].action : policy->default_action;
                struct range r = { (uint32_t)nr, action, call[nr].conditional ? nr : -1 };

                if (n == 0 || r.conditional_nr >= 0 || ret[n - 1].conditional_nr >= 0 ||
                    ret[n - 1].action != action)
                        ret[n++] = r;
        }
        /* What no table knows. */
        if (ret[n - 1].conditional_nr >= 0 || ret[n - 1].action != policy->default_action)
                ret[n++] = (struct range){ NUMBERS_MAX, policy->default_action, -1 };
        return n;
}

static void add_search(struct program *p, const struct range *r, size_t n)
{
        size_t mid = n / 2, here = p->n, left;

        if (p->overflow)
                return;
        if (n == 1) {
                if (r->conditional_nr >= 0)
                        add_chain(p, r->conditional_nr);
                else
                        add_return(p, r->action);
                return;
        }
        /* Room for the long form, a jump over the left half. */
        add(p, BPF_JMP | BPF_JGE | BPF_K, r[mid].first, 0, 1);
        add(p, BPF_JMP | BPF_JA, 0, 0, 0);
        add_search(p, r, mid);
        if (p->overflow)
                return;
        left = p->n - here - 2;
        if (left <= JUMP_MAX) {
                p->at[here].jt = (uint8_t)left;
                p->at[here].jf = 0;
                memmove(&p->at[here + 1], &p->at[here + 2], left * sizeof(*p->at));
                p->n--;
        } else {
                p->at[here + 1].k = (uint32_t)left;
        }
        add_search(p, r + mid, n - mid);
}

static void add_column(struct program *p, unsigned column)
{
        AUTO_FREE int *number = xcalloc(p->policy->n + 1, sizeof(*number));
        AUTO_FREE struct range *ranges = xcalloc(NUMBERS_MAX + 1, sizeof(*ranges));

        for (size_t i = 0; i < p->policy->n; i++)
                number[i] = seccomp_syscall_number(p->policy->rules[i].name, column);
        p->number = number;
        add(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
        if (column == 0) {
                add(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
                add_return(p, SECCOMP_RET_ERRNO | ENOSYS);
        }
        add_search(p, ranges, make_ranges(p->policy, number, ranges));
}

int seccomp_program(const struct seccomp_policy *policy, struct sock_filter *ret, size_t max)
{
        struct program p = { .at = ret, .max = max, .policy = policy };

        for (unsigned column = 0; column < SECCOMP_COLUMNS; column++) {
                uint32_t arch = seccomp_syscall_arch(column);
                size_t here;

                if (arch == 0 && column == 0)
                        return -ENOTSUP;
                if (arch == 0)
                        continue;
                add(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
                add(&p, BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0);
                here = p.n;
                add(&p, BPF_JMP | BPF_JA, 0, 0, 0);
                add_column(&p, column);
                if (p.overflow)
                        return -ENOBUFS;
                ret[here].k = (uint32_t)(p.n - here - 1);
        }
        add_return(&p, SECCOMP_RET_KILL_PROCESS);
        return p.overflow ? -ENOBUFS : (int)p.n;
}
