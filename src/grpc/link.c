/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/link.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/mem.h"

void grpc_link_buffers_done(struct grpc_link_buffers *b)
{
        free(b->plain);
        free(b->tls.out);
        b->plain = b->tls.out = NULL;
}

int grpc_link_init_consume(struct grpc_link *l, struct grpc_link_buffers *buffers, int fd,
                           const struct grpc_tls *tls)
{
        *l = (struct grpc_link){ .fd = fd, .buffers = buffers };
        if (!tls)
                return 0;
        if (!buffers->plain) {
                buffers->plain = xmalloc(GRPC_TLS_PLAIN);
                buffers->tls.out = xmalloc(GRPC_TLS_OUT);
                buffers->tls.out_size = GRPC_TLS_OUT;
        }
        l->tls = grpc_tls_conn_new(tls, &buffers->tls, &l->tls_ops);
        if (l->tls)
                return 0;
        (void)close(fd);
        l->fd = -1;
        return -1;
}

enum grpc_link_result grpc_link_receive(struct grpc_link *l)
{
        struct grpc_link_buffers *b = l->buffers;
        ssize_t n = recv(l->fd, b->in, sizeof(b->in), 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return GRPC_LINK_BLOCKED;
        if (n <= 0)
                return n == 0 ? GRPC_LINK_CLOSED : GRPC_LINK_BROKEN;
        if (l->tls) {
                b->turn = l;
                b->tls.in = b->in;
                b->tls.in_len = (size_t)n;
        } else {
                l->in = b->in;
                l->in_len = (size_t)n;
        }
        return GRPC_LINK_OK;
}

void grpc_link_forget(struct grpc_link *l)
{
        l->in_len = 0;
        if (l->buffers->turn != l)
                return;
        l->buffers->turn = NULL;
        l->buffers->tls.in_len = 0;
}

enum grpc_link_result grpc_link_fetch(struct grpc_link *l, const uint8_t **ret, size_t *ret_len)
{
        ssize_t n;

        if (!l->tls) {
                *ret = l->in;
                *ret_len = l->in_len;
                l->in_len = 0;
                return *ret_len > 0 ? GRPC_LINK_OK : GRPC_LINK_BLOCKED;
        }
        n = l->tls_ops->read(l->tls, l->buffers->plain, GRPC_TLS_PLAIN);
        if (n > 0) {
                *ret = l->buffers->plain;
                *ret_len = (size_t)n;
                return GRPC_LINK_OK;
        }
        if (n == GRPC_TLS_MORE)
                return GRPC_LINK_BLOCKED;
        l->buffers->tls.in_len = 0;
        return n == 0 ? GRPC_LINK_CLOSED : GRPC_LINK_TLS_FAILED;
}

const char *grpc_link_reason(const struct grpc_link *l)
{
        return l->tls_ops->reason(l->tls);
}

/* To the socket, as it is; keeps a copy of what it does not take. */
static enum grpc_link_result send_raw(struct grpc_link *l, const uint8_t *data, size_t len)
{
        ssize_t n;

        do
                n = send(l->fd, data, len, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n == (ssize_t)len)
                return GRPC_LINK_OK;
        if (n < 0 && errno != EAGAIN)
                return GRPC_LINK_BROKEN;
        n = n < 0 ? 0 : n;
        l->unsent = xmemdup(data + n, len - (size_t)n);
        l->unsent_len = len - (size_t)n;
        l->unsent_sent = 0;
        return GRPC_LINK_BLOCKED;
}

static enum grpc_link_result send_unsent(struct grpc_link *l, bool *ret_sent)
{
        while (l->unsent_sent < l->unsent_len) {
                ssize_t n = send(l->fd, l->unsent + l->unsent_sent, l->unsent_len - l->unsent_sent,
                                 MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? GRPC_LINK_BLOCKED : GRPC_LINK_BROKEN;
                l->unsent_sent += (size_t)n;
                *ret_sent = true;
        }
        free(l->unsent);
        l->unsent = NULL;
        l->unsent_len = l->unsent_sent = 0;
        return GRPC_LINK_OK;
}

/* What TLS has put into its buffer. Nothing may be kept from before. */
static enum grpc_link_result send_tls(struct grpc_link *l)
{
        struct grpc_tls_io *io = &l->buffers->tls;
        size_t len = io->out_len;

        assert(!l->buffers->turn || l->buffers->turn == l);
        l->buffers->turn = NULL;
        io->out_len = 0;
        return len > 0 ? send_raw(l, io->out, len) : GRPC_LINK_OK;
}

enum grpc_link_result grpc_link_flush(struct grpc_link *l, bool *ret_sent)
{
        enum grpc_link_result r = GRPC_LINK_OK;

        *ret_sent = false;
        if (l->unsent)
                r = send_unsent(l, ret_sent);
        if (r == GRPC_LINK_OK && l->tls)
                r = send_tls(l);
        return r;
}

enum grpc_link_result grpc_link_send(struct grpc_link *l, const uint8_t *data, size_t len)
{
        if (!l->tls)
                return send_raw(l, data, len);
        return l->tls_ops->write(l->tls, data, len) ? send_tls(l) : GRPC_LINK_BROKEN;
}

static void end_tls(struct grpc_link *l)
{
        struct grpc_link_buffers *b = l->buffers;

        if (b->turn && b->turn != l)
                return; /* another link's words are in the buffer */
        b->tls.in_len = 0;
        l->tls_ops->close(l->tls);
        if (!l->unsent)
                (void)send_tls(l);
        b->tls.out_len = 0;
        b->turn = NULL;
}

void grpc_link_shutdown(struct grpc_link *l)
{
        if (l->tls)
                end_tls(l);
        (void)shutdown(l->fd, SHUT_WR);
}

void grpc_link_done(struct grpc_link *l)
{
        if (l->tls) {
                end_tls(l);
                l->tls_ops->conn_free(l->tls);
        }
        l->tls = NULL;
        free(l->unsent);
        l->unsent = NULL;
        (void)close(l->fd);
        l->fd = -1;
}
