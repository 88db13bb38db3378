/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client's socket. While output is blocked nothing is read: a client that does not take its
 * answers cannot make us queue more. Writes are made of as many frames as fit one buffer, which all
 * connections share: an idle connection holds no buffer at all.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "grpc/server_priv.h"
#include "util/mem.h"

enum {
        WRITES_PER_TURN = 8, /* then the others have their turn */
};

static const nsec linger_time = NSEC_PER_SEC;

static void on_poll(uv_poll_t *handle, int status, int events);

static void on_handle_closed(uv_handle_t *handle)
{
        struct grpc_conn *c = handle->data;
        struct grpc_server *server = c->server;

        if (--c->handles == 0)
                free(c);
        grpc_server_handle_closed(server);
}

static void set_dirty(struct grpc_conn *c, bool dirty)
{
        struct grpc_server *server = c->server;

        if (c->is_dirty == dirty)
                return;
        c->is_dirty = dirty;
        if (dirty) {
                c->dirty_prev = NULL;
                c->dirty_next = server->dirty;
                if (server->dirty)
                        server->dirty->dirty_prev = c;
                server->dirty = c;
                return;
        }
        *(c->dirty_prev ? &c->dirty_prev->dirty_next : &server->dirty) = c->dirty_next;
        if (c->dirty_next)
                c->dirty_next->dirty_prev = c->dirty_prev;
}

