/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pods/ and the six directories in it. Watched first and listed after that; from then on events say which pod to look at. When
 * one of the directories is replaced, or appears, everything is done again: that happens once in the life of a node.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "api/pod_index_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/log.h"
#include "util/mem.h"

#define MASK_NAMES                                                                                 \
        (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_MOVE_SELF |          \
         IN_DELETE_SELF)
/* Whoever takes or drops a pod's lock opens or closes its directory, and that is seen from the directory above. */
#define MASK_LOCKS (IN_OPEN | IN_CLOSE_NOWRITE)

static struct pod_index *of_dir_owner(struct watch_owner *o)
{
        return OWNER_OF(o, struct pod_index, dir_owner);
}

/* --- events */

/* Of the directory itself, not of an entry. */
static void self_changed(struct pod_index *p, int *wd, uint32_t mask)
{
        if (mask & IN_IGNORED)
                *wd = -1;
        if (mask & (IN_IGNORED | IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT | IN_ATTRIB))
                p->again = true;
}

static void pod_changed(struct pod_index *p, uint8_t dir, const struct watch_event *ev)
{
        struct pod_entry *entry = pod_table_get(&p->table, ev->name);

        if (!entry && (ev->mask & (IN_CREATE | IN_MOVED_TO)) && (ev->mask & IN_ISDIR))
                entry = pod_index_entry(p, ev->name);
        if (!entry)
                return;
        if (ev->mask & (IN_CREATE | IN_MOVED_TO)) {
                entry->lock = POD_LOCK_UNKNOWN;
                entry->moved = true;
                entry->dir = dir;
        }
        if (ev->mask & (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB))
                pod_index_touch(p, entry);
        if (ev->mask & (IN_DELETE | IN_MOVED_TO) && dir != POD_DIR_EMBRYO && dir != POD_DIR_PREPARE)
                pod_index_touch_news(p, entry);
        if (ev->mask & IN_OPEN)
                pod_lock_opened(p, entry);
        if (ev->mask & IN_CLOSE_NOWRITE)
                pod_lock_closed(p, entry);
}

static void dir_event(struct watch_owner *o, void *about, const struct watch_event *ev)
{
        struct pod_index *p = of_dir_owner(o);
        int *wd = about;

        if (ev->name[0] == '\0')
                self_changed(p, wd, ev->mask);
        else if (uuid_is_valid(ev->name))
                pod_changed(p, (uint8_t)(wd - p->wds.dirs), ev);
}

static void pods_event(struct watch_owner *o, void *about, const struct watch_event *ev)
{
        struct pod_index *p = OWNER_OF(o, struct pod_index, pods_owner);

        (void)about;
        if (ev->name[0] == '\0')
                self_changed(p, &p->wds.pods, ev->mask);
        for (int d = 0; d < POD_DIR_MAX; d++)
                if (strcmp(ev->name, pod_dir_name((enum pod_dir)d)) == 0)
                        p->again = true;
}

/* The index of the whole sees to it: it attaches us anew. */
static void lost_events(struct watch_owner *o)
{
        (void)o;
}

void pod_scan_again(struct pod_index *p)
{
        AUTO_CLOSE int fd = -1;

        if (!p->again)
                return;
        fd = index_open(p->index);
        if (fd >= 0)
                pod_scan_attach(&p->part, fd, NULL);
}

static void drained(struct watch_owner *o)
{
        struct pod_index *p = of_dir_owner(o);

        pod_scan_again(p);
        pod_lock_drained(p);
        pod_index_wake(p);
}

/* --- the scan */

static void watch_dir(struct pod_index *p, struct watch_owner *o, int *wd, int fd, uint32_t mask)
{
        int now = -1;

        if (fd >= 0)
                do
                        now = watch_add(p->watch, o, wd, fd, ".", mask);
                while (now == -ENOSPC && pod_files_evict(p));
        if (fd >= 0 && now < 0)
                p->deaf = true;
        if (*wd > 0 && *wd != now)
                watch_remove(p->watch, o, wd, *wd);
        *wd = now;
}

static void watch_dirs(struct pod_index *p, struct pod_store *s)
{
        bool was_deaf = p->deaf;

        p->deaf = false;
        watch_dir(p, &p->pods_owner, &p->wds.pods, s->pods_fd, MASK_NAMES);
        pod_store_refresh(s); /* what appeared until now; what appears from now on is an event */
        for (int d = 0; d < POD_DIR_MAX; d++) {
                bool locks = d != POD_DIR_EMBRYO && d != POD_DIR_PREPARED;

                watch_dir(p, &p->dir_owner, &p->wds.dirs[d], s->dir_fd[d],
                          MASK_NAMES | (locks ? MASK_LOCKS : 0));
        }
        if (p->deaf && !was_deaf)
                log_warning("no inotify watches left for the directories of pods: they are read "
                            "anew every now and then (see fs.inotify in sysctl)");
}

