/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/auto.h"

void outlet_init(struct outlet *o, int fd)
{
        struct stat st;
        char path[32];
        int own;

        *o = OUTLET_NULL;
        if (fstat(fd, &st) < 0)
                return;
        *o = (struct outlet){ .fd = fd, .kind = OUTLET_FILE };
        if (S_ISSOCK(st.st_mode))
                o->kind = OUTLET_SOCKET;
        if (!S_ISFIFO(st.st_mode) && !isatty(fd))
                return;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (own >= 0)
                *o = (struct outlet){ .fd = own, .kind = OUTLET_PIPE, .owned = true };
}

void outlet_done(struct outlet *o)
{
        if (o->owned)
                closep(&o->fd);
        *o = OUTLET_NULL;
}

size_t outlet_write(struct outlet *o, const char *data, size_t len)
{
        size_t done = 0;

        while (done < len && o->kind != OUTLET_CLOSED) {
                ssize_t n;

                if (o->kind == OUTLET_SOCKET)
                        n = send(o->fd, data + done, len - done, MSG_DONTWAIT | MSG_NOSIGNAL);
                else
                        n = write(o->fd, data + done, len - done);
                if (n >= 0) {
                        done += (size_t)n;
                } else if (errno == EAGAIN) {
                        return done;
                } else if (errno == EPIPE || errno == EIO || errno == EBADF ||
                           errno == ECONNRESET) {
                        outlet_done(o);
                } else if (errno != EINTR) {
                        break;
                }
        }
        return len;
}
