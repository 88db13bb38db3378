/* SPDX-License-Identifier: Apache-2.0 */
#include "api/data_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"

enum { LINKS_MAX = 40 }; /* as the kernel (path_resolution(7)) */

#define MASK_SELF  (IN_MOVE_SELF | IN_DELETE_SELF)
#define MASK_NAMES (MASK_SELF | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)

/* One walk. */
struct walk {
        struct data_path *p;
        bool names; /* of every directory on the way */
        int at;     /* owned; the directory that was reached */
        char *rest; /* owned; what is still to go */
        unsigned links;
        int *wds; /* owned */
        size_t n_wds;
        size_t cap_wds;
};

void data_path_init(struct data_path *p, const char *path, struct watch *watch,
                    struct watch_owner *owner)
{
        AUTO_FREE char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);

        *p = (struct data_path){ .watch = watch, .owner = owner, .names = STRV_NULL };
        p->path = cwd ? xasprintf("%s/%s", cwd, path) : xstrdup(path);
}

static void forget(struct data_path *p)
{
        for (size_t i = 0; i < p->n_wds; i++)
                watch_remove(p->watch, p->owner, p, p->wds[i]);
        free(p->wds);
        p->wds = NULL;
        p->n_wds = 0;
}

void data_path_done(struct data_path *p)
{
        forget(p);
        strv_done(&p->names);
        free(p->path);
        p->path = NULL;
}

static void watch_here(struct walk *w, uint32_t mask)
{
        struct data_path *p = w->p;
        int wd = watch_add(p->watch, p->owner, p, w->at, ".", mask);

        if (wd < 0) {
                p->blind = true;
                return;
        }
        for (size_t i = 0; i < w->n_wds; i++)
                if (w->wds[i] == wd)
                        return;
        ARRAY_GROW(w->wds, w->n_wds, w->cap_wds);
        w->wds[w->n_wds++] = wd;
}

/*
 * Open @name beneath w->at and watch w->at for as much as that calls for. Watched first and looked at after that, so that
 * no change falls between the two.
 */
static int look(struct walk *w, const char *name, struct stat *st)
{
        uint32_t watched = 0;

        for (;;) {
                AUTO_CLOSE int fd = fs_open_handle(w->at, name);
                bool last = w->rest[strspn(w->rest, "/")] == '\0';
                uint32_t mask = MASK_NAMES;

                if (fd >= 0 && fstat(fd, st) < 0)
                        return -errno;
                if (fd >= 0 && S_ISDIR(st->st_mode) && !last && !w->names)
                        mask = MASK_SELF;
                if ((mask & ~watched) == 0)
                        return fd < 0 ? fd : TAKE_FD(fd);
                watch_here(w, mask);
                watched |= mask;
        }
}

static int follow_link(struct walk *w, int link)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);
        char *rest;

        if (n < 0)
                return -errno;
        if (++w->links > LINKS_MAX)
                return -ELOOP;
        target[n] = '\0';
        rest = xasprintf("%s/%s", target, w->rest);
        free(w->rest);
        w->rest = rest;
        if (target[0] != '/')
                return 0;
        closep(&w->at);
        w->at = fs_open_handle(AT_FDCWD, "/");
        return w->at < 0 ? w->at : 0;
}

/* The next component: 1, 0 at the end of the way, or -errno. */
static int step(struct walk *w)
{
        AUTO_FREE char *name = NULL;
        AUTO_CLOSE int fd = -1;
        size_t skip = strspn(w->rest, "/"), len = strcspn(w->rest + skip, "/");
        struct stat st;
        int r;

        if (len == 0)
                return 0;
        name = xstrndup(w->rest + skip, len);
        memmove(w->rest, w->rest + skip + len, strlen(w->rest + skip + len) + 1);
        strv_add(&w->p->names, name);
        fd = look(w, name, &st);
        if (fd < 0)
                return fd;
        if (S_ISLNK(st.st_mode)) {
                r = follow_link(w, fd);
                return r < 0 ? r : 1;
        }
        if (!S_ISDIR(st.st_mode))
                return -ENOTDIR;
        closep(&w->at);
        w->at = TAKE_FD(fd);
        return 1;
}

static int walk(struct data_path *p, bool names)
{
        struct walk w = { .p = p, .names = names, .rest = xstrdup(p->path) };
        int r;

        strv_done(&p->names);
        p->names = STRV_NULL;
        p->blind = false;
        w.at = r = fs_open_handle(AT_FDCWD, "/");
        while (r >= 0 && (r = step(&w)) > 0)
                ;
        free(w.rest);
        for (size_t i = 0; i < w.n_wds; i++)
                for (size_t k = 0; k < p->n_wds; k++)
                        if (p->wds[k] == w.wds[i])
                                p->wds[k] = 0; /* is still of use */
        forget(p);
        p->wds = w.wds;
        p->n_wds = w.n_wds;
        if (r == 0)
                return w.at;
        closep(&w.at);
        return r;
}

/*
 * That a directory was removed is not told by itself while anybody is in it. As long as there is something at the end, what is
 * above cannot be removed; when there is nothing, every directory on the way is watched for names.
 */
int data_path_walk(struct data_path *p)
{
        int r = walk(p, false);

        return r < 0 ? walk(p, true) : r;
}

bool data_path_concerns(const struct data_path *p, const struct watch_event *ev)
{
        if (ev->name[0] == '\0')
                return true;
        for (size_t i = 0; i < p->names.n; i++)
                if (strcmp(p->names.v[i], ev->name) == 0)
                        return true;
        return false;
}
