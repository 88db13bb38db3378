/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wd that was removed may still have events in the queue, and (after two thousand million watches) be given to another
 * directory before they are read. The kernel queues IN_IGNORED behind the last of them: until that is read, a slot without
 * an owner stays, and whatever comes for the wd belongs to the dead. An overflow swallows IN_IGNORED like anything else, so a
 * queue that was read to its end ends them all.
 */
#include "api/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utlist.h>

#include "api/watch_table.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/time.h"

enum {
        READ_BYTES = 16 * 1024,
        /*
         * Reads at a time: more than the longest queue that a kernel is likely to be told to keep. What is queued
         * while we read may wait.
         */
        READS_MAX = 256,
        READY_MAX = 64,
        BURST_MS = 2,
        BUDGET_DEFAULT = 4096, /* when the kernel does not say what its limit is */
};

struct watch_process {
        void (*fn)(struct watch_owner *o, void *about);
        struct watch_owner *owner; /* borrowed */
        void *about;
        int fd; /* owned */
        struct watch_process *prev, *next;
};

struct watch {
        uv_poll_t poll;
        uv_poll_t mounts; /* on mounts_fd */
        int mounts_fd;    /* /proc/self/mountinfo; -1: not followed */
        uv_timer_t burst;
        nsec woken; /* when the loop was last woken */
        bool hurry;
        unsigned handles; /* not yet closed */
        int epoll_fd;
        int inotify_fd; /* -1: the user has no instance left */
        struct watch_owner *owners;
        struct watch_table table;
        int *dying; /* owned; wds of slots without owner */
        size_t n_dying;
        size_t cap_dying;
        struct watch_process *processes; /* owned; all of them */
        struct watch_stats stats;
        bool reading; /* events are being handed out */
};

/* --- events */

static void ignored(struct watch *w, const struct watch_event *ev)
{
        struct watch_slot *s = watch_table_find(&w->table, ev->wd, NULL, NULL);

        if (s) {
                watch_table_erase(&w->table, s);
                return;
        }
        w->stats.watches -= watch_table_owners(&w->table, ev->wd) > 0;
        while ((s = watch_table_next(&w->table, ev->wd, NULL))) {
                struct watch_slot gone = *s;

                watch_table_erase(&w->table, s);
                gone.owner->on_event(gone.owner, gone.about, ev);
        }
}

static void hand_out(struct watch *w, const struct watch_event *ev)
{
        if (ev->mask & IN_IGNORED)
                ignored(w, ev);
        else if (w->n_dying == 0 || !watch_table_find(&w->table, ev->wd, NULL, NULL))
                for (struct watch_slot *s = NULL; (s = watch_table_next(&w->table, ev->wd, s));)
                        s->owner->on_event(s->owner, s->about, ev);
}

static bool hand_out_all(struct watch *w, const char *data, size_t len)
{
        bool overflow = false;

        for (size_t at = 0; at < len;) {
                struct inotify_event ev;

                memcpy(&ev, data + at, sizeof(ev));
                w->stats.events++;
                if (ev.mask & IN_Q_OVERFLOW)
                        overflow = true;
                else
                        hand_out(w, &(struct watch_event){
                                            .wd = ev.wd,
                                            .mask = ev.mask,
                                            .name = ev.len > 0 ? data + at + sizeof(ev) : "" });
                at += sizeof(ev) + ev.len;
        }
        return overflow;
}

static void bury(struct watch *w)
{
        for (size_t i = 0; i < w->n_dying; i++) {
                struct watch_slot *dead = watch_table_find(&w->table, w->dying[i], NULL, NULL);

                if (dead)
                        watch_table_erase(&w->table, dead);
        }
        w->n_dying = 0;
}

static void drain(struct watch *w)
{
        _Alignas(struct inotify_event) char data[READ_BYTES];
        bool overflow = false, end = false;

        for (int i = 0; i < READS_MAX && !end; i++) {
                ssize_t n = read(w->inotify_fd, data, sizeof(data));

                end = n <= 0;
                if (n > 0)
                        overflow = hand_out_all(w, data, (size_t)n) || overflow;
        }
        if (end)
                bury(w);
        if (!overflow)
                return;
        w->stats.overflows++;
        for (struct watch_owner *o = w->owners; o; o = o->next)
                o->on_overflow(o);
}

static void process_free(struct watch *w, struct watch_process *p)
{
        DL_DELETE(w->processes, p);
        w->stats.processes--;
        closep(&p->fd); /* leaves the set with its last descriptor */
        free(p);
}

static void process_died(struct watch *w, struct watch_process *p)
{
        struct watch_process dead = *p;

        process_free(w, p);
        dead.fn(dead.owner, dead.about);
}

