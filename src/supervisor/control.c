/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/control.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/buf.h"

static void client_close(struct control_client *client)
{
        loop_remove(client->control->loop, &client->source);
        closep(&client->fd);
}

static void answer(struct control_client *client, const char *data, size_t len)
{
        AUTO(buf_done) struct buf text = BUF_NULL(POD_WIRE_MAX);
        struct pod_request request;
        struct pod_reply reply = { 0 };
        struct err e;

        if (pod_request_parse(data, len, &request, &e) == 0)
                client->control->fn(client->control->arg, &request, &reply);
        else
                (void)snprintf(reply.error, sizeof(reply.error), "%.500s", e.text);
        if (pod_reply_print(&reply, &text) < 0 ||
            send(client->fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                client_close(client);
}

static void client_ready(struct loop_source *s, uint32_t events)
{
        struct control_client *client = OWNER_OF(s, struct control_client, source);
        char data[POD_WIRE_MAX];
        ssize_t n = recv(client->fd, data, sizeof(data), MSG_DONTWAIT);

        (void)events;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0)
                client_close(client);
        else
                answer(client, data, (size_t)n);
}

static void control_ready(struct loop_source *s, uint32_t events)
{
        struct control *c = OWNER_OF(s, struct control, source);
        AUTO_CLOSE int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        (void)events;
        for (size_t i = 0; fd >= 0 && i < CONTROL_CLIENTS_MAX; i++) {
                struct control_client *client = &c->clients[i];

                if (client->fd >= 0)
                        continue;
                if (loop_add(c->loop, &client->source, fd, EPOLLIN) == 0)
                        client->fd = TAKE_FD(fd);
                return;
        }
}

void control_init_null(struct control *c)
{
        *c = (struct control){ .source = { -1, control_ready }, .fd = -1 };
        for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
                c->clients[i] = (struct control_client){ { -1, client_ready }, c, -1 };
}

int control_open(struct control *c, struct loop *loop, int pod_fd, control_fn fn, void *arg,
                 struct err *e)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int r;

        control_init_null(c);
        if (fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "make the control socket");
        /* By way of the descriptor: the data directory's path may be longer than an address can be. */
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", pod_fd,
                       POD_CONTROL_SOCKET);
        (void)unlinkat(pod_fd, POD_CONTROL_SOCKET, 0);
        /* The inode takes the socket's mode: nobody else can connect in between. */
        if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            listen(fd, CONTROL_CLIENTS_MAX) < 0)
                return err_set(e, ERR_INTERNAL, errno, "open the control socket");
        r = loop_add(loop, &c->source, fd, EPOLLIN);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "watch the control socket");
        c->fd = TAKE_FD(fd);
        c->loop = loop;
        c->fn = fn;
        c->arg = arg;
        return 0;
}

void control_close(struct control *c)
{
        if (!c->loop)
                return;
        for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
                client_close(&c->clients[i]);
        loop_remove(c->loop, &c->source);
        closep(&c->fd);
}
