/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the end of a pod is seen. An orderly supervisor publishes `status` once the last line is in the log files.
 * A killed one does not; but its pod init dies with it (its pidfd tells), and within moments the lock falls:
 * only then, and while a starting pod has no init yet, the lock is probed on a timer.
 */
#include "logs/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "logs/watcher_priv.h"
#include "util/auto.h"
#include "util/flock.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/time.h"

enum {
        PROBE_STARTING_MS = 500, /* no init yet: it could only die before it wrote its pid */
        PROBE_DYING_MS = 10
};

struct logs_follow {
        int pod_fd; /* all owned; this one is opened anew, so that probing touches nobody's lock */
        int epoll_fd;
        int event_fd; /* of the watches; -1 when the watcher is our own */
        int timer_fd;
        int init_fd;                  /* pidfd of the pod's init; -1: not known yet */
        struct logs_watcher *watcher; /* borrowed, or the same as: */
        struct logs_watcher *own;     /* owned; NULL: it is shared */
        struct logs_watch pod_watch, logs_watch;
        bool logs_watched; /* it was there to be watched */
        bool init_dead;
        bool ended;
};

struct logs_follow *logs_follow_free(struct logs_follow *f)
{
        if (!f)
                return NULL;
        closep(&f->init_fd);
        closep(&f->timer_fd);
        logs_watch_remove(f->watcher, &f->pod_watch);
        logs_watch_remove(f->watcher, &f->logs_watch);
        logs_watcher_free(f->own);
        closep(&f->event_fd);
        closep(&f->epoll_fd);
        closep(&f->pod_fd);
        free(f);
        return NULL;
}

int logs_follow_fd(const struct logs_follow *f)
{
        return f->epoll_fd;
}

static void set_timer(struct logs_follow *f, int ms)
{
        struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
        struct itimerspec spec = { .it_interval = t, .it_value = t };

        (void)timerfd_settime(f->timer_fd, 0, &spec, NULL);
}

