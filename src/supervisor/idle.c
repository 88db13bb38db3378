/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/idle.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static int forget_segments(struct dl_phdr_info *info, size_t size, void *arg)
{
        uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

        (void)size;
        (void)arg;
        for (unsigned i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
                uintptr_t start = (info->dlpi_addr + ph->p_vaddr) & ~(page - 1);
                uintptr_t end = info->dlpi_addr + ph->p_vaddr + ph->p_memsz;

                /* A writable segment holds what relocation made of it, also where it is read-only by now. */
                if (ph->p_type == PT_LOAD && !(ph->p_flags & PF_W))
                        (void)madvise((void *)start, end - start, MADV_DONTNEED);
        }
        return 0;
}

void idle_forget_code(void)
{
        (void)dl_iterate_phdr(forget_segments, NULL);
}
