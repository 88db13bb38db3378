/* SPDX-License-Identifier: Apache-2.0 */
/* A seccomp policy between its sources (profile file, built-in list, isolators) and its forms (OCI JSON, BPF). */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct json_object;

enum {
        SECCOMP_ARGS_MAX = 6,
        SECCOMP_RULES_MAX = 16384,
        SECCOMP_PROFILE_BYTES_MAX = 1024 * 1024,
        SECCOMP_PROGRAM_MAX = 4096, /* BPF_MAXINSNS */
        SECCOMP_COLUMNS = 2,        /* native, compat */
};

enum seccomp_op {
        SECCOMP_OP_NE,
        SECCOMP_OP_LT,
        SECCOMP_OP_LE,
        SECCOMP_OP_EQ,
        SECCOMP_OP_GE,
        SECCOMP_OP_GT,
        SECCOMP_OP_MASKED_EQ, /* (arg & value) == value_two */
        SECCOMP_OP_MAX,
};
extern const char *const seccomp_op_names[SECCOMP_OP_MAX]; /* "SCMP_CMP_NE" ... */

struct seccomp_arg {
        unsigned index;
        enum seccomp_op op;
        uint64_t value, value_two;
};

/* All of @args must fit. Of a call's rules the first that fits decides. */
struct seccomp_rule {
        char *name;      /* owned */
        uint32_t action; /* SECCOMP_RET_... with its data */
        unsigned n_args;
        struct seccomp_arg args[SECCOMP_ARGS_MAX];
};

struct seccomp_policy {
        uint32_t default_action;
        struct seccomp_rule *rules; /* owned */
        size_t n, cap;
};
#define SECCOMP_POLICY_NULL ((struct seccomp_policy){ 0 })
void seccomp_policy_done(struct seccomp_policy *p);
struct seccomp_rule *seccomp_policy_add(struct seccomp_policy *p, const char *name,
                                        uint32_t action);

/*
 * The profile file of containers-common (docker's format), reduced to what holds for these capabilities and this kernel (version
 * as @release "6.1.0-13-amd64"). Errors: ERR_BAD_DATA, ERR_LIMIT.
 */
int seccomp_profile_parse(const void *data, size_t len, uint64_t caps, const char *release,
                          struct seccomp_policy *ret, struct err *e);
/* Our own: every call that the table knows, but those that act on the host or need a capability that is not in @caps. */
void seccomp_profile_builtin(uint64_t caps, struct seccomp_policy *ret);

/* Number of call @name in column @column of the generated table; -1: none. */
int seccomp_syscall_number(const char *name, unsigned column);
const char *seccomp_syscall_name(size_t index); /* of the table, by index; NULL past its end */
/* AUDIT_ARCH_ of a column; 0: there is none, or programs are not made for this architecture. */
uint32_t seccomp_syscall_arch(unsigned column);

/* Compile. Number of instructions, -ENOTSUP on architectures without table, -ENOBUFS when it gets too long. */
int seccomp_program(const struct seccomp_policy *p, struct sock_filter *ret, size_t max);
