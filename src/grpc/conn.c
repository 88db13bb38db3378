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

void grpc_conn_close(struct grpc_conn *c, enum grpc_end why)
{
        struct grpc_server *server = c->server;
        const struct linger reset = { .l_onoff = 1 };

        if (c->closed)
                return;
        c->closed = true;
        /* What came first counts; and the client may have done what we asked for. */
        if (c->linger_by != INT64_MAX)
                why = c->end;
        else if (why == GRPC_END_CLIENT)
                why = grpc_session_end(c->session);
        server->stats.ended[why]++;
        /* Who does not read must not keep megabytes in the kernel's send queue either. */
        if (c->stalled_by != INT64_MAX)
                (void)setsockopt(c->link.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        c->session =
                grpc_session_free(c->session); /* handlers hear of it, and may send to others */
        set_dirty(c, false);
        uv_close((uv_handle_t *)&c->poll, on_handle_closed);
        uv_close((uv_handle_t *)&c->timer, on_handle_closed);
        grpc_link_done(&c->link);
        server->stats.tls_connections -= c->secured;
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
                grpc_conn_close(c, GRPC_END_SYSTEM);
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
        if (c->handshake_by <= now) {
                grpc_conn_close(c, GRPC_END_HANDSHAKE_TIME);
                return;
        }
        if (c->linger_by <= now || c->stalled_by <= now) {
                grpc_conn_close(c, c->linger_by <= now ? c->end : GRPC_END_STALLED);
                return;
        }
        grpc_session_tick(c->session, now);
        grpc_conn_flush(c);
}

/*
 * Our last words are out. Closing now, with bytes of the client unread, would make the kernel send
 * a reset that can overtake them: wait for the client to close, not for long.
 */
static void linger(struct grpc_conn *c)
{
        if (c->linger_by != INT64_MAX)
                return;
        c->end = c->tls_failed ? GRPC_END_HANDSHAKE : grpc_session_end(c->session);
        c->linger_by = time_monotonic() + linger_time;
        c->handshake_by = INT64_MAX;
        grpc_link_shutdown(&c->link);
        poll_for(c, UV_READABLE);
}

/* Socket and session: as much as there is to say, and as the socket takes, within one turn. */
static enum grpc_link_result send_all(struct grpc_conn *c)
{
        struct grpc_server *server = c->server;
        bool sent;
        enum grpc_link_result r = grpc_link_flush(&c->link, &sent);

        if (sent)
                c->stalled_by = time_monotonic() + server->config.write_stall_timeout;
        if (!grpc_link_ready(&c->link) || c->tls_failed)
                return r;
        for (int i = 0; r == GRPC_LINK_OK; i++) {
                size_t n;

                if (i == WRITES_PER_TURN) {
                        c->more_due = true;
                        return r;
                }
                n = grpc_session_send(c->session, server->buffers.out, sizeof(server->buffers.out));
                if (n > 0) {
                        server->stats.bytes_out += n;
                        r = grpc_link_send(&c->link, server->buffers.out, n);
                        if (r == GRPC_LINK_BLOCKED)
                                c->stalled_by =
                                        time_monotonic() + server->config.write_stall_timeout;
                } else if (c->drain_due) {
                        c->drain_due = false;
                        grpc_session_drain(c->session, GRPC_END_STOP, time_monotonic());
                } else {
                        break;
                }
        }
        return r;
}

void grpc_conn_flush(struct grpc_conn *c)
{
        enum grpc_link_result r = GRPC_LINK_OK;

        set_dirty(c, false);
        c->more_due = false;
        if (c->linger_by == INT64_MAX)
                r = send_all(c);
        if (r == GRPC_LINK_BROKEN) {
                grpc_conn_close(c, GRPC_END_CLIENT);
                return;
        }
        if (r == GRPC_LINK_BLOCKED) {
                poll_for(c, UV_WRITABLE);
        } else if (c->more_due) {
                /* The socket may be full by now, as far as we know: the time runs. */
                c->stalled_by = time_monotonic() + c->server->config.write_stall_timeout;
                poll_for(c, UV_READABLE | UV_WRITABLE);
        } else {
                c->stalled_by = INT64_MAX;
                if (c->tls_failed || !grpc_session_alive(c->session))
                        linger(c);
                else
                        poll_for(c, UV_READABLE);
        }
        set_timer(c);
}

static void on_secured(struct grpc_conn *c)
{
        struct grpc_server_stats *stats = &c->server->stats;

        c->secured = true;
        c->peer.tls = true;
        c->peer.identity = c->link.tls_ops->identity(c->link.tls);
        stats->tls_connections++;
        stats->tls_handshakes++;
        stats->tls_resumed += c->link.tls_ops->resumed(c->link.tls);
}

static void report_tls_failure(struct grpc_conn *c)
{
        const struct grpc_server_config *config = &c->server->config;

        c->server->stats.tls_failures++;
        if (config->on_tls_failure)
                config->on_tls_failure(&c->peer, grpc_link_reason(&c->link),
                                       config->on_tls_failure_arg);
}

static void take_in(struct grpc_conn *c)
{
        enum grpc_link_result r;
        const uint8_t *data;
        size_t len;

        for (;;) {
                r = grpc_link_fetch(&c->link, &data, &len);
                if (c->link.tls && !c->secured && grpc_link_ready(&c->link))
                        on_secured(c);
                if (r != GRPC_LINK_OK)
                        break;
                c->server->stats.bytes_in += len;
                if (grpc_session_receive(c->session, data, len, time_monotonic()) < 0)
                        return;
        }
        if (r == GRPC_LINK_TLS_FAILED) {
                c->tls_failed = true;
                if (!c->secured)
                        report_tls_failure(c);
        } else if (r == GRPC_LINK_CLOSED) {
                grpc_conn_close(c, GRPC_END_CLIENT);
        }
}

static void read_in(struct grpc_conn *c)
{
        enum grpc_link_result r = grpc_link_receive(&c->link);

        if (r == GRPC_LINK_BLOCKED)
                return;
        if (r != GRPC_LINK_OK) {
                grpc_conn_close(c, GRPC_END_CLIENT);
                return;
        }
        if (c->linger_by != INT64_MAX) {
                grpc_link_forget(&c->link);
                return;
        }
        take_in(c);
        if (!c->closed && grpc_session_established(c->session))
                c->handshake_by = INT64_MAX;
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
        struct grpc_conn *c = handle->data;
        struct grpc_server *server = c->server;

        if (status < 0) {
                grpc_conn_close(c, GRPC_END_CLIENT);
                return;
        }
        if ((events & UV_READABLE) && !c->link.unsent)
                read_in(c);
        if (!c->closed)
                grpc_conn_flush(c);
        if (server->counters.refused_memory != server->shed_for)
                grpc_server_shed(server);
}

void grpc_conn_flush_soon(struct grpc_conn *c)
{
        set_dirty(c, true);
        grpc_server_flush_soon(c->server);
}

static void on_output(void *arg)
{
        grpc_conn_flush_soon(arg);
}

void grpc_conn_drain(struct grpc_conn *c)
{
        if (!grpc_session_established(c->session)) {
                grpc_conn_close(c, GRPC_END_STOP);
                return;
        }
        /* In a turn of its own: the caller may be within this connection's session. */
        c->drain_due = true;
        grpc_conn_flush_soon(c);
}

int grpc_conn_new_consume(struct grpc_server *server, const struct grpc_tls *tls, int fd,
                          const struct sockaddr_storage *from)
{
        struct grpc_conn *c = xcalloc(1, sizeof(*c));
        int on = 1;

        if (from->ss_family != AF_UNIX)
                (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        c->server = server;
        c->handshake_by = time_monotonic() + server->config.handshake_timeout;
        c->stalled_by = c->linger_by = c->timer_at = INT64_MAX;
        if (grpc_link_init_consume(&c->link, &server->buffers, fd, tls) < 0) {
                free(c);
                return -1;
        }
        if (uv_poll_init(server->loop, &c->poll, fd) != 0) {
                grpc_link_done(&c->link);
                free(c);
                return -1;
        }
        grpc_peer_fill(&c->peer, fd, from);
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
                .peer = &c->peer,
                .observer = server->config.observer,
                .counters = &server->counters,
                .keepalive = &server->config.keepalive,
                .any_pings = c->peer.is_unix,
                .spread = server->random = server->random * 1664525 + 1013904223,
                .request_stall_timeout = server->config.request_stall_timeout,
                .stats = &server->stats,
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
        return 0;
}
