/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp (Documentation/userspace-api/seccomp_filter.rst): the calls that a running service makes. The program
 * is a plain list, since the kernel keeps a bitmap of what is allowed whatever the arguments are, and does not
 * run it for those (Linux 5.11).
 *
 * Who adds a call here says what for. What is wanted at the start only belongs before confine_self().
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/confine.h"
#include "util/auto.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#else
#define ARCH 0 /* the halves of arguments may be the other way round: nobody has looked */
#endif

#define X32_BIT 0x40000000u
#define NEWEST                                                                                     \
        450 /* whoever tries a newer call has a way to do without: ENOSYS, as from an old kernel */
#define WRITING (O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))
#define REFUSED (SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN (SECCOMP_RET_ERRNO | ENOSYS)

static const int allowed[] = {
        /* The most frequent first: sockets, the loop. */
        __NR_epoll_pwait,
        __NR_recvfrom,
        __NR_read,
        __NR_write,
        __NR_writev,
        __NR_epoll_ctl,
        __NR_clock_gettime,
        __NR_close,
        __NR_accept4,
        __NR_readv,
        __NR_shutdown,
        __NR_getsockopt,
        __NR_getsockname,
        __NR_getpeername,
        __NR_ppoll,
        __NR_epoll_create1,
        __NR_timerfd_create,
        __NR_timerfd_settime,
        __NR_timerfd_gettime,
        __NR_eventfd2,
        __NR_pipe2,
        /* Looking at files; what openat may is below. */
        __NR_fstat,
        __NR_newfstatat,
        __NR_statx,
        __NR_lseek,
        __NR_pread64,
        __NR_preadv,
        __NR_getdents64,
        __NR_readlinkat,
        __NR_faccessat,
        __NR_faccessat2,
        __NR_fadvise64,
        __NR_getcwd,
        __NR_statfs,
        __NR_fstatfs,
        __NR_dup,
        __NR_dup3,
        /* Following them, and the init of a pod. */
        __NR_inotify_init1,
        __NR_inotify_add_watch,
        __NR_inotify_rm_watch,
        __NR_pidfd_open,
        /* Memory; what mmap and mprotect may is below. */
        __NR_brk,
        __NR_munmap,
        __NR_mremap,
        __NR_madvise,
        __NR_futex,
        __NR_membarrier,
        __NR_getrandom,
        /* Signals that we get. */
        __NR_rt_sigaction,
        __NR_rt_sigprocmask,
        __NR_rt_sigreturn,
        __NR_sigaltstack,
        /* Time, and who and what we are. */
        __NR_clock_getres,
        __NR_clock_nanosleep,
        __NR_nanosleep,
        __NR_gettimeofday,
        __NR_getpid,
        __NR_gettid,
        __NR_getppid,
        __NR_getuid,
        __NR_geteuid,
        __NR_getgid,
        __NR_getegid,
        __NR_getgroups,
        __NR_getresuid,
        __NR_getresgid,
        __NR_uname,
        __NR_sysinfo,
        __NR_getrusage,
        __NR_times,
        __NR_getcpu,
        __NR_sched_yield,
        __NR_sched_getaffinity,
        __NR_capget,
        __NR_restart_syscall,
        __NR_exit,
        __NR_exit_group,
/* Older forms of the same, where an architecture has them. */
#ifdef __NR_epoll_wait
        __NR_epoll_wait,
#endif
#ifdef __NR_poll
        __NR_poll,
#endif
#ifdef __NR_stat
        __NR_stat,
        __NR_lstat,
#endif
#ifdef __NR_access
        __NR_access,
#endif
#ifdef __NR_readlink
        __NR_readlink,
#endif
#ifdef __NR_time
        __NR_time,
#endif
#ifdef __NR_getrlimit
        __NR_getrlimit,
#endif
};

/* Never by mistake. */
static const int deadly[] = {
        __NR_execve, __NR_execveat, __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev,
};

/*
 * Allowed when argument @index, masked, is @value; several lines of one call: any of them. The kernel
 * looks at the lower half of an int only, and so do we.
 */
struct condition {
        int nr;
        unsigned index;
        uint64_t mask;
        uint32_t value;
};

#define INT  UINT64_C(0xffffffff)
#define WORD UINT64_MAX
#define SELF UINT32_MAX /* our own process id */