static void mounts_changed(struct watch *w)
{
        for (struct watch_owner *o = w->owners; o; o = o->next)
                if (o->on_mounts)
                        o->on_mounts(o);
}

static bool take_ready(struct watch *w)
{
        struct epoll_event ready[READY_MAX];
        bool any = false;
        int n;

        do {
                n = epoll_wait(w->epoll_fd, ready, READY_MAX, 0);
                for (int i = 0; i < n; i++) {
                        any = true;
                        if (ready[i].data.ptr)
                                process_died(w, ready[i].data.ptr);
                        else
                                drain(w);
                }
        } while (n == READY_MAX);
        return any;
}

static void take_all(struct watch *w, bool mounted)
{
        bool any;

        if (w->reading)
                return;
        w->reading = true;
        any = take_ready(w) || mounted;
        if (mounted)
                mounts_changed(w);
        w->reading = false;
        for (struct watch_owner *o = any ? w->owners : NULL; o; o = o->next)
                if (o->on_drained)
                        o->on_drained(o);
}

void watch_hurry(struct watch *w, bool hurry)
{
        w->hurry = hurry;
}

void watch_sync(struct watch *w)
{
        struct pollfd p = { .fd = w->mounts_fd, .events = POLLPRI };

        take_all(w, w->mounts_fd >= 0 && poll(&p, 1, 0) > 0);
}

/*
 * In a burst the loop would be woken for each event, which costs more than the event: then it looks on a timer until nothing
 * has come for one of its periods. Calls look whenever they want. Whoever is in a hurry pays for it.
 */
static void take_burst(uv_timer_t *timer);

static void readable(uv_poll_t *poll, int status, int events)
{
        struct watch *w = poll->data;
        nsec now = time_monotonic(), since = now - w->woken;

        (void)status;
        (void)events;
        w->woken = now;
        take_all(w, false);
        if (w->hurry || since > BURST_MS * NSEC_PER_MSEC)
                return;
        (void)uv_poll_stop(&w->poll);
        (void)uv_timer_start(&w->burst, take_burst, BURST_MS, BURST_MS);
}

static void take_burst(uv_timer_t *timer)
{
        struct watch *w = timer->data;
        uint64_t before = w->stats.events;

        take_all(w, false);
        if (w->stats.events != before)
                return;
        (void)uv_timer_stop(timer);
        (void)uv_poll_start(&w->poll, UV_READABLE, readable);
}

/*
 * The kernel tells each change of the mount table once, to the first that polls. That is why this descriptor is not in
 * the nested set, where the loop's look would be the first, and ours would see nothing.
 */
static void mounts_readable(uv_poll_t *poll, int status, int events)
{
        (void)status;
        (void)events;
        take_all(poll->data, true);
}

int watch_mounts(struct watch *w)
{
        if (w->mounts_fd >= 0)
                return 0;
        w->mounts_fd = fs_open_file(AT_FDCWD, "/proc/self/mountinfo");
        if (w->mounts_fd < 0 || uv_poll_init(w->poll.loop, &w->mounts, w->mounts_fd) < 0) {
                closep(&w->mounts_fd);
                return -ENOENT;
        }
        w->handles++;
        w->mounts.data = w;
        (void)uv_poll_start(&w->mounts, UV_PRIORITIZED, mounts_readable);
        uv_unref((uv_handle_t *)&w->mounts);
        return 0;
}

/* --- watching */

static int instance_open(struct watch *w)
{
        struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };

        if (w->inotify_fd >= 0)
                return 0;
        w->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (w->inotify_fd < 0)
                return -errno;
        if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->inotify_fd, &ev) == 0)
                return 0;
        closep(&w->inotify_fd);
        return -ENOSPC;
}

int watch_add(struct watch *w, struct watch_owner *o, void *about, int dirfd, const char *name,
              uint32_t mask)
{
        char path[PATH_MAX];
        int r = instance_open(w), wd;
        bool known;

        if (r == 0 &&
            snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name) >= (int)sizeof(path))
                r = -ENAMETOOLONG;
        if (r < 0)
                return r;
        /* Whether it is a new one is known only afterwards: so the budget is kept by giving back what is over it. */
        wd = inotify_add_watch(w->inotify_fd, path,
                               mask | IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_ADD);
        if (wd < 0) {
                w->stats.refused += errno == ENOSPC;
                return -errno;
        }
        if (watch_table_find(&w->table, wd, o, about))
                return wd;
        known = watch_table_owners(&w->table, wd) > 0;
        if (!known && w->stats.watches >= w->stats.max_watches) {
                w->stats.refused++;
                watch_table_add(&w->table,
                                (struct watch_slot){ .wd = wd, .owner = o, .about = about });
                w->stats.watches++;
                watch_remove(w, o, about, wd);
                return -ENOSPC;
        }
        w->stats.watches += !known;
        watch_table_add(&w->table, (struct watch_slot){ .wd = wd, .owner = o, .about = about });
        return wd;
}

