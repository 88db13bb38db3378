/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a cgroup: entering, listing, signalling, killing; and the small files that tell about them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cgroup_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/time.h"

enum { BACK_OFF_MAX_MS = 10 };

/* --- Files --- */

int cgroup_write(int dirfd, const char *file, const char *text)
{
        AUTO_CLOSE int fd = openat(dirfd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

        if (fd < 0)
                return -errno;
        /* One write: the kernel takes each write as a whole command. */
        return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int cgroup_write_u64(int dirfd, const char *file, uint64_t value)
{
        char text[32];

        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
        return cgroup_write(dirfd, file, text);
}

int cgroup_read(int dirfd, const char *file, struct buf *out)
{
        return fs_read_file(dirfd, file, out);
}

uint64_t cgroup_flat_get(const char *text, const char *key)
{
        size_t n = strlen(key);

        for (const char *line = text; *line;) {
                size_t len = strcspn(line, "\n");

                if (len > n && strncmp(line, key, n) == 0 && line[n] == ' ') {
                        AUTO_FREE char *value = xstrndup(line + n + 1, len - n - 1);
                        uint64_t v;

                        return parse_u64(value, 0, UINT64_MAX, &v) == 0 ? v : 0;
                }
                line += len + (line[len] == '\n');
        }
        return 0;
}

/* --- Processes --- */

int runtime_cgroup_v2_fd(const struct runtime_cgroup *cg)
{
        int i = cgroup_v2_index(cg->host);

        return i < 0 ? -1 : cg->fd[i];
}

/*
 * By `tasks`, not `cgroup.procs`: for a single thread that moves itself the kernel needs no lock against forks, and it is the
 * taking of that lock which waits for RCU (6 to 15 ms after idle, against 35 us).
 */
int runtime_cgroup_enter_v1(const struct runtime_cgroup *cg, int *ret_hierarchy)
{
        int v2 = cgroup_v2_index(cg->host);

        for (size_t i = 0; i < cg->host->n; i++) {
                int r = (int)i == v2 ? 0 : cgroup_write(cg->fd[i], "tasks", "0");

                if (r < 0) {
                        *ret_hierarchy = (int)i;
                        return r;
                }
        }
        return 0;
}

int runtime_cgroup_join(const struct runtime_cgroup *cg, pid_t pid, struct err *e)
{
        for (size_t i = 0; i < cg->host->n; i++) {
                int r = cgroup_write_u64(cg->fd[i], "cgroup.procs", (uint64_t)pid);

                if (r < 0)
                        return err_set(e, ERR_INTERNAL, -r, "join cgroup %s/%s",
                                       cg->host->h[i].mount, cg->path);
        }
        return 0;
}

int runtime_cgroup_clone_fd(const struct runtime_cgroup *cg)
{
        return cg->host->mode == RUNTIME_CGROUP_V2 ? cg->fd[cgroup_v2_index(cg->host)] : -1;
}

struct walk {
        cgroup_pid_fn fn;
        void *arg;
        int count;
        int depth;
};

static int each_pid_beneath(int dirfd, const char *name, unsigned char d_type, void *arg);

static int each_pid_in(int dirfd, struct walk *w)
{
        AUTO(buf_done) struct buf text = BUF_NULL(CGROUP_FILE_MAX);
        int r = cgroup_read(dirfd, "cgroup.procs", &text);
        char *save = NULL;

        if (r == -ENODEV || r == -ENOENT)
                return 0; /* removed meanwhile */
        if (r < 0 && r != -EOPNOTSUPP)
                return r;
        for (char *line = r < 0 || text.len == 0 ? NULL : strtok_r((char *)text.data, "\n", &save);
             line; line = strtok_r(NULL, "\n", &save)) {
                int64_t pid;

                /* 0: a process outside of our PID namespace */
                if (parse_i64(line, 1, INT32_MAX, &pid) < 0)
                        continue;
                w->count++;
                if (w->fn)
                        w->fn((pid_t)pid, w->arg);
        }
        return fs_each(dirfd, each_pid_beneath, w);
}

static int each_pid_beneath(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        struct walk *w = arg;
        AUTO_CLOSE int fd = -1;
        int r;

        if (d_type != DT_DIR || w->depth >= CGROUP_DEPTH_MAX)
                return 0;
        fd = fs_open_dir(dirfd, name);
        if (fd < 0)
                return 0;
        w->depth++;
        r = each_pid_in(fd, w);
        w->depth--;
        return r;
}

int cgroup_each_pid(int dirfd, cgroup_pid_fn fn, void *arg)
{
        struct walk w = { .fn = fn, .arg = arg };
        int r = each_pid_in(dirfd, &w);

        return r < 0 ? r : w.count;
}

/* The hierarchy to ask who is inside: any will do, v2 is cheapest. */
static int tracking_fd(const struct runtime_cgroup *cg)
{
        int i = cgroup_v2_index(cg->host);

        if (i < 0)
                i = cgroup_v1_index(cg->host, CGROUP_FREEZER);
        if (i < 0)
                i = cgroup_v1_index(cg->host, CGROUP_PIDS);
        return i >= 0 ? cg->fd[i] : cg->host->n > 0 ? cg->fd[0] : -1;
}

int runtime_cgroup_is_empty(const struct runtime_cgroup *cg)
{
        int fd = tracking_fd(cg), n;

        if (fd < 0)
                return 1;
        n = cgroup_each_pid(fd, NULL, NULL);
        return n < 0 ? n : n == 0;
}

static void signal_one(pid_t pid, void *arg)
{
        (void)kill(pid, *(const int *)arg);
}

int runtime_cgroup_signal(const struct runtime_cgroup *cg, int signo)
{
        int fd = tracking_fd(cg), n = fd < 0 ? 0 : cgroup_each_pid(fd, signal_one, &signo);

        return n < 0 ? n : 0;
}

void cgroup_back_off(int *wait_ms)
{
        (void)poll(NULL, 0, *wait_ms);
        *wait_ms = *wait_ms < BACK_OFF_MAX_MS ? *wait_ms * 2 : BACK_OFF_MAX_MS;
}

static int kill_once(const struct runtime_cgroup *cg)
{
        int v2 = cgroup_v2_index(cg->host), fd = tracking_fd(cg), signo = SIGKILL;

        if (fd < 0)
                return 0;
        /* Kernel 5.14; before, and on v1, one by one. */
        if (v2 >= 0 && cgroup_write(cg->fd[v2], "cgroup.kill", "1") == 0)
                return cgroup_each_pid(fd, NULL, NULL);
        if (cgroup_v1_index(cg->host, CGROUP_FREEZER) >= 0)
                return cgroup_v1_kill_once(cg);
        return cgroup_each_pid(fd, signal_one, &signo);
}

int runtime_cgroup_kill(const struct runtime_cgroup *cg, int timeout_ms, struct err *e)
{
        nsec deadline = time_monotonic() + timeout_ms * NSEC_PER_MSEC;
        int wait_ms = 1;

        for (;;) {
                int n = kill_once(cg);

                if (n == 0)
                        return 0;
                if (n < 0)
                        return err_set(e, ERR_INTERNAL, -n, "kill cgroup %s", cg->path);
                if (time_monotonic() >= deadline)
                        return err_set(e, ERR_TIMEOUT, 0,
                                       "kill cgroup %s: %d processes are still there", cg->path, n);
                cgroup_back_off(&wait_ms);
        }
}

uint64_t runtime_cgroup_oom_kills(const struct runtime_cgroup *cg)
{
        AUTO(buf_done) struct buf text = BUF_NULL(CGROUP_FILE_MAX);
        int v1 = cgroup_v1_index(cg->host, CGROUP_MEMORY), v2 = cgroup_v2_index(cg->host), r;

        if (v1 < 0 && v2 < 0)
                return 0;
        r = v1 >= 0 ? cgroup_read(cg->fd[v1], "memory.oom_control", &text)
                    : cgroup_read(cg->fd[v2], "memory.events", &text);
        return r < 0 ? 0 : cgroup_flat_get(buf_str(&text), "oom_kill");
}
