/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Isolators of an app or a pod (appc specification, "isolators"), as figures that a runtime can
 * apply. resource/pids is an extension of ours. block-bandwidth, block-iops and network-bandwidth
 * are checked and listed under ignored.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "appc/kv.h"
#include "util/strv.h"

struct json_object;

enum appc_set_mode {
        APPC_SET_NONE,   /* no isolator: the engine's default applies */
        APPC_SET_RETAIN, /* only what is in the set */
        APPC_SET_REMOVE, /* the default without what is in the set */
};

struct appc_isolators {
        int64_t memory_limit;      /* bytes; -1: none */
        int64_t memory_request;    /* bytes; -1: none */
        int64_t cpu_limit_milli;   /* thousandths of a CPU; -1: none */
        int64_t cpu_request_milli; /* -1: none */
        int64_t cpu_shares;        /* 2 to 262144; -1: none */
        int64_t pids_limit;        /* >= 1; -1: none */
        enum appc_set_mode caps_mode;
        struct strv caps; /* "CAP_..." upper case */
        enum appc_set_mode seccomp_mode;
        struct strv seccomp; /* system call names and "@groups" */
        char *seccomp_errno; /* owned; "EPERM"; NULL: the runtime's default action */
        bool no_new_privileges;
        bool oom_score_adj_set;
        int oom_score_adj; /* -1000 to 1000 */
        struct kv_list sysctls;
        char *apparmor_profile; /* owned; NULL: none */
        char *selinux_context;  /* owned; "user:role:type:level"; NULL: none */
        struct strv ignored;    /* isolators that were there and have no effect */
};

#define APPC_ISOLATORS_NULL                                                                        \
        ((struct appc_isolators){ .memory_limit = -1,                                              \
                                  .memory_request = -1,                                            \
                                  .cpu_limit_milli = -1,                                           \
                                  .cpu_request_milli = -1,                                         \
                                  .cpu_shares = -1,                                                \
                                  .pids_limit = -1 })

void appc_isolators_done(struct appc_isolators *i);
/* New reference: the list as a manifest has it, without the ignored ones. */
struct json_object *appc_isolators_to_json(const struct appc_isolators *i);
