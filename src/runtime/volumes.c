/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes to bind mounts (appc specification, "volumes" and "mounts"). A mount point of the app is satisfied, in this order, by
 * a mount of the pod manifest that names it (by its name or its path), by a volume of its name, or by an empty volume
 * made for it alone. Mounts by path that fit no mount point come on top.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appc/app.h"
#include "appc/pod_manifest.h"
#include "runtime/spec_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"

void runtime_binds_done(struct runtime_binds *b)
{
        for (size_t i = 0; i < b->n; i++) {
                free(b->v[i].source);
                free(b->v[i].target);
        }
        free(b->v);
        *b = RUNTIME_BINDS_NULL;
}

void runtime_binds_add(struct runtime_binds *b, const char *source, const char *target,
                       bool read_only, bool recursive)
{
        ARRAY_GROW(b->v, b->n, b->cap);
        b->v[b->n++] =
                (struct runtime_bind){ xstrdup(source), xstrdup(target), read_only, recursive };
}

/* What fills one place in the app: a volume of the manifest, or (NULL) an empty one of the app's own. */
struct place {
        const char *target;
        const struct appc_volume *volume; /* NULL: implicit */
        const char *own_name;             /* the name of an app's own volume; NULL: the pod's */
        bool read_only;
};
typedef int (*place_fn)(const struct place *p, void *arg, struct err *e);

static const struct appc_mount *mount_for(const struct appc_pod_app *papp,
                                          const struct appc_mount_point *mp)
{
        for (size_t i = 0; papp && i < papp->n_mounts; i++)
                if (strcmp(papp->mounts[i].path, mp->name) == 0 ||
                    strcmp(papp->mounts[i].path, mp->path) == 0)
                        return &papp->mounts[i];
        return NULL;
}

static bool satisfies_a_point(const struct appc_app *app, const struct appc_mount *m)
{
        for (size_t i = 0; i < app->n_mount_points; i++)
                if (strcmp(m->path, app->mount_points[i].name) == 0 ||
                    strcmp(m->path, app->mount_points[i].path) == 0)
                        return true;
        return false;
}

static int volume_of(const struct appc_pod_manifest *pod, const struct appc_mount *m,
                     struct place *p, struct err *e)
{
        p->volume = m->app_volume ? m->app_volume : appc_pod_manifest_volume(pod, m->volume);
        p->own_name = m->app_volume ? m->app_volume->name : NULL;
        if (!p->volume)
                return err_set(e, ERR_BAD_DATA, 0, "mount \"%s\": the pod has no volume \"%s\"",
                               m->path, m->volume);
        p->read_only = p->read_only || p->volume->read_only;
        return 0;
}

static int each_place(const struct appc_pod_manifest *pod, const struct appc_pod_app *papp,
                      const struct appc_app *app, place_fn fn, void *arg, struct err *e)
{
        for (size_t i = 0; i < app->n_mount_points; i++) {
                const struct appc_mount_point *mp = &app->mount_points[i];
                const struct appc_mount *m = mount_for(papp, mp);
                struct place p = { .target = mp->path, .read_only = mp->read_only };

                if (m) {
                        if (volume_of(pod, m, &p, e) < 0)
                                return -1;
                } else {
                        p.volume = appc_pod_manifest_volume(pod, mp->name);
                        p.own_name = p.volume ? NULL : mp->name;
                        p.read_only = p.read_only || (p.volume && p.volume->read_only);
                }
                if (fn(&p, arg, e) < 0)
                        return -1;
        }
        for (size_t i = 0; papp && i < papp->n_mounts; i++) {
                const struct appc_mount *m = &papp->mounts[i];
                struct place p = { .target = m->path };

                if (satisfies_a_point(app, m))
                        continue;
                if (*m->path != '/')
                        return err_set(e, ERR_BAD_DATA, 0, "the app has no mount point \"%s\"",
                                       m->path);
                if (volume_of(pod, m, &p, e) < 0 || fn(&p, arg, e) < 0)
                        return -1;
        }
        return 0;
}

