/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one pod directory says. State first, then the files: a file can only be newer than the
 * state, and what the owner writes last (status) is read only when no owner is left. Every system
 * call counts: a list reads thousands.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pod/app_image.h"
#include "pod/launch.h"
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
static int open_regular(int dirfd, const char *path, struct stat *st)
{
        AUTO_CLOSE int fd =
                fs_open_beneath(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0);

        if (fd < 0)
                return fd;
        if (fstat(fd, st) < 0)
                return -errno;
        return S_ISREG(st->st_mode) ? TAKE_FD(fd) : -EINVAL;
}

/*
 * Up to @max bytes; one read(2) tells the end of a regular file when it is asked for more than
 * there is.
 */
static ssize_t read_whole(int fd, char *to, size_t max)
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
        AUTO_CLOSE int fd = open_regular(dirfd, path, &st);

        if (fd < 0)
                return fd;
        if (ret_st)
                *ret_st = st;
        return read_whole(fd, r->bytes, LIMIT_STATE_FILE_BYTES);
}

/* Everything needed while one pod is read. */
struct reading {
        struct view_reader *r;
        int podfd;
        struct pod_view *v;
        unsigned want;
        bool lenient; /* being deleted, or never finished: what is missing is no news */
};

static void problem(struct reading *rd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void problem(struct reading *rd, const char *fmt, ...)
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

static void unreadable(struct reading *rd, const char *path, ssize_t r)
{
        if (r == -EINVAL || r == -ELOOP)
                problem(rd, "%s: not a regular file", path);
        else if (r == -ENOBUFS)
                problem(rd, "%s: too long", path);
        else
                problem(rd, "%s: %s", path, strerror((int)-r));
}

/* Length, or -1 with the problem noted; that it does not exist is noted only when it must. */
static ssize_t read_state(struct reading *rd, const char *path, bool must, struct stat *st)
{
        ssize_t n = view_read_small(rd->r, rd->podfd, path, st);

        if (n < 0 && (must || n != -ENOENT))
                unreadable(rd, path, n);
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
                problem(rd, "pod-created: %s", strerror(errno));
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
        ssize_t n = read_state(rd, "pid", false, &st);
        int64_t pid;

        if (n < 0)
                return;
        rd->v->started_at = fs_mtime(&st);
        chomp(rd->r->bytes, n);
        if (parse_i64(rd->r->bytes, 1, INT_MAX, &pid) < 0)
                problem(rd, "pid: \"%.20s\" is no process id", rd->r->bytes);
        else
                rd->v->pid = (pid_t)pid;
}

static void read_cgroup(struct reading *rd)
{
        ssize_t n = read_state(rd, "subcgroup", false, NULL);

        if (n < 0)
                return;
        chomp(rd->r->bytes, n);
        for (const char *c = rd->r->bytes; *c != '\0'; c++)
                if (*c < 0x20 || *c > 0x7e) {
                        problem(rd, "subcgroup: not a plain path");
                        return;
                }
        rd->v->cgroup = xasprintf("%s%s", rd->r->bytes[0] == '/' ? "" : "/", rd->r->bytes);
}

static void read_networks(struct reading *rd)
{
        ssize_t n = read_state(rd, "net-info.json", false, NULL);
        struct err e;

        if (n >= 0 && pod_networks_parse(rd->r->bytes, (size_t)n, &rd->v->networks, &e) < 0)
                problem(rd, "net-info.json: %s", e.text);
}

static void read_status(struct reading *rd)
{
        AUTO(pod_status_done) struct pod_status status = POD_STATUS_NULL;
        /* Missing after a kill: then nobody knows how it ended. */
        ssize_t n = read_state(rd, "status", false, NULL);
        struct err e;

        if (n < 0)
                return;
        if (pod_status_parse(rd->r->bytes, (size_t)n, &status, &e) < 0) {
                problem(rd, "status: %s", e.text);
                return;
        }
        rd->v->has_exit_code = true;
        rd->v->exit_code = status.exit_code;
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

/* The bytes of `pod`, in memory of their own: they are the reply of the API. */
static bool read_manifest_bytes(struct reading *rd)
{
        struct stat st;
        AUTO_CLOSE int fd = open_regular(rd->podfd, "pod", &st);
        AUTO_FREE char *bytes = NULL;
        ssize_t n;

        if (fd < 0) {
                unreadable(rd, "pod", fd);
                return false;
        }
        if (st.st_size > (off_t)LIMIT_MANIFEST_BYTES) {
                unreadable(rd, "pod", -ENOBUFS);
                return false;
        }
        bytes = xmalloc((size_t)st.st_size + 2);
        n = read_whole(fd, bytes, (size_t)st.st_size);
        if (n < 0) {
                unreadable(rd, "pod", n);
                return false;
        }
        rd->v->manifest = TAKE_PTR(bytes);
        rd->v->manifest_len = (size_t)n;
        return true;
}

/* To rkt, and to us, an empty value and none are the same. */
static char *dup_unless_empty(const char *s)
{
        return s && s[0] != '\0' ? xstrdup(s) : NULL;
}

/* The annotation is the pod's own; launch.json names a pod whose manifest the user wrote. */
static void read_name(struct reading *rd)
{
        AUTO(pod_launch_done) struct pod_launch launch = POD_LAUNCH_NULL;
        const char *name = kv_list_get(&rd->v->parsed->annotations, POD_NAME_ANNOTATION);
        struct err e;
        ssize_t n;

        if (name) {
                rd->v->name = dup_unless_empty(name);
                return;
        }
        n = read_state(rd, "launch.json", false, NULL);
        if (n < 0 || !strstr(rd->r->bytes, "\"name\""))
                return; /* most pods have no name, and need no JSON parser to say so */
        if (pod_launch_parse(rd->r->bytes, (size_t)n, &launch, &e) < 0)
                problem(rd, "launch.json: %s", e.text);
        else
                rd->v->name = dup_unless_empty(launch.name);
}

static void read_image(struct reading *rd, struct pod_view_app *app)
{
        AUTO(app_image_done) struct app_image image = APP_IMAGE_NULL;
        char path[NAME_MAX + 32];
        struct err e;
        ssize_t n;

        (void)snprintf(path, sizeof(path), "appsinfo/%s/image.json", app->name);
        n = read_state(rd, path, true, NULL);
        if (n < 0)
                return;
        if (app_image_parse(rd->r->bytes, (size_t)n, &image, &e) < 0) {
                problem(rd, "%s: %s", path, e.text);
                return;
        }
        free(app->image_id);
        app->image_id = TAKE_PTR(image.id);
        free(app->image_name);
        app->image_name = TAKE_PTR(image.name);
        free(app->image_version);
        app->image_version = TAKE_PTR(image.version);
        app->format = image.format;
}

static void read_app_status(struct reading *rd, struct pod_view_app *app)
{
        struct app_status s = APP_STATUS_NULL;
        char path[NAME_MAX + 32];
        struct err e;
        ssize_t n;

        (void)snprintf(path, sizeof(path), "appsinfo/%s/status", app->name);
        n = read_state(rd, path, false, NULL);
        if (n >= 0 && app_status_parse(rd->r->bytes, (size_t)n, &s, &e) < 0)
                problem(rd, "%s: %s", path, e.text);
        /* Whoever would have written of its end is gone; how it ended is not known. */
        if (rd->v->state != POD_RUNNING && s.state != APP_EXITED) {
                s.state = APP_EXITED;
                s.exit_code = -1;
                s.signal = 0;
        }
        app->state = s.state;
        app->pid = s.state == APP_RUNNING ? s.pid : 0;
        app->created_at = s.created_at;
        app->started_at = s.started_at;
        app->finished_at = s.finished_at;
        app->exit_code = s.state == APP_EXITED ? s.exit_code : -1;
        app->signal = s.signal;
        app->oom = s.oom;
}

static void read_apps(struct reading *rd)
{
        struct pod_view *v = rd->v;
        bool ran = v->dir == POD_DIR_RUN || v->dir == POD_DIR_EXITED_GARBAGE;

        v->apps = xcalloc(v->parsed->n_apps + 1, sizeof(*v->apps));
        for (size_t i = 0; i < v->parsed->n_apps; i++) {
                const struct appc_pod_app *m = &v->parsed->apps[i];
                struct pod_view_app *app = &v->apps[v->n_apps++];

                app->name = xstrdup(m->name);
                app->manifest = m;
                app->annotations = &m->annotations;
                app->exit_code = -1;
                app->image_id = xstrdup(m->image_id);
                app->image_name = xstrdup_null(m->image_name);
                app->image_version = dup_unless_empty(kv_list_get(&m->image_labels, "version"));
                if (rd->want & POD_VIEW_IMAGES)
                        read_image(rd, app);
                if (rd->want & POD_VIEW_APPS && ran)
                        read_app_status(rd, app);
        }
}

static void read_manifest(struct reading *rd)
{
        struct pod_view *v = rd->v;
        struct err e;

        if (!read_manifest_bytes(rd))
                return;
        if (appc_pod_manifest_parse(v->manifest, v->manifest_len, &v->parsed, &e) < 0) {
                problem(rd, "pod: %s", e.text);
                return;
        }
        read_name(rd);
        read_apps(rd);
}

/* The quick look; a manifest that it does not understand is parsed like any other. */
static void read_names(struct reading *rd)
{
        struct pod_view *v = rd->v;
        ssize_t n = view_read_small(rd->r, rd->podfd, "pod", NULL);

        if (n < 0 || view_brief(rd->r->bytes, (size_t)n, v) < 0) {
                read_manifest(rd);
                return;
        }
        for (size_t i = 0; i < v->n_apps; i++)
                if (!v->apps[i].image_name)
                        read_image(rd, &v->apps[i]);
}

struct pod_view *view_of(struct view_reader *r, struct pod_store *s, struct pod *p, unsigned want)
{
        struct pod_view *v = xcalloc(1, sizeof(*v));
        struct reading rd = { .r = r, .podfd = p->fd, .v = v, .want = want };
        struct stat st;

        v->uuid = p->uuid;
        v->pid = -1;
        v->state = pod_state_sample(s, p);
        v->dir = p->dir;
        rd.lenient = !pod_state_has_manifest(v->state) || v->dir == POD_DIR_GARBAGE;
        if (v->dir == POD_DIR_EMBRYO || v->dir == POD_DIR_PREPARE)
                return v;
        if ((v->dir == POD_DIR_EXITED_GARBAGE || v->dir == POD_DIR_GARBAGE) &&
            fstat(p->fd, &st) == 0)
                v->gc_marked_at = fs_ctime(&st);
        if (want & POD_VIEW_FACTS)
                read_facts(&rd);
        if (want & (POD_VIEW_MANIFEST | POD_VIEW_IMAGES | POD_VIEW_APPS))
                read_manifest(&rd);
        else if (want & POD_VIEW_NAMES)
                read_names(&rd);
        return v;
}
