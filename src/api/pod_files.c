/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a pod: one watch on its directory, one on appsinfo/ and one on each app's directory in it. Pods that are still
 * being made or have never been finished need none, as nothing of their files is told.
 *
 * When there are too few watches, running pods take them from those that nothing happens to any more. What then has none is read
 * anew on a timer, more rarely the more there is to read, so that it never costs more than a hundredth of a
 * processor.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "api/pod_index_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"

#define MASK_FILES                                                                                 \
        (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_MODIFY |        \
         IN_ATTRIB)

enum {
        COARSE_LIVE_MS = 1000, /* something that runs is not watched */
        COARSE_MS = 10000,
        COARSE_COST = 100, /* the timer sleeps this many times what its work took */
        READ_US = 100,     /* of one pod, roughly */
        RESERVE_MAX = 64,
        RESERVE_PART = 16, /* of all that we may have */
};

bool pod_entry_is_live(const struct pod_entry *entry)
{
        return entry->dir == POD_DIR_RUN && entry->lock == POD_LOCK_HELD;
}

static void set_partial(struct pod_index *p, struct pod_entry *entry, bool partial)
{
        if (entry->partial == partial)
                return;
        entry->partial = partial;
        p->stats.unwatched += partial ? 1 : (size_t)-1;
}

/* --- watches */

static void drop_watches(struct pod_index *p, struct pod_entry *entry)
{
        for (int i = 0; i < entry->n_wds; i++)
                watch_remove(p->watch, &p->file_owner, entry, entry->wds[i]);
        free(entry->wds);
        entry->wds = NULL;
        entry->n_wds = 0;
}

void pod_files_forget(struct pod_index *p, struct pod_entry *entry)
{
        drop_watches(p, entry);
        set_partial(p, entry, false);
}

/* The search goes on where the last one ended. */
bool pod_files_evict(struct pod_index *p)
{
        for (size_t i = 0; i < p->table.n; i++) {
                struct pod_entry *victim = p->table.v[p->evict_at++ % p->table.n].entry;

                if (victim->n_wds == 0 || pod_entry_is_live(victim))
                        continue;
                drop_watches(p, victim);
                set_partial(p, victim, true);
                return true;
        }
        return false;
}

struct watching {
        struct pod_index *p;
        struct pod_entry *entry;
        int *wds; /* owned */
        size_t n;
        size_t cap;
        bool refused;
};

/* Some watches are for directories only, which tell more than any file. */
static bool has_room(const struct pod_index *p)
{
        struct watch_stats stats;
        size_t reserve;

        watch_stats(p->watch, &stats);
        reserve = stats.max_watches / RESERVE_PART;
        return watch_room(p->watch) > (reserve < RESERVE_MAX ? reserve : RESERVE_MAX) ||
               stats.watches == 0; /* let the first one find out whether there are any at all */
}

static bool add_watch(struct watching *w, int dirfd, const char *name)
{
        struct pod_index *p = w->p;
        int wd;

        do
                wd = has_room(p) ? watch_add(p->watch, &p->file_owner, w->entry, dirfd, name,
                                             MASK_FILES)
                                 : -ENOSPC;
        while (wd == -ENOSPC && pod_entry_is_live(w->entry) && pod_files_evict(p));
        if (wd < 0) {
                /* That it is missing is an event when it comes; that it is forbidden, too. */
                w->refused = w->refused || (wd != -ENOENT && wd != -ENOTDIR && wd != -EACCES);
                return false;
        }
        ARRAY_GROW(w->wds, w->n, w->cap);
        w->wds[w->n++] = wd;
        return true;
}

static int add_app(int dirfd, const char *name, unsigned char type, void *arg)
{
        struct watching *w = arg;

        if (type == DT_DIR || type == DT_UNKNOWN)
                (void)add_watch(w, dirfd, name);
        return w->refused || w->n > LIMIT_POD_APPS;
}

static bool has(const int *wds, size_t n, int wd)
{
        for (size_t i = 0; i < n; i++)
                if (wds[i] == wd)
                        return true;
        return false;
}