struct place {
        struct uuid uuid;
        uint8_t dir;
};

struct ids {
        struct place *v; /* owned */
        size_t n;
        size_t cap;
        uint8_t dir; /* that is being listed */
};

static int add_id(int dirfd, const char *name, unsigned char type, void *arg)
{
        struct ids *ids = arg;

        (void)dirfd;
        if (!uuid_is_valid(name) || (type != DT_DIR && type != DT_UNKNOWN))
                return 0;
        ARRAY_GROW(ids->v, ids->n, ids->cap);
        ids->v[ids->n].dir = ids->dir;
        memcpy(ids->v[ids->n++].uuid.text, name, sizeof(ids->v->uuid.text));
        return 0;
}

static int by_text(const void *a, const void *b)
{
        return strcmp(((const struct place *)a)->uuid.text, ((const struct place *)b)->uuid.text);
}

static void touch_all(struct pod_index *p)
{
        for (size_t i = 0; i < p->table.n; i++) {
                p->table.v[i].entry->lock = POD_LOCK_UNKNOWN;
                pod_index_touch(p, p->table.v[i].entry);
        }
}

/* All there are become pending; those we knew and that are nowhere any more are found missing when they are read. */
static int list_all(struct pod_index *p, const struct pod_store *s, struct err *e)
{
        struct ids ids = { .v = NULL };
        int r = 0;

        for (uint8_t d = 0; d < POD_DIR_MAX && r >= 0; ids.dir = ++d)
                if (s->dir_fd[d] >= 0 && (r = fs_each(s->dir_fd[d], add_id, &ids)) < 0)
                        (void)err_set(e, ERR_INTERNAL, -r, "list pods/%s",
                                      pod_dir_name((enum pod_dir)d));
        if (r >= 0) {
                if (ids.n > 0)
                        qsort(ids.v, ids.n, sizeof(*ids.v), by_text);
                for (size_t i = 0; i < ids.n; i++)
                        pod_index_entry(p, ids.v[i].uuid.text)->dir = ids.v[i].dir;
                touch_all(p);
        }
        free(ids.v);
        return r < 0 ? -1 : 0;
}

/* Bit by bit, as reading them would be: there may be thousands. */
static void forget_all(struct pod_index *p)
{
        p->absent = true;
        touch_all(p);
}

static void fail(struct pod_index *p, const struct err *e)
{
        if (!p->failed)
                log_warning("%s", e->text);
        p->failed = true;
        p->error = *e;
        /* Descriptors come and go without an event. */
        p->starved = p->again = e->kind == ERR_NO_SPACE;
        forget_all(p);
}

static void unwatch_dirs(struct pod_index *p)
{
        watch_dir(p, &p->pods_owner, &p->wds.pods, -1, 0);
        for (int d = 0; d < POD_DIR_MAX; d++)
                watch_dir(p, &p->dir_owner, &p->wds.dirs[d], -1, 0);
}

static int scan(struct pod_index *p, int data_fd, struct err *e)
{
        AUTO(pod_store_done) struct pod_store store = POD_STORE_NULL;

        if (pod_store_open(data_fd, &store, e) < 0)
                return -1;
        watch_dirs(p, &store);
        return list_all(p, &store, e);
}

void pod_scan_attach(struct index_part *part, int data_fd, const struct err *why)
{
        struct pod_index *p = OWNER_OF(part, struct pod_index, part);
        struct err e;

        p->again = p->absent = false;
        p->stats.scans++;
        p->scan_began = time_monotonic();
        if (p->follower)
                p->follower->attached(p->follower, data_fd);
        if (data_fd < 0) {
                unwatch_dirs(p);
                p->deaf = p->failed = false;
                if (why)
                        fail(p, why);
                else
                        forget_all(p);
        } else if (scan(p, data_fd, &e) < 0) {
                (void)err_wrap(&e, "data directory %s", index_path(p->index));
                fail(p, &e);
        } else {
                p->failed = false;
        }
        p->scan_number = p->pending.last;
        pod_files_arrange(p);
        pod_index_wake(p);
}

void pod_scan_init(struct pod_index *p)
{
        for (int d = 0; d < POD_DIR_MAX; d++)
                p->wds.dirs[d] = -1;
        p->wds.pods = -1;
        p->dir_owner = (struct watch_owner){ .on_event = dir_event,
                                             .on_overflow = lost_events,
                                             .on_drained = drained };
        p->pods_owner = (struct watch_owner){ .on_event = pods_event, .on_overflow = lost_events };
        watch_register(p->watch, &p->dir_owner);
        watch_register(p->watch, &p->pods_owner);
}

void pod_scan_done(struct pod_index *p)
{
        unwatch_dirs(p);
        watch_unregister(p->watch, &p->dir_owner);
        watch_unregister(p->watch, &p->pods_owner);
        watch_unregister(p->watch, &p->file_owner);
}
