/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the data directory is. Two facts make a directory the same as before: device and inode, and the wd of our watch on it,
 * for a new directory often gets the inode number of the one that was just removed, but never its watch.
 */
#include "api/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "api/data_path.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/log.h"
#include "util/mem.h"

#define MASK_DATA                                                                                  \
        (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF |     \
         IN_ATTRIB)

enum {
        LOOK_AGAIN_MS = 10, /* the path led somewhere else, and no event has told us yet */
        LOOK_BLIND_MS = 1000,
        STARVED_MS = 100, /* no descriptor was left to look with */
};

struct index {
        struct watch *watch; /* owned */
        struct watch_owner owner;
        uv_timer_t timer;
        struct data_path path;
        struct index_part *parts; /* borrowed */
        bool started;
        bool look;  /* the path may lead somewhere else */
        bool renew; /* and in any case everything is to be read again */
        bool warned;
        dev_t dev; /* of the data directory, while present */
        ino_t ino;
        int why; /* -errno while it is not present */
        int wd;  /* our watch on it; -1: none, or it is gone */
        uint64_t looks;
        struct index_stats stats;
};

static struct index *of_owner(struct watch_owner *o)
{
        return OWNER_OF(o, struct index, owner);
}

static void attach(struct index_part *part, int data_fd, const struct err *e)
{
        part->attach(part, data_fd, e);
}

/* Everything below the data directory is another one now, or may be. */
static void attach_all(struct index *i, int data_fd, const struct err *e)
{
        i->stats.attached++;
        for (struct index_part *part = i->parts; part; part = part->next)
                attach(part, data_fd, e);
}

static void timer_fired(uv_timer_t *timer);

/* A directory above ours that we may not read cannot be watched: look every now and then. */
static void watch_blindly(struct index *i)
{
        if (!i->path.blind) {
                i->warned = false;
                return;
        }
        if (!i->warned)
                log_warning(
                        "%s: not every directory above it can be watched: it is looked for every %d ms",
                        i->path.path, LOOK_BLIND_MS);
        i->warned = true;
        (void)uv_timer_start(&i->timer, timer_fired, LOOK_BLIND_MS, 0);
}

static void leave(struct index *i)
{
        if (i->wd > 0)
                watch_remove(i->watch, &i->owner, i, i->wd);
        i->wd = -1;
        i->stats.present = false;
}

/* No event will tell that there are descriptors again. */
static bool is_starved(struct index *i, int r)
{
        if (r != -EMFILE && r != -ENFILE)
                return false;
        (void)uv_timer_start(&i->timer, timer_fired, STARVED_MS, 0);
        return true;
}

static void is_gone(struct index *i, int r)
{
        bool known = !i->stats.present && !i->renew && i->why == r;
        struct err e;

        leave(i);
        i->renew = false;
        i->why = r;
        if (known)
                return;
        if (r == -ENOENT) {
                attach_all(i, -1, NULL);
                return;
        }
        (void)err_set(&e, ERR_INTERNAL, -r, "open data directory %s", i->path.path);
        attach_all(i, -1, &e);
}

static void is_there(struct index *i, int handle)
{
        AUTO_CLOSE int fd = -1;
        int wd = watch_add(i->watch, &i->owner, i, handle, ".", MASK_DATA);
        struct stat st;
        bool same;

        fd = fs_open_dir(handle, ".");
        if (fd < 0 || fstat(fd, &st) < 0) {
                is_gone(i, fd < 0 ? fd : -errno);
                return;
        }
        same = i->stats.present && !i->renew && wd == i->wd && st.st_dev == i->dev &&
               st.st_ino == i->ino;
        if (wd < 0)
                i->path.blind = true;
        if (same)
                return;
        if (i->wd > 0 && i->wd != wd)
                watch_remove(i->watch, &i->owner, i, i->wd);
        i->wd = wd;
        i->dev = st.st_dev;
        i->ino = st.st_ino;
        i->stats.present = true;
        i->renew = false;
        attach_all(i, fd, NULL);
}

static void look(struct index *i)
{
        AUTO_CLOSE int fd = -1;

        i->look = false;
        i->looks++;
        fd = data_path_walk(&i->path);
        if (fd < 0)
                is_gone(i, fd);
        else
                is_there(i, fd);
        watch_blindly(i);
        if (!i->stats.present)
                (void)is_starved(i, i->why);
}

static void look_if_needed(struct index *i)
{
        if (i->started && i->look)
                look(i);
}

/* Better to know nothing than to say that there is nothing. */
static void tell_starved(struct index *i, struct index_part *part, int r)
{
        struct err e;

        (void)err_set(&e, ERR_INTERNAL, -r, "open data directory %s", i->path.path);
        attach(part, -1, &e);
}