void pod_files_watch(struct pod_index *p, struct pod_entry *entry, int fd)
{
        struct watching w = { .p = p, .entry = entry };
        AUTO_CLOSE int apps = -1;

        if (entry->dir == POD_DIR_EMBRYO || entry->dir == POD_DIR_PREPARE) {
                pod_files_forget(p, entry);
                return;
        }
        (void)add_watch(&w, fd, ".");
        if (!w.refused && add_watch(&w, fd, "appsinfo") &&
            (apps = fs_open_dir(fd, "appsinfo")) >= 0)
                (void)fs_each(apps, add_app, &w);
        w.refused = w.refused || apps == -EMFILE || apps == -ENFILE;
        for (int i = 0; i < entry->n_wds; i++)
                if (!has(w.wds, w.n, entry->wds[i]))
                        watch_remove(p->watch, &p->file_owner, entry, entry->wds[i]);
        free(entry->wds);
        entry->wds = w.n > 0 ? xreallocarray(w.wds, w.n, sizeof(*w.wds)) : NULL;
        entry->n_wds = (int)w.n;
        set_partial(p, entry, w.refused);
        if (w.refused)
                pod_files_arrange(p);
}

/* --- events */

static bool is_read(const char *name)
{
        static const char *const names[] = { "appsinfo",      "image.json", "launch.json",
                                             "net-info.json", "pid",        "pod",
                                             "pod-created",   "ready",      "status",
                                             "subcgroup" };

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (strcmp(name, names[i]) == 0)
                        return true;
        return false;
}

/*
 * A pod says in `pid` that it has begun, and in each app's `status` what that does; of its own `status` only the lock that falls after it
 * makes news.
 */
static bool is_news(const struct pod_entry *entry, const struct watch_event *ev)
{
        bool own = entry->n_wds > 0 && ev->wd == entry->wds[0];

        return ev->mask & (IN_CLOSE_WRITE | IN_MOVED_TO) &&
               strcmp(ev->name, own ? "pid" : "status") == 0;
}

static void file_event(struct watch_owner *o, void *about, const struct watch_event *ev)
{
        struct pod_index *p = OWNER_OF(o, struct pod_index, file_owner);
        struct pod_entry *entry = about;
        /* Of these the time of the latest change to the directory is told. */
        bool marked = entry->dir == POD_DIR_EXITED_GARBAGE || entry->dir == POD_DIR_GARBAGE;

        if (ev->mask & IN_IGNORED) {
                for (int i = 0; i < entry->n_wds; i++)
                        if (entry->wds[i] == ev->wd)
                                entry->wds[i] = entry->wds[--entry->n_wds];
                return;
        }
        if (is_news(entry, ev))
                pod_index_touch_news(p, entry);
        else if (ev->name[0] == '\0' || (ev->mask & IN_ISDIR) || marked || is_read(ev->name))
                pod_index_touch(p, entry);
}

static void lost_events(struct watch_owner *o)
{
        (void)o;
}

/* --- what cannot be watched */

static bool is_coarse(const struct pod_entry *entry)
{
        return entry->blind || entry->partial;
}

static void coarse(uv_timer_t *timer)
{
        struct pod_index *p = timer->data;

        p->again = p->again || p->deaf;
        pod_scan_again(p);
        for (size_t i = 0; i < p->table.n; i++) {
                struct pod_entry *entry = p->table.v[i].entry;

                if (!is_coarse(entry))
                        continue;
                entry->lock = POD_LOCK_UNKNOWN;
                pod_index_touch(p, entry);
        }
        pod_index_wake(p);
        pod_files_arrange(p);
}

void pod_files_arrange(struct pod_index *p)
{
        bool live = p->deaf || p->n_blind > 0;
        uint64_t n = 0, cost_ms, pause_ms;

        for (size_t i = 0; i < p->table.n && (p->stats.unwatched > 0 || p->n_blind > 0); i++) {
                const struct pod_entry *entry = p->table.v[i].entry;

                n += is_coarse(entry);
                live = live || (entry->partial && pod_entry_is_live(entry));
        }
        if (p->stats.unwatched > 0 && !p->warned)
                log_warning("too few inotify watches for the files of all pods: some are read anew "
                            "every now and then (see fs.inotify.max_user_watches in sysctl)");
        p->warned = p->stats.unwatched > 0;
        if (!p->deaf && n == 0)
                return;
        cost_ms = (p->deaf ? p->table.n : n) * READ_US / 1000;
        pause_ms = live ? COARSE_LIVE_MS : COARSE_MS;
        if (pause_ms < cost_ms * COARSE_COST)
                pause_ms = cost_ms * COARSE_COST;
        if (!uv_is_active((uv_handle_t *)&p->coarse) || uv_timer_get_due_in(&p->coarse) > pause_ms)
                (void)uv_timer_start(&p->coarse, coarse, pause_ms, 0);
}

void pod_files_init(struct pod_index *p)
{
        p->file_owner = (struct watch_owner){ .on_event = file_event, .on_overflow = lost_events };
        watch_register(p->watch, &p->file_owner);
}