/* Directory of an empty volume beneath the pod's `volumes`. '_' keeps it apart from every volume name. */
static char *directory_name(const struct place *p, const char *app_name)
{
        return p->own_name ? xasprintf("_%s-%s", app_name, p->own_name) : xstrdup(p->volume->name);
}

/* "a" of "//./x/../a/b", and whether anything comes after it: where a path leads, but for symbolic links. */
static size_t top_directory(const char *path, const char **ret, bool *ret_more)
{
        size_t depth = 0, len, top = 0;

        for (*ret = path;; path += len) {
                path += strspn(path, "/");
                len = strcspn(path, "/");
                if (len == 0)
                        break;
                if (len == 1 && *path == '.')
                        continue;
                if (len == 2 && strncmp(path, "..", 2) == 0) {
                        depth -= depth > 0;
                        continue;
                }
                if (depth++ == 0) {
                        *ret = path;
                        top = len;
                }
        }
        *ret_more = depth > 1;
        return depth > 0 ? top : 0;
}

/*
 * /proc stays the kernel's: what is mounted over it has been used to defeat the runtime's own checks. /dev is made
 * by the runtime, which needs its devices; beneath it there may be volumes.
 */
static bool is_bad_target(const char *target)
{
        const char *top;
        bool more;
        size_t len = top_directory(target, &top, &more);

        return len == 0 || (len == 4 && strncmp(top, "proc", 4) == 0) ||
               (len == 3 && strncmp(top, "dev", 3) == 0 && !more);
}

/* Where @path in the root is a symbolic link to; NULL: it is none, or not there. */
static char *link_at(int rootfs_fd, const char *path)
{
        AUTO_CLOSE int fd = fs_open_in_root(rootfs_fd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
        char text[PATH_MAX];
        ssize_t n;

        if (fd < 0)
                return NULL;
        n = readlinkat(fd, "", text, sizeof(text) - 1);
        if (n <= 0)
                return NULL;
        text[n] = '\0';
        return xstrdup(text);
}

/* Follow @target through the root's links, also where it leads to what the runtime will make; NULL: a loop. */
static char *follow(int rootfs_fd, const char *target)
{
        AUTO_FREE char *done = xstrdup(""), *todo = xstrdup(target);

        for (int hops = 0; hops < 40;) {
                const char *at = todo + strspn(todo, "/");
                size_t len = strcspn(at, "/");
                AUTO_FREE char *next = NULL, *link = NULL, *rest = NULL;

                if (len == 0)
                        return TAKE_PTR(done);
                rest = xstrdup(at + len);
                if (len == 2 && strncmp(at, "..", 2) == 0)
                        *(strrchr(done, '/') ? strrchr(done, '/') : done) = '\0';
                else if (len != 1 || *at != '.')
                        next = xasprintf("%s/%.*s", done, (int)len, at);
                link = next ? link_at(rootfs_fd, next) : NULL;
                free(todo);
                todo = link ? xasprintf("%s/%s", link, rest) : xstrdup(rest);
                hops += link != NULL;
                if (link && *link == '/')
                        *done = '\0';
                if (next && !link) {
                        free(done);
                        done = xstrdup(next);
                }
        }
        return NULL;
}

int volumes_check_targets(int rootfs_fd, const struct runtime_binds *b, struct err *e)
{
        for (size_t i = 0; b && i < b->n; i++) {
                AUTO_FREE char *end = follow(rootfs_fd, b->v[i].target);

                if (!end || is_bad_target(end))
                        return err_set(e, ERR_BAD_DATA, 0,
                                       "a volume cannot be mounted on \"%s\", a link to \"%s\"",
                                       b->v[i].target, end ? end : "itself");
        }
        return 0;
}

struct resolve {
        const char *app_name, *volumes_dir;
        struct runtime_binds binds;
};

static int add_place(const struct place *p, void *arg, struct err *e)
{
        struct resolve *r = arg;
        AUTO_FREE char *name = NULL, *path = NULL;

        if (is_bad_target(p->target))
                return err_set(e, ERR_BAD_DATA, 0, "a volume cannot be mounted on \"%s\"",
                               p->target);
        if (p->volume && p->volume->kind == APPC_VOLUME_HOST) {
                if (access(p->volume->source, F_OK) < 0)
                        return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, errno,
                                       "volume \"%s\": %s", p->volume->name, p->volume->source);
                runtime_binds_add(&r->binds, p->volume->source, p->target, p->read_only,
                                  p->volume->recursive);
                return 0;
        }
        name = directory_name(p, r->app_name);
        path = xasprintf("%s/%s", r->volumes_dir, name);
        runtime_binds_add(&r->binds, path, p->target, p->read_only, false);
        return 0;
}

