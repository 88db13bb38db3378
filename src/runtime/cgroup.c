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
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/cgroup_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"
#include "util/time.h"

#define PARENT "carob" /* of the pods' cgroups, beneath the top of each hierarchy */

enum { CREATE_TRIES = 8 };

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

/* --- Removal --- */

struct removal {
        int depth;
        int first; /* 0, or the first -errno: what cannot go keeps nothing else from going */
};

static int remove_beneath(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        struct removal *rm = arg;
        AUTO_CLOSE int fd = -1;
        int r;

        if (d_type != DT_DIR || rm->depth >= CGROUP_DEPTH_MAX)
                return 0;
        fd = fs_open_dir(dirfd, name);
        if (fd >= 0) {
                rm->depth++;
                r = fs_each(fd, remove_beneath, rm);
                rm->depth--;
        } else {
                r = fd;
        }
        if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
                r = -errno;
        if (r < 0 && r != -ENOENT && rm->first == 0)
                rm->first = r;
        return 0;
}

/* 0, or -errno. @keep_top: only what is beneath. */
static int remove_in(const struct cgroup_hierarchy *h, const char *path, bool keep_top)
{
        AUTO_CLOSE int fd = -1;
        struct removal rm = { 0 };
        int r;

        /* Mostly there is nothing beneath any more. */
        if (!keep_top && (unlinkat(h->fd, path, AT_REMOVEDIR) == 0 || errno == ENOENT))
                return 0;
        fd = fs_open_beneath(h->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        r = fs_each(fd, remove_beneath, &rm);
        if (r == 0)
                r = rm.first;
        if (r == 0 && unlinkat(h->fd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
                r = keep_top ? 0 : -errno;
        return r;
}

/* All hierarchies are tried; the first failure (-EBUSY mostly) is the result. */
static int remove_once(const struct runtime_cgroup_host *host, const char *path, bool keep_top)
{
        int first = 0;

        for (size_t i = 0; i < host->n + host->n_other; i++) {
                int r = remove_in(i < host->n ? &host->h[i] : &host->other[i - host->n], path,
                                  keep_top);

                first = first < 0 ? first : r;
        }
        /* Ourselves in "_carob": systemd removes that with the unit. */
        return keep_top && first == -EBUSY ? 0 : first;
}

void runtime_cgroup_try_remove(const struct runtime_cgroup *cg)
{
        for (size_t i = 0; i < cg->host->n; i++)
                (void)unlinkat(cg->host->h[i].fd, cg->path, AT_REMOVEDIR);
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
                cgroup_back_off(&wait_ms);
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
        return there ? runtime_cgroup_kill(cg, timeout_ms, e) : 0;
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
        for (size_t i = 0; i < host->n_other; i++)
                (void)unlinkat(host->other[i].fd, PARENT, AT_REMOVEDIR);
        return 0;
}
