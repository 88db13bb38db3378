/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a cgroup, the same in every layout: one directory of one name per hierarchy, made top down, entered by
 * writing to cgroup.procs, emptied, and removed bottom up. What differs between the versions (limits, devices,
 * killing) is in cgroup_v1.c and cgroup_v2.c.
 *
 * A process is in one cgroup per hierarchy, so on v1 all of them are joined, else a later kill or accounting by
 * another controller's directory would miss it. In the hybrid layout the v2 hierarchy is joined too: its
 * cgroup.kill ends everything at once, where v1 needs a loop.
 */
#include "runtime/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appc/isolator.h"
#include "runtime/cgroup_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/time.h"

#define PARENT "carob" /* of the pods' cgroups, beneath the top of each hierarchy */

enum { CREATE_TRIES = 8, RETRY_MAX_MS = 10 };

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

/* --- Creation --- */

static struct runtime_cgroup *cgroup_new(const struct runtime_cgroup_host *host, char *path)
{
        struct runtime_cgroup *cg = xcalloc(1, sizeof(*cg));

        cg->host = host;
        cg->path = path;
        for (size_t i = 0; i < CGROUP_HIERARCHIES_MAX; i++)
                cg->fd[i] = -1;
        return cg;
}

struct runtime_cgroup *runtime_cgroup_free(struct runtime_cgroup *cg)
{
        if (!cg)
                return NULL;
        for (size_t i = 0; i < CGROUP_HIERARCHIES_MAX; i++)
                closep(&cg->fd[i]);
        free(cg->path);
        free(cg);
        return NULL;
}

void runtime_cgroup_freep(struct runtime_cgroup **cg)
{
        (void)runtime_cgroup_free(*cg);
}

const char *runtime_cgroup_path(const struct runtime_cgroup *cg)
{
        return cg->host->n > 0 ? cg->path : "";
}

/* All components of @path, with the controllers of v2 switched on for each one's children. fd or -errno. */
static int make_path(const struct cgroup_hierarchy *h, const char *path, bool controllers)
{
        AUTO_CLOSE int at = fcntl(h->fd, F_DUPFD_CLOEXEC, 0);
        AUTO_FREE char *copy = xstrdup(path);
        char *save = NULL;

        if (at < 0)
                return -errno;
        if (controllers)
                (void)cgroup_v2_enable(at);
        for (char *part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
                int next;

                if (mkdirat(at, part, 0755) < 0 && errno != EEXIST)
                        return -errno;
                next = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0)
                        return -errno;
                (void)close(at);
                at = next;
                if (controllers)
                        (void)cgroup_v2_enable(at);
        }
        return TAKE_FD(at);
}

static int make_everywhere(struct runtime_cgroup *cg, struct err *e)
{
        const struct runtime_cgroup_host *host = cg->host;

        for (size_t i = 0; i < host->n; i++) {
                const struct cgroup_hierarchy *h = &host->h[i];
                /* The pod's cgroup hands controllers on to its apps; a gc may remove the parent between our steps. */
                for (int try = 0; try < CREATE_TRIES && cg->fd[i] < 0; try++) {
                        cg->fd[i] =
                                make_path(h, cg->path, h->v2 && host->mode == RUNTIME_CGROUP_V2);
                        if (cg->fd[i] < 0 && cg->fd[i] != -ENOENT && cg->fd[i] != -ENODEV)
                                break;
                }
                if (cg->fd[i] < 0) {
                        int code = -cg->fd[i];

                        cg->fd[i] = -1;
                        return err_set(e, ERR_INTERNAL, code, "make cgroup %s/%s", h->mount,
                                       cg->path);
                }
        }
        return 0;
}

/*
 * On v2 a cgroup whose children have controllers must hold no process itself, so we leave the delegated cgroup for a
 * child of it. v1 has no such rule.
 */
static int move_aside(const struct runtime_cgroup_host *host, const char *path, struct err *e)
{
        AUTO_FREE char *aside = xasprintf("%s/_carob", path);
        int i = cgroup_v2_index(host), r;
        AUTO_CLOSE int fd = -1;

        if (host->mode != RUNTIME_CGROUP_V2)
                return 0;
        fd = make_path(&host->h[i], aside, false);
        r = fd < 0 ? fd : cgroup_write(fd, "cgroup.procs", "0");
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "move into cgroup %s", aside) : 0;
}

int runtime_cgroup_create_pod(const struct runtime_cgroup_host *host, const char *uuid,
                              struct runtime_cgroup **ret, struct err *e)
{
        AUTO(runtime_cgroup_freep) struct runtime_cgroup *cg = NULL;
        char *delegated = cgroup_host_delegated_path(host);