/* A path sorts before all that lies beneath it. */
static int by_target(const void *a, const void *b)
{
        return strcmp(((const struct runtime_bind *)a)->target,
                      ((const struct runtime_bind *)b)->target);
}

int runtime_volumes_resolve(const struct appc_pod_manifest *pod, const struct appc_pod_app *papp,
                            const struct appc_app *app, const char *volumes_dir,
                            struct runtime_binds *ret, struct err *e)
{
        struct resolve r = { .app_name = papp->name, .volumes_dir = volumes_dir };

        if (each_place(pod, papp, app, add_place, &r, e) < 0) {
                runtime_binds_done(&r.binds);
                return err_wrap(e, "app %s", papp->name);
        }
        if (r.binds.n > 1)
                qsort(r.binds.v, r.binds.n, sizeof(*r.binds.v), by_target);
        *ret = r.binds;
        return 0;
}

struct create {
        const char *app_name;
        int volumes_fd;
};

static int create_place(const struct place *p, void *arg, struct err *e)
{
        const struct create *c = arg;
        AUTO_FREE char *name = NULL;
        int r;

        if (p->volume && p->volume->kind == APPC_VOLUME_HOST)
                return 0;
        name = directory_name(p, c->app_name);
        r = fs_mkdir_if_missing(c->volumes_fd, name, p->volume ? p->volume->mode : 0755);
        if (r > 0 && p->volume &&
            fchownat(c->volumes_fd, name, p->volume->uid, p->volume->gid, AT_SYMLINK_NOFOLLOW) < 0)
                r = -errno;
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "make volume \"%s\"", name) : 0;
}

int runtime_volumes_create(const struct appc_pod_manifest *pod, const struct appc_pod_app *papp,
                           const struct appc_app *app, int volumes_fd, struct err *e)
{
        struct create c = { papp->name, volumes_fd };

        return each_place(pod, papp, app, create_place, &c, e) < 0
                       ? err_wrap(e, "app %s", papp->name)
                       : 0;
}

struct populate {
        const char *app_name;
        int volumes_fd, rootfs_fd;
};

static int stop_at_first(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        (void)dirfd;
        (void)name;
        (void)d_type;
        (void)arg;
        return 1;
}

static int populate_place(const struct place *p, void *arg, struct err *e)
{
        const struct populate *c = arg;
        AUTO_FREE char *name = NULL;
        AUTO_CLOSE int from = -1, to = -1;
        int r;

        if (p->volume)
                return 0;
        name = directory_name(p, c->app_name);
        from = fs_open_in_root(c->rootfs_fd, p->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (from < 0) /* the image has nothing there */
                return 0;
        to = fs_open_dir(c->volumes_fd, name);
        r = to < 0 ? to : fs_each(to, stop_at_first, NULL);
        if (r == 0)
                r = fs_overlay_tree(from, ".", to);
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "fill volume \"%s\" from %s", name, p->target)
                     : 0;
}

int runtime_volumes_populate(const struct appc_pod_manifest *pod, const struct appc_pod_app *papp,
                             const struct appc_app *app, int volumes_fd, int rootfs_fd,
                             struct err *e)
{
        struct populate c = { papp->name, volumes_fd, rootfs_fd };

        return each_place(pod, papp, app, populate_place, &c, e) < 0
                       ? err_wrap(e, "app %s", papp->name)
                       : 0;
}