void watch_remove(struct watch *w, struct watch_owner *o, void *about, int wd)
{
        struct watch_slot *s = wd > 0 ? watch_table_find(&w->table, wd, o, about) : NULL;

        if (!s)
                return;
        watch_table_erase(&w->table, s);
        if (watch_table_owners(&w->table, wd) > 0)
                return;
        w->stats.watches--;
        (void)inotify_rm_watch(w->inotify_fd,
                               wd); /* fails when it went by itself: IN_IGNORED is on its way */
        watch_table_add(&w->table, (struct watch_slot){ .wd = wd });
        ARRAY_GROW(w->dying, w->n_dying, w->cap_dying);
        w->dying[w->n_dying++] = wd;
}

size_t watch_room(const struct watch *w)
{
        return w->inotify_fd < 0 || w->stats.watches >= w->stats.max_watches
                       ? 0
                       : w->stats.max_watches - w->stats.watches;
}

struct watch_process *watch_process_add(struct watch *w, pid_t pid,
                                        void (*fn)(struct watch_owner *o, void *about),
                                        struct watch_owner *o, void *about)
{
        AUTO_CLOSE int fd = (int)syscall(SYS_pidfd_open, pid, 0);
        struct watch_process *p = xcalloc(1, sizeof(*p));
        struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };

        if (fd < 0 || epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
                free(p);
                return NULL;
        }
        *p = (struct watch_process){ .fn = fn, .owner = o, .about = about, .fd = TAKE_FD(fd) };
        DL_APPEND(w->processes, p);
        w->stats.processes++;
        return p;
}

void watch_process_remove(struct watch *w, struct watch_process *p)
{
        if (p)
                process_free(w, p);
}

void watch_register(struct watch *w, struct watch_owner *o)
{
        LL_PREPEND(w->owners, o);
}

void watch_unregister(struct watch *w, struct watch_owner *o)
{
        LL_DELETE(w->owners, o);
}

void watch_stats(const struct watch *w, struct watch_stats *ret)
{
        *ret = w->stats;
}

/* --- the hub */

static size_t default_budget(void)
{
        AUTO(buf_done) struct buf text = BUF_NULL(64);
        int64_t limit;

        if (fs_read_file(AT_FDCWD, "/proc/sys/fs/inotify/max_user_watches", &text) < 0)
                return BUDGET_DEFAULT;
        while (text.len > 0 && text.data[text.len - 1] == '\n')
                text.data[--text.len] = '\0';
        if (parse_i64(buf_str(&text), 0, INT_MAX, &limit) < 0)
                return BUDGET_DEFAULT;
        return (size_t)limit / 2; /* the rest is for others of the same user */
}

int watch_new(uv_loop_t *loop, size_t budget, struct watch **ret, struct err *e)
{
        struct watch *w = xcalloc(1, sizeof(*w));
        int r;

        w->inotify_fd = w->mounts_fd = -1;
        w->handles = 2;
        w->stats.max_watches = budget ? budget : default_budget();
        w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        r = w->epoll_fd < 0 ? -errno : uv_poll_init(loop, &w->poll, w->epoll_fd);
        if (r < 0) {
                closep(&w->epoll_fd);
                free(w);
                return err_set(e, ERR_INTERNAL, -r, "follow the data directory");
        }
        w->poll.data = w;
        (void)uv_poll_start(&w->poll, UV_READABLE, readable);
        (void)uv_timer_init(loop, &w->burst);
        w->burst.data = w;
        uv_unref((uv_handle_t *)&w->burst);
        uv_unref((uv_handle_t *)&w->poll); /* to wait for news is no work */
        *ret = w;
        return 0;
}

static void closed(uv_handle_t *handle)
{
        struct watch *w = handle->data;

        if (--w->handles == 0)
                free(w);
}

void watch_free(struct watch *w)
{
        if (!w)
                return;
        while (w->processes)
                process_free(w, w->processes);
        uv_close((uv_handle_t *)&w->poll, closed);
        uv_close((uv_handle_t *)&w->burst, closed);
        if (w->mounts_fd >= 0)
                uv_close((uv_handle_t *)&w->mounts, closed);
        closep(&w->mounts_fd);
        closep(&w->inotify_fd);
        closep(&w->epoll_fd);
        watch_table_done(&w->table);
        free(w->dying);
}
