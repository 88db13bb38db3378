/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/loop.h"

#include <errno.h>

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

int loop_turn(struct loop *l, int timeout_ms)
{
        struct epoll_event events[16];
        int n = epoll_wait(l->fd, events, ARRAY_LEN(events), timeout_ms);

        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                struct loop_source *s = events[i].data.ptr;

                /* An earlier one of this turn may have removed it. */
                if (s->fd >= 0)
                        s->ready(s, events[i].events);
        }
        return n;
}
