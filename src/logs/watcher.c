/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/watcher_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

#include "util/auto.h"
#include "util/mem.h"

/* One directory, and who wants to know of it. */
struct logs_watched {
        int wd;
        struct logs_watch *watches; /* borrowed; never empty */
        UT_hash_handle hh;
};

struct logs_watcher {
        int fd;                    /* owned */
        struct logs_watched *dirs; /* owned, by wd */
};

int logs_watcher_new(struct logs_watcher **ret, struct err *e)
{
        AUTO_CLOSE int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        struct logs_watcher *w;

        if (fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "watch logs");
        w = xcalloc(1, sizeof(*w));
        w->fd = TAKE_FD(fd);
        *ret = w;
        return 0;
}

struct logs_watcher *logs_watcher_free(struct logs_watcher *w)
{
        if (!w)
                return NULL;
        (void)close(w->fd);
        free(w);
        return NULL;
}

int logs_watcher_fd(const struct logs_watcher *w)
{
        return w->fd;
}

static void forget(struct logs_watcher *w, struct logs_watched *dir)
{
        HASH_DEL(w->dirs, dir);
        free(dir);
}

int logs_watch_add(struct logs_watcher *w, struct logs_watch *watch, const char *path,
                   uint32_t mask)
{
        int wd = inotify_add_watch(w->fd, path, mask | IN_ONLYDIR);
        struct logs_watched *dir;

        if (wd < 0)
                return -1;
        HASH_FIND_INT(w->dirs, &wd, dir);
        if (!dir) {
                dir = xcalloc(1, sizeof(*dir));
                dir->wd = wd;
                HASH_ADD_INT(w->dirs, wd, dir);
        }
        DL_APPEND(dir->watches, watch);
        watch->at = dir;
        return 0;
}

void logs_watch_remove(struct logs_watcher *w, struct logs_watch *watch)
{
        struct logs_watched *dir = watch->at;

        if (!dir)
                return;
        watch->at = NULL;
        DL_DELETE(dir->watches, watch);
        if (dir->watches)
                return;
        (void)inotify_rm_watch(w->fd, dir->wd);
        forget(w, dir);
}

static void tell(struct logs_watched *dir)
{
        struct logs_watch *watch;

        DL_FOREACH (dir->watches, watch) {
                watch->hit = true;
                if (watch->event_fd >= 0)
                        (void)eventfd_write(watch->event_fd, 1);
        }
}

/* The kernel has let go of it: the directory is gone. */
static void ignored(struct logs_watcher *w, struct logs_watched *dir)
{
        struct logs_watch *watch, *next;

        DL_FOREACH_SAFE (dir->watches, watch, next)
                watch->at = NULL;
        forget(w, dir);
}

static void take(struct logs_watcher *w, const struct inotify_event *ev)
{
        struct logs_watched *dir, *next;

        if (ev->mask & IN_Q_OVERFLOW) {
                HASH_ITER (hh, w->dirs, dir, next)
                        tell(dir);
                return;
        }
        HASH_FIND_INT(w->dirs, &ev->wd, dir);
        if (!dir) /* removed since */
                return;
        tell(dir);
        if (ev->mask & IN_IGNORED)
                ignored(w, dir);
}

void logs_watcher_dispatch(struct logs_watcher *w)
{
        _Alignas(struct inotify_event) char data[4096];
        ssize_t n;

        while ((n = read(w->fd, data, sizeof(data))) > 0) {
                for (char *p = data; p < data + n;) {
                        struct inotify_event ev;

                        memcpy(&ev, p, sizeof(ev));
                        p += sizeof(ev) + ev.len;
                        take(w, &ev);
                }
        }
}
