/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one pod directory says. State first, then the files: a file can only be newer than the
 * state, and what the owner writes last (status) is read only when no owner is left. Every system
 * call counts: a list reads thousands.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pod/status.h"
#include "pod/view_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"
#include "util/parse.h"

void view_reader_init(struct view_reader *r)
{
        r->bytes = xmalloc(LIMIT_STATE_FILE_BYTES + 2);
}

void view_reader_done(struct view_reader *r)
{
        free(r->bytes);
        r->bytes = NULL;
}

/* A descriptor and what it is, or -errno. O_NONBLOCK: a FIFO called "pid" must not hang us. */
int view_open_regular(int dirfd, const char *path, struct stat *st)
{
        AUTO_CLOSE int fd =
                openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        if (fstat(fd, st) < 0)
                return -errno;
        return S_ISREG(st->st_mode) ? TAKE_FD(fd) : -EINVAL;
}

/*
 * Up to @max bytes; one read(2) tells the end of a regular file when it is asked for more than
 * there is.
 */
ssize_t view_read_whole(int fd, char *to, size_t max)
{
        ssize_t n = pread(fd, to, max + 1, 0);

        if (n < 0)
                return -errno;
        if ((size_t)n > max)
                return -ENOBUFS;
        to[n] = '\0';
        return n;
}

ssize_t view_read_small(struct view_reader *r, int dirfd, const char *path, struct stat *ret_st)
{
        struct stat st;
        AUTO_CLOSE int fd = view_open_regular(dirfd, path, &st);

        if (fd < 0)
                return fd;
        if (ret_st)
                *ret_st = st;
        return view_read_whole(fd, r->bytes, LIMIT_STATE_FILE_BYTES);
}

void view_problem(struct reading *rd, const char *fmt, ...)
{
        char text[1280];
        va_list ap;

        if (rd->v->problem || rd->lenient)
                return;
        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        rd->v->problem = xstrdup(text);
}

void view_unreadable(struct reading *rd, const char *path, ssize_t r)
{
        if (r == -EINVAL || r == -ELOOP)
                view_problem(rd, "%s: not a regular file", path);
        else if (r == -ENOBUFS)
                view_problem(rd, "%s: too long", path);
        else
                view_problem(rd, "%s: %s", path, strerror((int)-r));
}

/* Length, or -1 with the problem noted; that it does not exist is noted only when it must. */
ssize_t view_read_state(struct reading *rd, const char *path, bool must, struct stat *st)
{
        ssize_t n = view_read_small(rd->r, rd->podfd, path, st);

        if (n < 0 && (must || n != -ENOENT))
                view_unreadable(rd, path, n);
        return n < 0 ? -1 : n;
}

static void chomp(char *s, ssize_t len)
{
        if (len > 0 && s[len - 1] == '\n')
                s[len - 1] = '\0';
}

static void read_created(struct reading *rd)
{
        struct stat st;

        if (fstatat(rd->podfd, "pod-created", &st, AT_SYMLINK_NOFOLLOW) == 0)
                rd->v->created_at = fs_mtime(&st);
        else
                view_problem(rd, "pod-created: %s", strerror(errno));
}

/* started_at without the pid is one system call instead of four. */
static void read_started(struct reading *rd)
{
        struct stat st;

        if (fstatat(rd->podfd, "pid", &st, AT_SYMLINK_NOFOLLOW) == 0)
                rd->v->started_at = fs_mtime(&st);
}

static void read_pid(struct reading *rd)
{
        struct stat st;
        /* A pod may be locked and in run/ for some milliseconds before its init exists. */
        ssize_t n = view_read_state(rd, "pid", false, &st);
        int64_t pid;

        if (n < 0)
                return;
        rd->v->started_at = fs_mtime(&st);
        chomp(rd->r->bytes, n);
        if (parse_i64(rd->r->bytes, 1, INT_MAX, &pid) < 0)
                view_problem(rd, "pid: \"%.20s\" is no process id", rd->r->bytes);
        else
                rd->v->pid = (pid_t)pid;
}

