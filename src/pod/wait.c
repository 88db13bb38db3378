/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three things can wake a waiter: the pod init's pidfd, inotify (the pod's directory, where
 * `ready` and `pid` appear, and the six directories between which pods move), and, where neither
 * tells (the fall of a lock), a timer. After each wake-up the pod is looked at again; nothing is
 * concluded from the event itself.
 */
#include "pod/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "pod/view.h"
#include "util/auto.h"
#include "util/proc.h"

enum {
        STEP_LOCK_MS = 10,  /* a lock is about to fall, or falls without anything to see */
        STEP_IDLE_MS = 250, /* something would have told us; this is for what nobody thought of */
};

struct waiting {
        struct pod_store *s;
        const char *uuid;
        int inotify; /* owned; -1: not available, then we step */
        struct proc init;
        bool init_ended;
};

static void waiting_done(struct waiting *w)
{
        closep(&w->inotify);
        proc_done(&w->init);
}

static int watch_fd(struct waiting *w, int fd, uint32_t mask)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return inotify_add_watch(w->inotify, path, mask);
}

static void start_watching(struct waiting *w)
{
        w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        for (int d = 0; w->inotify >= 0 && d < POD_DIR_MAX; d++)
                if (w->s->dir_fd[d] >= 0 &&
                    watch_fd(w, w->s->dir_fd[d], IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE) < 0)
                        closep(&w->inotify);
}

/* The inode keeps its watch wherever the pod moves. */
static void watch_pod(struct waiting *w)
{
        AUTO(pod_done) struct pod p = POD_NULL;
        struct err e;

        if (w->inotify < 0 || pod_open(w->s, w->uuid, &p, &e) < 0)
                return;
        if (watch_fd(w, p.fd, IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF) < 0)
                closep(&w->inotify);
}

/*
 * The init that the pod names, while the pod runs: its end is the pod's end, but for the last
 * words.
 */
static void watch_init(struct waiting *w, const struct pod_view *v)
{
        if (w->init_ended || w->init.pidfd >= 0 || v->state != POD_RUNNING || v->pid <= 0)
                return;
        (void)proc_open(v->pid, &w->init);
}

static int step_ms(const struct waiting *w, const struct pod_view *v, nsec deadline)
{
        bool blind = w->inotify < 0 || v->state == POD_PREPARING ||
                     (v->state == POD_RUNNING && w->init.pidfd < 0);
        int64_t step = blind ? STEP_LOCK_MS : STEP_IDLE_MS, left;

        if (deadline < 0)
                return (int)step;
        left = (deadline - time_monotonic() + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
        return left < 0 ? 0 : (int)(left < step ? left : step);
}

static void sleep_until_news(struct waiting *w, int timeout_ms)
{
        struct pollfd fds[] = {
                { .fd = w->inotify, .events = POLLIN },
                { .fd = w->init.pidfd, .events = POLLIN },
        };
        char events[4096];

        if (poll(fds, ARRAY_LEN(fds), timeout_ms) <= 0)
                return;
        if (fds[0].revents)
                while (w->inotify >= 0 && read(w->inotify, events, sizeof(events)) > 0)
                        ;
        /* Its pidfd stays readable, so it is let go. From here on the lock is watched, in steps. */
        if (fds[1].revents) {
                proc_done(&w->init);
                w->init_ended = true;
        }
}

static bool is_there(const struct pod_view *v, enum pod_wait_for what)
{
        return what == POD_WAIT_READY ? v->ready : pod_state_is_finished(v->state);
}

/* 1: the wait is over; 0: go on; -1: it can never come true, or nobody knows. */
static int look(struct waiting *w, enum pod_wait_for what, bool first, nsec deadline, struct err *e)
{
        AUTO(pod_view_freep) struct pod_view *v = NULL;
        int timeout_ms;

        if (pod_view_read(w->s, w->uuid, POD_VIEW_FACTS, &v, e) < 0) {
                if (e->kind != ERR_NOT_FOUND || first)
                        return -1;
                if (what == POD_WAIT_EXITED)
                        return 1;
                return err_set(e, ERR_STATE, 0, "pod %s was removed before it was ready", w->uuid);
        }
        if (is_there(v, what))
                return 1;
        if (pod_state_is_finished(v->state))
                return err_set(e, ERR_STATE, 0, "pod %s is %s and was not ready before", w->uuid,
                               pod_state_name(v->state));
        watch_init(w, v);
        timeout_ms = step_ms(w, v, deadline);
        if (timeout_ms <= 0)
                return err_set(e, ERR_TIMEOUT, 0, "pod %s is still %s", w->uuid,
                               pod_state_name(v->state));
        sleep_until_news(w, timeout_ms);
        return 0;
}

int pod_wait(struct pod_store *s, const char *uuid, enum pod_wait_for what, nsec deadline,
             struct err *e)
{
        AUTO(waiting_done) struct waiting w = { .s = s, .uuid = uuid, .init = PROC_NULL };
        int r;

        /* Watch, then look: what happens between the two wakes us. */
        pod_store_refresh(s);
        start_watching(&w);
        watch_pod(&w);
        for (bool first = true; (r = look(&w, what, first, deadline, e)) == 0; first = false)
                ;
        return r < 0 ? -1 : 0;
}