static int add(struct logs_follow *f, int fd)
{
        struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

        return epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

static int watch(struct logs_follow *f, struct logs_watch *watch, const char *name, uint32_t mask)
{
        char path[64];

        /* By way of the descriptor: the directory may be renamed, and its path is none of our business. */
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", f->pod_fd, name);
        watch->event_fd = f->event_fd;
        return logs_watch_add(f->watcher, watch, path, mask);
}

static void init_died(struct logs_follow *f)
{
        closep(&f->init_fd); /* leaves the epoll set with its last descriptor */
        f->init_dead = true;
        set_timer(f, PROBE_DYING_MS);
}

/* Follow the pod's init once its pid is published. */
static void find_init(struct logs_follow *f)
{
        AUTO(buf_done) struct buf text = BUF_NULL(64);
        int64_t pid;

        if (f->init_fd >= 0 || f->init_dead || fs_read_file(f->pod_fd, "pid", &text) < 0)
                return;
        while (text.len > 0 && text.data[text.len - 1] == '\n')
                text.data[--text.len] = '\0';
        if (parse_i64(buf_str(&text), 1, INT_MAX, &pid) < 0)
                return;
        f->init_fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
        if (f->init_fd < 0)
                init_died(f);
        else if (add(f, f->init_fd) == 0)
                set_timer(f, 0);
}

/* Look at everything anew. True: something is there that was not. */
static bool look(struct logs_follow *f)
{
        bool grown = false;

        if (!f->logs_watched &&
            watch(f, &f->logs_watch, "logs", IN_MODIFY | IN_CREATE | IN_MOVED_TO) == 0)
                f->logs_watched = grown = true;
        find_init(f);
        if (faccessat(f->pod_fd, "status", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
            flock_probe(f->pod_fd) == 0) {
                f->ended = true;
                set_timer(f, 1); /* never read again: the descriptor stays readable */
        }
        return grown;
}

static int open_watcher(struct logs_follow *f, struct logs_watcher *shared, struct err *e)
{
        if (!shared) {
                if (logs_watcher_new(&f->own, e) < 0)
                        return -1;
                f->watcher = f->own;
                return 0;
        }
        f->watcher = shared;
        f->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return f->event_fd < 0 ? err_set(e, ERR_INTERNAL, errno, "watch the pod") : 0;
}

/* What becomes readable when something happened that the watcher sees. */
static int watch_fd(const struct logs_follow *f)
{
        return f->own ? logs_watcher_fd(f->own) : f->event_fd;
}

int logs_follow_open(int pod_fd, struct logs_watcher *watcher, struct logs_follow **ret,
                     struct err *e)
{
        AUTO(logs_follow_freep) struct logs_follow *f = xmalloc(sizeof(*f));

        *f = (struct logs_follow){
                .pod_fd = -1, .epoll_fd = -1, .event_fd = -1, .timer_fd = -1, .init_fd = -1
        };
        f->pod_fd = fs_open_dir(pod_fd, ".");
        if (f->pod_fd < 0)
                return err_set(e, ERR_INTERNAL, -f->pod_fd, "open pod directory");
        if (open_watcher(f, watcher, e) < 0)
                return -1;
        f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        f->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (f->epoll_fd < 0 || f->timer_fd < 0 || add(f, watch_fd(f)) < 0 ||
            add(f, f->timer_fd) < 0)
                return err_set(e, ERR_INTERNAL, errno, "watch the pod");
        if (watch(f, &f->pod_watch, ".", IN_MOVED_TO | IN_CREATE) < 0)
                return err_set(e, ERR_INTERNAL, errno, "watch the pod's directory");
        set_timer(f, PROBE_STARTING_MS);
        (void)look(f);
        *ret = TAKE_PTR(f);
        return 0;
}

static bool take_hit(struct logs_watch *watch)
{
        bool hit = watch->hit;

        watch->hit = false;
        return hit;
}

enum logs_follow_event logs_follow_check(struct logs_follow *f)
{
        struct epoll_event events[3];
        bool grown, changed = false;
        int n;

        if (f->ended)
                return LOGS_FOLLOW_ENDED;
        n = epoll_wait(f->epoll_fd, events, ARRAY_LEN(events), 0);
        for (int i = 0; i < n; i++) {
                uint64_t ticks;

                if (events[i].data.fd == f->event_fd) {
                        (void)!read(f->event_fd, &ticks, sizeof(ticks));
                } else if (events[i].data.fd == watch_fd(f)) {
                        logs_watcher_dispatch(f->own);
                } else if (events[i].data.fd == f->timer_fd) {
                        (void)!read(f->timer_fd, &ticks, sizeof(ticks));
                        changed = true;
                } else {
                        init_died(f);
                        changed = true;
                }
        }
        changed = take_hit(&f->pod_watch) || changed;
        grown = take_hit(&f->logs_watch);
        if (changed)
                grown = look(f) || grown;
        if (f->ended)
                return LOGS_FOLLOW_ENDED;
        return grown ? LOGS_FOLLOW_GROWN : LOGS_FOLLOW_QUIET;
}

int logs_follow_wait(struct logs_follow *f, int timeout_ms, enum logs_follow_event *ret,
                     struct err *e)
{
        nsec deadline = time_monotonic() + timeout_ms * NSEC_PER_MSEC;

        for (;;) {
                struct pollfd p = { .fd = f->epoll_fd, .events = POLLIN };
                nsec left = timeout_ms < 0 ? 0 : deadline - time_monotonic();
                enum logs_follow_event event = logs_follow_check(f);
                int n;

                if (event != LOGS_FOLLOW_QUIET || left < 0) {
                        *ret = event;
                        return 0;
                }
                /* Rounded up, so that the last round does not spin. */
                n = poll(&p, 1, timeout_ms < 0 ? -1 : (int)(left / NSEC_PER_MSEC) + 1);
                if (n < 0 && errno != EINTR)
                        return err_set(e, ERR_INTERNAL, errno, "wait for logs");
        }
}