        cg = cgroup_new(host, delegated ? delegated : xasprintf("%s/%s", PARENT, uuid));
        cg->delegated = delegated;
        if (delegated && move_aside(host, delegated, e) < 0)
                return -1;
        if (make_everywhere(cg, e) < 0) {
                struct err ignored;

                (void)runtime_cgroup_remove(cg, 0, &ignored);
                return -1;
        }
        *ret = TAKE_PTR(cg);
        return 0;
}

int runtime_cgroup_create_child(const struct runtime_cgroup *pod, const char *name,
                                struct runtime_cgroup **ret, struct err *e)
{
        AUTO(runtime_cgroup_freep)
        struct runtime_cgroup *cg = cgroup_new(pod->host, xasprintf("%s/%s", pod->path, name));

        for (size_t i = 0; i < pod->host->n; i++) {
                if (mkdirat(pod->fd[i], name, 0755) == 0 || errno == EEXIST)
                        cg->fd[i] = fs_open_dir(pod->fd[i], name);
                else
                        cg->fd[i] = -errno;
                if (cg->fd[i] < 0) {
                        int code = -cg->fd[i];

                        cg->fd[i] = -1;
                        return err_set(e, ERR_INTERNAL, code, "make cgroup %s/%s",
                                       pod->host->h[i].mount, cg->path);
                }
        }
        *ret = TAKE_PTR(cg);
        return 0;
}

/* --- Limits --- */

void runtime_limits_from_isolators(const struct appc_isolators *iso, bool for_app,
                                   struct runtime_limits *ret)
{
        int64_t cpu = iso->cpu_request_milli >= 0 ? iso->cpu_request_milli : iso->cpu_limit_milli;

        *ret = RUNTIME_LIMITS_NULL;
        ret->memory_limit_bytes = iso->memory_limit;
        ret->memory_request_bytes = iso->memory_request;
        ret->cpu_limit_milli = iso->cpu_limit_milli;
        if (iso->cpu_shares >= 0) {
                ret->cpu_shares = iso->cpu_shares;
        } else if (cpu >= 0) {
                int64_t shares = cpu > 256000 ? 262144 : cpu * 1024 / 1000;

                ret->cpu_shares = shares < 2 ? 2 : shares;
        }
        ret->pids_limit = iso->pids_limit;
        ret->pids_required = iso->pids_limit >= 0;
        if (ret->pids_limit < 0 && for_app)
                ret->pids_limit = RUNTIME_PIDS_DEFAULT;
}

uint64_t cgroup_cpu_weight(int64_t shares)
{
        return 1 + ((uint64_t)shares - 2) * 9999 / 262142;
}

int64_t cgroup_cpu_quota_us(int64_t milli)
{
        int64_t quota = milli > INT64_MAX / CGROUP_CPU_PERIOD_US
                                ? INT64_MAX / 1000
                                : milli * CGROUP_CPU_PERIOD_US / 1000;

        return quota < 1000 ? 1000 : quota; /* the kernel's least */
}

int cgroup_limit_failed(int code, const char *what, int64_t value, struct err *e)
{
        if (code == -ENOENT)
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "this host cannot limit %s: the cgroup controller is missing", what);
        return err_set(e, code == -EINVAL || code == -ERANGE ? ERR_USAGE : ERR_INTERNAL, -code,
                       "limit %s to %lld", what, (long long)value);
}

static bool any_limit(const struct runtime_limits *l)
{
        return l->memory_limit_bytes >= 0 || l->cpu_limit_milli >= 0 ||
               (l->pids_limit >= 0 && l->pids_required);
}

int runtime_cgroup_limit(const struct runtime_cgroup *cg, const struct runtime_limits *limits,
                         struct err *e)
{
        switch (cg->host->mode) {
        case RUNTIME_CGROUP_V1:
        case RUNTIME_CGROUP_HYBRID:
                return cgroup_v1_limit(cg, limits, e);
        case RUNTIME_CGROUP_V2:
                return cgroup_v2_limit(cg, limits, e);
        case RUNTIME_CGROUP_NONE:
        case RUNTIME_CGROUP_MODE_MAX:
                break;
        }
        if (any_limit(limits))
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "this host has no writable cgroups, so nothing can be limited");
        return 0;
}

int runtime_cgroup_restrict_devices(const struct runtime_cgroup *cg, struct err *e)
{
        int v1 = cgroup_v1_index(cg->host, CGROUP_DEVICES), v2 = cgroup_v2_index(cg->host), r;

        if (v1 >= 0)
                r = cgroup_v1_restrict_devices(cg->fd[v1]);
        else if (v2 >= 0)
                r = cgroup_v2_restrict_devices(cg->fd[v2]);
        else
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "this host has no cgroups to restrict devices with");
        if (r == -ENOSYS || r == -EINVAL)
                return err_set(e, ERR_UNSUPPORTED, -r, "restrict devices of cgroup %s", cg->path);
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "restrict devices of cgroup %s", cg->path) : 0;
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