void grpc_conn_close(struct grpc_conn *c)
{
        struct grpc_server *server = c->server;
        const struct linger reset = { .l_onoff = 1 };

        if (c->closed)
                return;
        c->closed = true;
        /* Who does not read must not keep megabytes in the kernel's send queue either. */
        if (c->stalled_by != INT64_MAX)
                (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        c->session =
                grpc_session_free(c->session); /* handlers hear of it, and may send to others */
        set_dirty(c, false);
        uv_close((uv_handle_t *)&c->poll, on_handle_closed);
        uv_close((uv_handle_t *)&c->timer, on_handle_closed);
        (void)close(c->fd);
        c->fd = -1;
        free(c->unsent);
        c->unsent = NULL;
        *(c->prev ? &c->prev->next : &server->conns) = c->next;
        if (c->next)
                c->next->prev = c->prev;
        server->n_conns--;
        grpc_server_conn_gone(server);
}

static void poll_for(struct grpc_conn *c, int events)
{
        if (c->events == events)
                return;
        c->events = events;
        if (uv_poll_start(&c->poll, events, on_poll) != 0)
                grpc_conn_close(c);
}

static nsec earliest(nsec a, nsec b)
{
        return a < b ? a : b;
}

static nsec conn_deadline(const struct grpc_conn *c)
{
        nsec at = earliest(earliest(c->handshake_by, c->stalled_by), c->linger_by);

        return earliest(at, grpc_session_deadline(c->session));
}

static void on_timer(uv_timer_t *timer);

/*
 * A timer that fires too early costs less than one set anew for each call: it is only ever moved
 * forward here, and looks again when it fires.
 */
static void set_timer(struct grpc_conn *c)
{
        nsec at, left;

        if (c->closed)
                return;
        at = conn_deadline(c);
        if (at >= c->timer_at)
                return;
        c->timer_at = at;
        left = at - time_monotonic();
        (void)uv_timer_start(&c->timer, on_timer,
                             left > 0 ? (uint64_t)((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC) : 0,
                             0);
}

static void on_timer(uv_timer_t *timer)
{
        struct grpc_conn *c = timer->data;
        nsec now = time_monotonic();

        c->timer_at = INT64_MAX;
        if (earliest(earliest(c->handshake_by, c->stalled_by), c->linger_by) <= now) {
                grpc_conn_close(c);
                return;
        }
        grpc_session_tick(c->session, now);
        grpc_conn_flush(c);
}

/* True when nothing is left; false when the socket is full or broken (*ret_broken). */
static bool write_unsent(struct grpc_conn *c, bool *ret_broken)
{
        while (c->unsent_sent < c->unsent_len) {
                ssize_t n = send(c->fd, c->unsent + c->unsent_sent, c->unsent_len - c->unsent_sent,
                                 MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        *ret_broken = errno != EAGAIN;
                        return false;
                }
                c->unsent_sent += (size_t)n;
                c->stalled_by = time_monotonic() + c->server->config.write_stall_timeout;
        }
        free(c->unsent);
        c->unsent = NULL;
        c->unsent_len = c->unsent_sent = 0;
        c->stalled_by = INT64_MAX;
        return true;
}

/* As write_unsent; keeps a copy of what the socket did not take. */
static bool write_out(struct grpc_conn *c, const uint8_t *data, size_t len, bool *ret_broken)
{
        ssize_t n;

        do
                n = send(c->fd, data, len, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n == (ssize_t)len)
                return true;
        if (n < 0 && errno != EAGAIN) {
                *ret_broken = true;
                return false;
        }
        n = n < 0 ? 0 : n;
        c->unsent = xmemdup(data + n, len - (size_t)n);
        c->unsent_len = len - (size_t)n;
        c->unsent_sent = 0;
        c->stalled_by = time_monotonic() + c->server->config.write_stall_timeout;
        return false;
}

/*
 * Our last words are out. Closing now, with bytes of the client unread, would make the kernel send
 * a reset that can overtake them: wait for the client to close, not for long.
 */
static void linger(struct grpc_conn *c)
{
        if (c->linger_by != INT64_MAX)
                return;
        c->linger_by = time_monotonic() + linger_time;
        (void)shutdown(c->fd, SHUT_WR);
        poll_for(c, UV_READABLE);
}

void grpc_conn_flush(struct grpc_conn *c)
{
        struct grpc_server *server = c->server;
        bool broken = false;
        bool blocked = !write_unsent(c, &broken);

        set_dirty(c, false);
        for (int i = 0; !blocked && c->linger_by == INT64_MAX; i++) {
                size_t n;

                if (i == WRITES_PER_TURN) {
                        /* It may be full by now, as far as we know: the time runs. */
                        c->stalled_by = time_monotonic() + server->config.write_stall_timeout;
                        poll_for(c, UV_READABLE | UV_WRITABLE);
                        set_timer(c);
                        return;
                }
                n = grpc_session_send(c->session, server->out, sizeof(server->out));
                if (n == 0)
                        break;
                blocked = !write_out(c, server->out, n, &broken);
        }
        if (broken) {
                grpc_conn_close(c);
                return;
        }
        if (!blocked && !grpc_session_alive(c->session))
                linger(c);
        else
                poll_for(c, blocked ? UV_WRITABLE : UV_READABLE);
        set_timer(c);
}

/* False when the connection was closed. */
static bool read_in(struct grpc_conn *c)
{
        struct grpc_server *server = c->server;
        ssize_t n = recv(c->fd, server->in, sizeof(server->in), 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return true;
        if (n <= 0) {
                grpc_conn_close(c);
                return false;
        }
        if (c->linger_by != INT64_MAX)
                return true;
        (void)grpc_session_receive(c->session, server->in, (size_t)n, time_monotonic());
        if (grpc_session_established(c->session))
                c->handshake_by = INT64_MAX;
        return true;
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
        struct grpc_conn *c = handle->data;

        if (status < 0) {
                grpc_conn_close(c);
                return;
        }
        if ((events & UV_READABLE) && !c->unsent && !read_in(c))
                return;
        grpc_conn_flush(c);
}

static void on_output(void *arg)
{
        struct grpc_conn *c = arg;

        set_dirty(c, true);
        grpc_server_flush_soon(c->server);
}

void grpc_conn_drain(struct grpc_conn *c)
{
        if (!grpc_session_established(c->session)) {
                grpc_conn_close(c);
                return;
        }
        /* What handlers said before the stop arrives before GOAWAY, not after it. */
        grpc_conn_flush(c);
        if (c->closed)
                return;
        grpc_session_drain(c->session, time_monotonic());
        grpc_conn_flush(c);
}

void grpc_conn_new_consume(struct grpc_server *server, int fd)
{
        struct grpc_conn *c;
        int on = 1;

        /* Fails on unix sockets, where it is not needed. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        c = xcalloc(1, sizeof(*c));
        c->server = server;
        c->fd = fd;
        c->handshake_by = time_monotonic() + server->config.handshake_timeout;
        c->stalled_by = c->linger_by = c->timer_at = INT64_MAX;
        if (uv_poll_init(server->loop, &c->poll, fd) != 0) {
                (void)close(fd);
                free(c);
                return;
        }
        (void)uv_timer_init(server->loop, &c->timer);
        c->poll.data = c;
        c->timer.data = c;
        c->handles = 2;
        server->handles += 2;
        c->session = grpc_session_new(&(struct grpc_session_config){
                .router = &server->router,
                .memory = &server->memory,
                .max_message_bytes = server->config.max_message_bytes,
                .compression = server->config.compression,
                .observer = server->config.observer,
                .counters = &server->counters,
                .on_output = on_output,
                .arg = c,
        });
        c->next = server->conns;
        if (server->conns)
                server->conns->prev = c;
        server->conns = c;
        server->n_conns++;
        /*
         * Our SETTINGS go out with the first answer; a client that only opens and closes costs no
         * write.
         */
        poll_for(c, UV_READABLE);
        set_timer(c);
}
