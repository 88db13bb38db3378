/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole address space is unmapped but the page that this loop is in; the stack too, for a loop around a system call
 * needs none. Only SIGKILL is not blocked, and it needs nothing of ours.
 */
#include "supervisor/idle.h"

#include <stdint.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RSEQ_LEN = 32, UNREGISTER = 1 }; /* linux/rseq.h: the size that glibc registers */

/* The kernel writes to the registered area whenever the process is scheduled, and kills it when that fails. */
static int unregister_rseq(void)
{
        char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

        if (__rseq_size == 0)
                return 0; /* never registered */
        return syscall(SYS_rseq, area, RSEQ_LEN, UNREGISTER, RSEQ_SIG) == 0 ? 0 : -1;
}

_Noreturn void idle_for_ever(void)
{
        if (unregister_rseq() < 0)
                for (;;)
                        (void)pause();
        __asm__ volatile(".p2align 7\n\t" /* shorter than 128 bytes: within one page */
                         "1:\n\t"
                         "leaq 1b(%%rip), %%r12\n\t"
                         "andq $-4096, %%r12\n\t"
                         "movl %[munmap], %%eax\n\t"
                         "movl $4096, %%edi\n\t"
                         "leaq -4096(%%r12), %%rsi\n\t"
                         "syscall\n\t"
                         "movl %[munmap], %%eax\n\t"
                         "leaq 4096(%%r12), %%rdi\n\t"
                         "movabsq $0x7ffffffff000, %%rsi\n\t" /* the end of user space, 47 bits */
                         "subq %%rdi, %%rsi\n\t"
                         "syscall\n\t"
                         "2:\n\t"
                         "movl %[pause], %%eax\n\t"
                         "syscall\n\t"
                         "jmp 2b\n\t"
                         :
                         : [munmap] "i"(SYS_munmap), [pause] "i"(SYS_pause)
                         : "rax", "rcx", "rdi", "rsi", "r11", "r12", "memory");
        __builtin_unreachable();
}
