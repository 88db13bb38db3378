/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/parse.h"

void metrics_process_open(struct metrics_process *p)
{
        p->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
        p->fds_fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        p->started = time_now();
}

void metrics_process_done(struct metrics_process *p)
{
        closep(&p->statm_fd);
        closep(&p->fds_fd);
}

/* The next number of "123 456 ..."; *at moves behind it. -1: there is none. */
static int64_t next_number(const char **at)
{
        size_t digits = strspn(*at, "0123456789");
        char word[24];
        uint64_t n;

        if (digits == 0 || digits >= sizeof(word))
                return -1;
        memcpy(word, *at, digits);
        word[digits] = '\0';
        *at += digits + ((*at)[digits] == ' ');
        return parse_u64(word, 0, INT64_MAX, &n) == 0 ? (int64_t)n : -1;
}

/* proc(5): size and resident set in pages. */
static void read_memory(const struct metrics_process *p, struct metrics_process_values *ret)
{
        int64_t page = sysconf(_SC_PAGESIZE);
        char text[128] = "";
        const char *at = text;
        ssize_t n = p->statm_fd < 0 ? -1 : pread(p->statm_fd, text, sizeof(text) - 1, 0);
        int64_t size = n > 0 ? next_number(&at) : -1;
        int64_t resident = size >= 0 ? next_number(&at) : -1;

        ret->virtual_bytes = size < 0 ? -1 : size * page;
        ret->resident_bytes = resident < 0 ? -1 : resident * page;
}

static int64_t count_entries(int fd)
{
        char entries[4096] __attribute__((aligned(8)));
        int64_t n = -2; /* "." and ".." */
        ssize_t size;

        if (lseek(fd, 0, SEEK_SET) < 0)
                return -1;
        while ((size = getdents64(fd, entries, sizeof(entries))) > 0)
                for (const char *at = entries; at < entries + size;
                     at += ((const struct dirent64 *)(const void *)at)->d_reclen)
                        n++;
        return size < 0 || n < 0 ? -1 : n;
}

/* Since Linux 6.2 the size of the directory is the number of its entries (proc(5)); before, it was 0. */
static int64_t count_fds(const struct metrics_process *p)
{
        struct stat st;

        if (p->fds_fd < 0 || fstat(p->fds_fd, &st) < 0)
                return -1;
        return st.st_size > 0 ? st.st_size : count_entries(p->fds_fd);
}

static nsec from_timeval(struct timeval t)
{
        return t.tv_sec * NSEC_PER_SEC + t.tv_usec * NSEC_PER_USEC;
}

void metrics_process_read(const struct metrics_process *p, struct metrics_process_values *ret)
{
        struct rusage usage = { 0 };
        struct rlimit limit = { .rlim_cur = RLIM_INFINITY };

        (void)getrusage(RUSAGE_SELF, &usage);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
        ret->cpu = from_timeval(usage.ru_utime) + from_timeval(usage.ru_stime);
        ret->max_fds = limit.rlim_cur == RLIM_INFINITY ? -1 : (int64_t)limit.rlim_cur;
        ret->open_fds = count_fds(p);
        ret->started = p->started;
        read_memory(p, ret);
}