static void attach_again(struct index *i)
{
        for (struct index_part *part = i->parts; part; part = part->next) {
                AUTO_CLOSE int fd = -1;

                if (!part->again)
                        continue;
                fd = index_open(i);
                part->again = is_starved(i, fd);
                if (fd >= 0)
                        attach(part, fd, NULL);
                else if (part->again && !part->told)
                        tell_starved(i, part, fd);
                part->told = part->again;
        }
}

static void timer_fired(uv_timer_t *timer)
{
        struct index *i = timer->data;

        i->look = true;
        watch_sync(i->watch);
        look_if_needed(i);
        attach_again(i);
}

/* --- events */

/* A part's directory appeared in the data directory or went: that part begins anew. */
static void entry_changed(struct index *i, const char *name)
{
        for (struct index_part *part = i->parts; part; part = part->next)
                if (strcmp(part->name, name) == 0)
                        part->again = true;
}

static void on_event(struct watch_owner *o, void *about, const struct watch_event *ev)
{
        struct index *i = of_owner(o);

        if (about == &i->path) {
                i->look = i->look || data_path_concerns(&i->path, ev);
                return;
        }
        if (ev->name[0] != '\0') {
                if (!(ev->mask & IN_ATTRIB))
                        entry_changed(i, ev->name);
                return;
        }
        i->look = true;
        if (ev->mask & IN_IGNORED)
                i->wd = -1;
        if (ev->mask & IN_ATTRIB) /* it may be forbidden now, or no longer */
                i->renew = true;
}

static void on_overflow(struct watch_owner *o)
{
        struct index *i = of_owner(o);

        log_warning_limited(
                "%s: too much happens at once, events were lost: reading everything again",
                i->path.path);
        i->look = i->renew = true;
}

static void on_mounts(struct watch_owner *o)
{
        of_owner(o)->look = true;
}

static void on_drained(struct watch_owner *o)
{
        struct index *i = of_owner(o);

        if (!i->started)
                return;
        look_if_needed(i);
        attach_again(i);
}

void index_sync(struct index *i)
{
        struct stat st;

        watch_sync(i->watch);
        /* Where no event can tell, one look at the path does. */
        if (i->path.blind && (stat(i->path.path, &st) == 0) != i->stats.present)
                i->look = true;
        else if (i->path.blind && i->stats.present && (st.st_ino != i->ino || st.st_dev != i->dev))
                i->look = true;
        look_if_needed(i);
}

int index_open(struct index *i)
{
        AUTO_CLOSE int fd = i->stats.present ? fs_open_dir_path(i->path.path) : -ENOENT;
        struct stat st;

        if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == i->ino && st.st_dev == i->dev)
                return TAKE_FD(fd);
        if (fd < 0 && fd != -ENOENT && fd != -ENOTDIR)
                return fd;
        if (!i->stats.present)
                return -ENOENT;
        (void)uv_timer_start(&i->timer, timer_fired, LOOK_AGAIN_MS, 0);
        return -ESTALE;
}

/* --- the object */

int index_new(uv_loop_t *loop, const char *dir, size_t watch_budget, struct index **ret,
              struct err *e)
{
        struct index *i = xcalloc(1, sizeof(*i));

        if (watch_new(loop, watch_budget, &i->watch, e) < 0) {
                free(i);
                return -1;
        }
        i->wd = -1;
        i->owner = (struct watch_owner){ .on_event = on_event,
                                         .on_overflow = on_overflow,
                                         .on_mounts = on_mounts,
                                         .on_drained = on_drained };
        watch_register(i->watch, &i->owner);
        data_path_init(&i->path, dir, i->watch, &i->owner);
        (void)uv_timer_init(loop, &i->timer);
        uv_unref((uv_handle_t *)&i->timer);
        i->timer.data = i;
        *ret = i;
        return 0;
}

static void closed(uv_handle_t *handle)
{
        free(handle->data);
}

void index_free(struct index *i)
{
        if (!i)
                return;
        data_path_done(&i->path);
        watch_unregister(i->watch, &i->owner);
        watch_free(i->watch);
        uv_close((uv_handle_t *)&i->timer, closed);
}

void index_add_part(struct index *i, struct index_part *part)
{
        LL_APPEND(i->parts, part);
}

void index_start(struct index *i)
{
        if (watch_mounts(i->watch) < 0)
                log_warning("mounts are not seen: /proc/self/mountinfo is not there");
        i->started = i->look = i->renew = true;
        look(i);
}

uint64_t index_looks(const struct index *i)
{
        return i->looks;
}

struct watch *index_watch(struct index *i)
{
        return i->watch;
}

const char *index_path(const struct index *i)
{
        return i->path.path;
}

void index_stats(const struct index *i, struct index_stats *ret)
{
        *ret = i->stats;
        watch_stats(i->watch, &ret->watch);
}