static const struct condition conditions[] = {
        { __NR_openat, 2, WRITING, O_RDONLY },
#ifdef __NR_open
        { __NR_open, 1, WRITING, O_RDONLY },
#endif
        { __NR_mmap, 2, PROT_EXEC, 0 },
        { __NR_mprotect, 2, PROT_EXEC, 0 },
        { __NR_fcntl, 1, INT, F_GETFL },
        { __NR_fcntl, 1, INT, F_SETFL },
        { __NR_fcntl, 1, INT, F_GETFD },
        { __NR_fcntl, 1, INT, F_SETFD },
        { __NR_fcntl, 1, INT, F_DUPFD_CLOEXEC },
        { __NR_ioctl, 1, INT, FIONBIO },
        { __NR_ioctl, 1, INT, FIONREAD },
        { __NR_ioctl, 1, INT, FIOCLEX },
        { __NR_ioctl, 1, INT, TCGETS }, /* isatty(3) */
        /* Whether somebody holds the lock of a pod; never to keep it from others. */
        { __NR_flock, 1, INT, LOCK_SH | LOCK_NB },
        { __NR_flock, 1, INT, LOCK_UN },
        { __NR_setsockopt, 1, INT, IPPROTO_TCP },
        { __NR_setsockopt, 1, INT, SOL_SOCKET },
        /* Connected sockets only: no address. */
        { __NR_sendto, 5, INT, 0 },
        { __NR_prlimit64, 2, WORD, 0 }, /* asking, not setting */
        { __NR_tgkill, 0, INT, SELF },  /* abort(3) */
};

/* Everything jumps to one of the ends, so that all but the arguments' own are single instructions. */
enum { PROGRAM_MAX = 250 /* what a jump reaches */ };
enum end { END_ALLOW, END_KILL, END_UNKNOWN, END_MAX };

struct program {
        struct sock_filter at[PROGRAM_MAX];
        unsigned n;
        /* Instructions that jump, when true, to an end that is not there yet. */
        uint8_t to_end[PROGRAM_MAX]; /* 1 + enum end; 0: none */
};

static void add(struct program *p, unsigned code, uint32_t k, uint8_t jt, uint8_t jf)
{
        if (p->n < PROGRAM_MAX)
                p->at[p->n++] = (struct sock_filter){ (uint16_t)code, jt, jf, k };
}

static void end_if(struct program *p, unsigned comparison, uint32_t k, enum end end)
{
        if (p->n < PROGRAM_MAX)
                p->to_end[p->n] = (uint8_t)(1 + end);
        add(p, BPF_JMP | comparison | BPF_K, k, 0, 0);
}

static void load(struct program *p, size_t offset)
{
        add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* Little endian, as all architectures above. */
static void add_condition(struct program *p, const struct condition *c)
{
        size_t at = offsetof(struct seccomp_data, args) + 8 * c->index;

        if (c->mask >> 32) {
                load(p, at + 4);
                add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0,
                    2); /* over what follows: all masks are whole */
        }
        load(p, at);
        if ((uint32_t)c->mask != UINT32_MAX)
                add(p, BPF_ALU | BPF_AND | BPF_K, (uint32_t)c->mask, 0, 0);
        end_if(p, BPF_JEQ, c->value == SELF ? (uint32_t)getpid() : c->value, END_ALLOW);
}

/* All conditions on the call of conditions[i]; the index after them. */
static size_t add_call(struct program *p, size_t i)
{
        int nr = conditions[i].nr;
        unsigned skip = p->n;

        add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 0);
        for (; i < ARRAY_LEN(conditions) && conditions[i].nr == nr; i++)
                add_condition(p, &conditions[i]);
        add(p, BPF_RET | BPF_K, REFUSED, 0, 0);
        p->at[skip].jf = (uint8_t)(p->n - skip - 1);
        return i;
}

static void add_ends(struct program *p)
{
        static const uint32_t actions[] = {
                [END_ALLOW] = SECCOMP_RET_ALLOW,
                [END_KILL] = SECCOMP_RET_KILL_PROCESS,
                [END_UNKNOWN] = UNKNOWN,
        };

        for (unsigned end = 0; end < END_MAX; end++) {
                for (unsigned i = 0; i < p->n; i++)
                        if (p->to_end[i] == 1 + end)
                                p->at[i].jt = (uint8_t)(p->n - i - 1);
                add(p, BPF_RET | BPF_K, actions[end], 0, 0);
        }
}

static void compile(struct program *p)
{
        load(p, offsetof(struct seccomp_data, arch));
        add(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
        add(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
        load(p, offsetof(struct seccomp_data, nr));
        for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
                end_if(p, BPF_JEQ, (uint32_t)allowed[i], END_ALLOW);
        for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
                end_if(p, BPF_JEQ, (uint32_t)deadly[i], END_KILL);
        end_if(p, BPF_JGE, X32_BIT, END_KILL);
        end_if(p, BPF_JGT, NEWEST, END_UNKNOWN);
        for (size_t i = 0; i < ARRAY_LEN(conditions);)
                i = add_call(p, i);
        add(p, BPF_RET | BPF_K, REFUSED, 0, 0);
        add_ends(p);
}

int confine_calls(struct err *e)
{
        struct program p = { .n = 0 };
        struct sock_fprog program = { .filter = p.at };
        unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG;

        if (ARCH == 0)
                return err_set(e, ERR_UNSUPPORTED, 0, "not known on this architecture");
        compile(&p);
        if (p.n == PROGRAM_MAX)
                return err_set(e, ERR_INTERNAL, 0, "too many system calls are allowed");
        program.len = (unsigned short)p.n;
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) != 0)
                return err_set(e, ERR_UNSUPPORTED, errno, "install the filter");
        return 0;
}
