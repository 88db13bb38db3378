/* SPDX-License-Identifier: Apache-2.0 */
/* A seccomp profile file, and the program that it becomes. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/seccomp_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct sock_filter program[SECCOMP_PROGRAM_MAX];
        struct seccomp_policy p = SECCOMP_POLICY_NULL;
        struct err e;

        if (seccomp_profile_parse(data, size, 0xff, "6.1.0", &p, &e) < 0)
                return 0;
        assert(seccomp_program(&p, program, SECCOMP_PROGRAM_MAX) <= SECCOMP_PROGRAM_MAX);
        seccomp_policy_done(&p);
        return 0;
}
