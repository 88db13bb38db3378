/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/loop.h"

#include <errno.h>
#include <stdbool.h>

#include "util/auto.h"

int loop_init(struct loop *ret, struct err *e)
{
        int fd = epoll_create1(EPOLL_CLOEXEC);

        if (fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "create the event loop");
        ret->fd = fd;
        return 0;
}

void loop_done(struct loop *l)
{
        closep(&l->fd);
}

int loop_add(struct loop *l, struct loop_source *s, int fd, uint32_t events)
{
        struct epoll_event ev = { .events = events, .data.ptr = s };

        if (epoll_ctl(l->fd, EPOLL_CTL_ADD, fd, &ev) < 0)
                return -errno;
        s->fd = fd;
        return 0;
}

void loop_remove(struct loop *l, struct loop_source *s)
{
        if (s->fd >= 0)
                (void)epoll_ctl(l->fd, EPOLL_CTL_DEL, s->fd, NULL);
        s->fd = -1;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, nsec due)
{
        if (t->due == 0) {
                t->next = l->timers;
                l->timers = t;
        }
        t->due = due;
        t->turn = l->turn;
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
        if (t->due == 0)
                return;
        t->due = 0;
        for (struct loop_timer **at = &l->timers; *at; at = &(*at)->next)
                if (*at == t) {
                        *at = t->next;
                        return;
                }
}

static nsec time_left(const struct loop *l, int timeout_ms)
{
        nsec left = timeout_ms < 0 ? INT64_MAX : timeout_ms * NSEC_PER_MSEC;
        nsec now = time_monotonic();

        for (const struct loop_timer *t = l->timers; t; t = t->next)
                if (t->due - now < left)
                        left = t->due > now ? t->due - now : 0;
        return left;
}

static int wait_for(struct loop *l, struct epoll_event *events, int max, int timeout_ms)
{
        static bool coarse;
        struct timespec ts;
        nsec left;

        if (!l->timers)
                return epoll_wait(l->fd, events, max, timeout_ms);
        left = time_left(l, timeout_ms);
        ts = (struct timespec){ .tv_sec = (time_t)(left / NSEC_PER_SEC),
                                .tv_nsec = (long)(left % NSEC_PER_SEC) };
        if (!coarse) {
                int n = epoll_pwait2(l->fd, events, max, &ts, NULL);

                if (n >= 0 || errno != ENOSYS)
                        return n;
                coarse = true;
        }
        return epoll_wait(l->fd, events, max, (int)((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC));
}

/* The next one that is due at @now, and was not set in this turn: that would keep the sources from theirs. */
static struct loop_timer *next_due(const struct loop *l, nsec now)
{
        for (struct loop_timer *t = l->timers; t; t = t->next)
                if (t->due <= now && t->turn != l->turn)
                        return t;
        return NULL;
}

static int call_timers(struct loop *l)
{
        nsec now = time_monotonic();
        struct loop_timer *t;
        int n;

        for (n = 0; (t = next_due(l, now)); n++) {
                loop_timer_stop(l, t);
                t->ready(t);
        }
        return n;
}

int loop_turn(struct loop *l, int timeout_ms)
{
        struct epoll_event events[16];
        int n = wait_for(l, events, ARRAY_LEN(events), timeout_ms);

        l->turn++;
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                struct loop_source *s = events[i].data.ptr;

                /* An earlier one of this turn may have removed it. */
                if (s->fd >= 0)
                        s->ready(s, events[i].events);
        }
        return l->timers ? n + call_timers(l) : n;
}