static void read_cgroup(struct reading *rd)
{
        ssize_t n = view_read_state(rd, "subcgroup", false, NULL);

        if (n < 0)
                return;
        chomp(rd->r->bytes, n);
        for (const char *c = rd->r->bytes; *c != '\0'; c++)
                if (*c < 0x20 || *c > 0x7e) {
                        view_problem(rd, "subcgroup: not a plain path");
                        return;
                }
        rd->v->cgroup = xasprintf("%s%s", rd->r->bytes[0] == '/' ? "" : "/", rd->r->bytes);
}

static void read_networks(struct reading *rd)
{
        ssize_t n = view_read_state(rd, "net-info.json", false, NULL);
        struct err e;

        if (n >= 0 && pod_networks_parse(rd->r->bytes, (size_t)n, &rd->v->networks, &e) < 0)
                view_problem(rd, "net-info.json: %s", e.text);
}

static void read_status(struct reading *rd)
{
        AUTO(pod_status_done) struct pod_status status = POD_STATUS_NULL;
        /* Missing after a kill: then nobody knows how it ended. */
        ssize_t n = view_read_state(rd, "status", false, NULL);
        struct err e;

        if (n < 0)
                return;
        if (pod_status_parse(rd->r->bytes, (size_t)n, &status, &e) < 0) {
                view_problem(rd, "status: %s", e.text);
                return;
        }
        rd->v->has_exit_code = true;
        rd->v->exit_code = status.exit_code;
        rd->v->signal = status.signal;
        rd->v->finished_at = status.finished_at;
        rd->v->reason = TAKE_PTR(status.reason);
}

static void read_facts(struct reading *rd)
{
        struct pod_view *v = rd->v;
        bool running = v->state == POD_RUNNING;

        if (rd->want & POD_VIEW_TIMES)
                read_created(rd);
        if (v->state == POD_PREPARED || v->dir == POD_DIR_GARBAGE)
                return;
        if (rd->want & POD_VIEW_PROCESS)
                read_pid(rd);
        else if (rd->want & POD_VIEW_TIMES)
                read_started(rd);
        if (running && rd->want & POD_VIEW_PROCESS) {
                read_cgroup(rd);
                v->ready = faccessat(rd->podfd, "ready", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        }
        if ((running || v->state == POD_EXITED) && rd->want & POD_VIEW_NETWORKS)
                read_networks(rd);
        if (!running && rd->want & POD_VIEW_END)
                read_status(rd);
}

struct pod_view *view_sample(struct view_reader *r, struct pod_store *s, struct pod *p,
                             unsigned want)
{
        enum pod_state state = pod_state_sample(s, p);

        return view_of(r, p, state, want);
}

struct pod_view *view_of(struct view_reader *r, const struct pod *p, enum pod_state state,
                         unsigned want)
{
        struct pod_view *v = xcalloc(1, sizeof(*v));
        struct reading rd = { .r = r, .podfd = p->fd, .v = v, .want = want };
        struct stat st;

        v->uuid = p->uuid;
        v->pid = -1;
        v->state = state;
        v->dir = p->dir;
        rd.lenient = !pod_state_has_manifest(v->state) || v->dir == POD_DIR_GARBAGE;
        if (v->dir == POD_DIR_EMBRYO || v->dir == POD_DIR_PREPARE)
                return v;
        if ((v->dir == POD_DIR_EXITED_GARBAGE || v->dir == POD_DIR_GARBAGE) &&
            fstat(p->fd, &st) == 0)
                v->gc_marked_at = fs_ctime(&st);
        if (want & (POD_VIEW_MANIFEST | POD_VIEW_IMAGES | POD_VIEW_APPS))
                view_read_manifest(&rd);
        else if (want & POD_VIEW_NAMES)
                view_read_names(&rd);
        /* Written before its apps start, so read after them: none is seen to run in a pod that has not started. */
        if (want & POD_VIEW_FACTS)
                read_facts(&rd);
        return v;
}