static void sleep_ms(int ms)
{
        (void)poll(NULL, 0, ms);
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
                sleep_ms(wait_ms);
                wait_ms = wait_ms < RETRY_MAX_MS ? wait_ms * 2 : RETRY_MAX_MS;
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

/* --- Removal --- */

static int remove_beneath(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        int *depth = arg, r;
        AUTO_CLOSE int fd = -1;

        if (d_type != DT_DIR || *depth >= CGROUP_DEPTH_MAX)
                return 0;
        fd = fs_open_dir(dirfd, name);
        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        (*depth)++;
        r = fs_each(fd, remove_beneath, depth);
        (*depth)--;
        if (r < 0)
                return r;
        return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* 0, or -errno of the first that did not go (-EBUSY mostly). @keep_top: only what is beneath. */
static int remove_once(const struct runtime_cgroup_host *host, const char *path, bool keep_top)
{
        int first = 0;

        for (size_t i = 0; i < host->n; i++) {
                AUTO_CLOSE int fd =
                        fs_open_beneath(host->h[i].fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
                int depth = 0, r;

                if (fd < 0) {
                        first = fd == -ENOENT || first < 0 ? first : fd;
                        continue;
                }
                r = fs_each(fd, remove_beneath, &depth);
                if (r == 0 && unlinkat(host->h[i].fd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
                        r = keep_top ? 0 : -errno;
                first = first < 0 ? first : r;
        }
        /* Ourselves in "_carob": systemd removes that with the unit. */
        return keep_top && first == -EBUSY ? 0 : first;
}

static int remove_path(const struct runtime_cgroup_host *host, const char *path, bool keep_top,
                       int timeout_ms, struct err *e)
{
        nsec deadline = time_monotonic() + timeout_ms * NSEC_PER_MSEC;
        int wait_ms = 1;

        for (;;) {
                int r = remove_once(host, path, keep_top);

                if (r == 0)
                        return 0;
                if (r != -EBUSY)
                        return err_set(e, ERR_INTERNAL, -r, "remove cgroup %s", path);
                if (time_monotonic() >= deadline)
                        return err_set(e, ERR_BUSY, EBUSY, "remove cgroup %s", path);
                sleep_ms(wait_ms);
                wait_ms = wait_ms < RETRY_MAX_MS ? wait_ms * 2 : RETRY_MAX_MS;
        }
}

int runtime_cgroup_remove(const struct runtime_cgroup *cg, int timeout_ms, struct err *e)
{
        return remove_path(cg->host, cg->path, cg->delegated, timeout_ms, e);
}

/* A relative path of plain components: the file it comes from is ours, but people can touch it. */
static bool is_plain(const char *path)
{
        if (*path == '\0' || *path == '/')
                return false;
        for (const char *at = path; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
                if (*at == '/' || *at == '\0' ||
                    (at[0] == '.' && (at[1] == '/' || at[1] == '\0')) ||
                    (at[0] == '.' && at[1] == '.' && (at[2] == '/' || at[2] == '\0')))
                        return false;
        return true;
}

static int kill_left_over(const struct runtime_cgroup_host *host, const char *path, int timeout_ms,
                          struct err *e)
{
        AUTO(runtime_cgroup_freep) struct runtime_cgroup *cg = cgroup_new(host, xstrdup(path));
        bool there = false;

        for (size_t i = 0; i < host->n; i++) {
                int fd =
                        fs_open_beneath(host->h[i].fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

                cg->fd[i] = fd < 0 ? -1 : fd;
                there = there || fd >= 0;
        }
        return there && tracking_fd(cg) >= 0 ? runtime_cgroup_kill(cg, timeout_ms, e) : 0;
}

int runtime_cgroup_gc(const struct runtime_cgroup_host *host, const char *uuid, const char *path,
                      int timeout_ms, struct err *e)
{
        AUTO_FREE char *usual = xasprintf("%s/%s", PARENT, uuid);
        const char *where = path ? path : usual, *last;
        bool ours;

        if (!is_plain(where))
                return err_set(e, ERR_BAD_DATA, 0, "pod %s: not a cgroup path: \"%s\"", uuid,
                               where);
        last = strrchr(where, '/') ? strrchr(where, '/') + 1 : where;
        ours = strcmp(last, uuid) == 0;
        /* Else it must be a unit's cgroup that systemd handed to us; any other is none of our business. */
        if (!ours && !cgroup_host_is_delegated(host, where))
                return 0;
        if (ours && kill_left_over(host, where, timeout_ms, e) < 0)
                return -1;
        if (remove_path(host, where, !ours, timeout_ms, e) < 0)
                return -1;
        /* Fails while another pod is there, as it should. */
        for (size_t i = 0; i < host->n; i++)
                (void)unlinkat(host->h[i].fd, PARENT, AT_REMOVEDIR);
        return 0;
}
