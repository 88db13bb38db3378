/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/auto.h"

/* By way of the open directory: the data directory's path may be longer than a socket address allows. */
static int connect_control(const struct pod *p, struct err *e)
{
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un addr = { .sun_family = AF_UNIX };

        if (fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "socket");
        (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/" POD_CONTROL_SOCKET,
                       p->fd);
        if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
                enum err_kind kind = errno == EACCES || errno == EPERM ? ERR_PERMISSION
                                     : errno == EAGAIN                 ? ERR_TIMEOUT
                                                                       : ERR_UNAVAILABLE;
                return err_set(e, kind, errno, "cannot reach the pod's supervisor");
        }
        return TAKE_FD(fd);
}

static int await(int fd, nsec deadline, struct err *e)
{
        for (;;) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                nsec left = deadline - time_monotonic();
                int n;

                if (left <= 0)
                        return err_set(e, ERR_TIMEOUT, 0, "the pod's supervisor does not answer");
                n = poll(&p, 1, (int)((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC));
                if (n > 0)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return err_set(e, ERR_INTERNAL, errno, "poll");
        }
}

int engine_ask(const struct pod *p, const struct pod_request *req, nsec deadline,
               struct pod_reply *ret, struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(POD_WIRE_MAX);
        AUTO_CLOSE int fd = connect_control(p, e);
        char reply[POD_WIRE_MAX];
        ssize_t n;

        if (fd < 0)
                return -1;
        if (pod_request_print(req, &text) < 0)
                return err_set(e, ERR_INTERNAL, 0, "request too large");
        if (send(fd, text.data, text.len, MSG_NOSIGNAL) < 0)
                return err_set(e, ERR_UNAVAILABLE, errno, "cannot reach the pod's supervisor");
        if (await(fd, deadline, e) < 0)
                return -1;
        n = recv(fd, reply, sizeof(reply), 0);
        if (n < 0)
                return err_set(e, ERR_UNAVAILABLE, errno, "the pod's supervisor went away");
        if (n == 0)
                return err_set(e, ERR_UNAVAILABLE, 0, "the pod's supervisor went away");
        return pod_reply_parse(reply, (size_t)n, ret, e);
}
