/* SPDX-License-Identifier: Apache-2.0 */
/* The generated table of system call numbers. */
#include <linux/audit.h>
#include <string.h>

#include "runtime/seccomp_priv.h"
#include "util/auto.h"

struct syscall_entry {
        uint16_t name; /* offset in syscall_names */
        int16_t number[SECCOMP_COLUMNS];
};
#include "runtime/syscall_table.h"

int seccomp_syscall_number(const char *name, unsigned column)
{
        size_t low = 0, high = ARRAY_LEN(syscall_table);

        while (low < high) {
                size_t mid = low + (high - low) / 2;
                int order = strcmp(name, syscall_names + syscall_table[mid].name);

                if (order == 0)
                        return syscall_table[mid].number[column];
                if (order < 0)
                        high = mid;
                else
                        low = mid + 1;
        }
        return -1;
}

const char *seccomp_syscall_name(size_t index)
{
        return index < ARRAY_LEN(syscall_table) ? syscall_names + syscall_table[index].name : NULL;
}

uint32_t seccomp_syscall_arch(unsigned column)
{
#if defined(__x86_64__) && !defined(__ILP32__)
        static const uint32_t arch[SECCOMP_COLUMNS] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 };

        return arch[column];
#else
        (void)column; /* others go through the runtime's libseccomp */
        return 0;
#endif
}
