/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "grpc/address.h"
#include "grpc/bind.h"
#include "grpc/server_priv.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"

enum {
        ACCEPTS_PER_TURN = 16,
        ACCEPT_RETRY_MS = 100, /* when descriptors have run out */
        FDS_FOR_OTHERS = 64,   /* handlers open files too */
};

static void on_accept(uv_poll_t *handle, int status, int events);

static size_t connections_possible(void)
{
        struct rlimit lim;

        if (getrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_cur == RLIM_INFINITY ||
            lim.rlim_cur > LIMIT_GRPC_CONNECTIONS + FDS_FOR_OTHERS)
                return LIMIT_GRPC_CONNECTIONS;
        return lim.rlim_cur > 2 * FDS_FOR_OTHERS ? lim.rlim_cur - FDS_FOR_OTHERS : FDS_FOR_OTHERS;
}

static void on_flush(uv_prepare_t *prepare)
{
        struct grpc_server *server = prepare->data;

        while (server->dirty)
                grpc_conn_flush(server->dirty); /* takes it off the list */
        (void)uv_prepare_stop(prepare);
}

void grpc_server_flush_soon(struct grpc_server *server)
{
        (void)uv_prepare_start(&server->flush, on_flush);
}

struct grpc_server *grpc_server_new(uv_loop_t *loop, const struct grpc_server_config *config)
{
        struct grpc_server *server = xcalloc(1, sizeof(*server));

        server->loop = loop;
        if (config)
                server->config = *config;
        if (server->config.max_connections == 0)
                server->config.max_connections = connections_possible();
        if (server->config.handshake_timeout == 0)
                server->config.handshake_timeout = 10 * NSEC_PER_SEC;
        if (server->config.write_stall_timeout == 0)
                server->config.write_stall_timeout = 60 * NSEC_PER_SEC;
        if (server->config.max_message_bytes == 0)
                server->config.max_message_bytes = LIMIT_GRPC_MESSAGE_BYTES;
        server->config.keepalive = grpc_keepalive_defaults(&server->config.keepalive);
        server->memory.max = server->config.max_memory_bytes ? server->config.max_memory_bytes
                                                             : LIMIT_GRPC_MEMORY_BYTES;
        server->random = (uint32_t)time_monotonic(); /* need not be a secret */
        (void)uv_prepare_init(loop, &server->flush);
        (void)uv_timer_init(loop, &server->retry);
        (void)uv_timer_init(loop, &server->stop_timer);
        server->flush.data = server->retry.data = server->stop_timer.data = server;
        server->handles = 3;
        return server;
}

static void release(struct grpc_server *server)
{
        grpc_router_done(&server->router);
        grpc_link_buffers_done(&server->buffers);
        free(server);
}

void grpc_server_handle_closed(struct grpc_server *server)
{
        if (--server->handles == 0 && server->freed)
                release(server);
}

static void on_listener_closed(uv_handle_t *handle)
{
        struct grpc_listener *l = handle->data;
        struct grpc_server *server = l->server;

        free(l->unix_path);
        (void)grpc_tls_unref(l->tls);
        free(l);
        grpc_server_handle_closed(server);
}

static void on_server_handle_closed(uv_handle_t *handle)
{
        grpc_server_handle_closed(handle->data);
}

/* Somebody may have removed our socket's file, and another server made one in its place. */
static bool is_ours(const struct grpc_listener *l)
{
        struct stat st;

        return lstat(l->unix_path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino;
}

static void close_listeners(struct grpc_server *server)
{
        while (server->listeners) {
                struct grpc_listener *l = server->listeners;

                server->listeners = l->next;
                uv_close((uv_handle_t *)&l->poll, on_listener_closed);
                (void)close(l->fd);
                if (l->unix_path && is_ours(l))
                        (void)unlink(l->unix_path);
        }
}

static void close_conns(struct grpc_server *server)
{
        while (server->conns)
                grpc_conn_close(server->conns, GRPC_END_STOP);
}

struct grpc_server *grpc_server_free(struct grpc_server *server)
{
        if (!server)
                return NULL;
        server->freed = true;
        server->on_stopped = NULL;
        close_listeners(server);
        close_conns(server);
        uv_close((uv_handle_t *)&server->flush, on_server_handle_closed);
        uv_close((uv_handle_t *)&server->retry, on_server_handle_closed);
        uv_close((uv_handle_t *)&server->stop_timer, on_server_handle_closed);
        return NULL;
}

void grpc_server_add_service(struct grpc_server *server, const struct grpc_service *service,
                             void *ctx)
{
        grpc_router_add(&server->router, service, ctx);
}

static void poll_listeners(struct grpc_server *server, bool on)
{
        server->accept_paused = !on;
        for (struct grpc_listener *l = server->listeners; l; l = l->next) {
                if (on)
                        (void)uv_poll_start(&l->poll, UV_READABLE, on_accept);
                else
                        (void)uv_poll_stop(&l->poll);
        }
}

static void on_retry(uv_timer_t *timer)
{
        poll_listeners(timer->data, true);
}

static void on_accept(uv_poll_t *handle, int status, int events)
{
        struct grpc_listener *l = handle->data;
        struct grpc_server *server = l->server;

        (void)status;
        (void)events;
        for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
                struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
                socklen_t len = sizeof(from);
                int fd = accept4(l->fd, (struct sockaddr *)&from, &len,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd < 0 &&
                    (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
                        /* The backlog stays readable: without a pause this would spin. */
                        server->stats.accept_pauses++;
                        poll_listeners(server, false);
                        (void)uv_timer_start(&server->retry, on_retry, ACCEPT_RETRY_MS, 0);
                        return;
                }
                if (fd < 0)
                        return; /* EAGAIN, or this client's own trouble */
                server->stats.accepted++;
                if (server->n_conns < server->config.max_connections) {
                        (void)grpc_conn_new_consume(server, l->tls, fd, &from);
                } else {
                        server->stats.over_cap++;
                        (void)close(fd);
                }
        }
}

static int add_listener(struct grpc_server *server, int fd, const char *unix_path,
                        struct grpc_tls *tls, struct err *e)
{
        struct stat st;
        struct grpc_listener *l = xcalloc(1, sizeof(*l));
        int r = uv_poll_init(server->loop, &l->poll, fd);

        if (r != 0) {
                (void)close(fd);
                free(l);
                return err_set(e, ERR_INTERNAL, -r, "watch a listening socket");
        }
        l->server = server;
        l->fd = fd;
        l->unix_path = xstrdup_null(unix_path);
        if (unix_path && lstat(unix_path, &st) == 0) {
                l->dev = st.st_dev;
                l->ino = st.st_ino;
        }
        l->tls = grpc_tls_ref(tls);
        l->poll.data = l;
        l->next = server->listeners;
        server->listeners = l;
        server->handles++;
        if (!server->accept_paused)
                (void)uv_poll_start(&l->poll, UV_READABLE, on_accept);
        return 0;
}

int grpc_server_listen(struct grpc_server *server, const char *address,
                       const struct grpc_listen_options *options, struct err *e)
{
        static const struct grpc_listen_options defaults = { 0 };
        const struct grpc_listen_options *o = options ? options : &defaults;
        struct grpc_bound bound;
        int r = 0;

        if (grpc_bind(address,
                      &(struct grpc_bind_options){
                              .mode = o->unix_mode,
                              .gid = o->unix_gid_set ? o->unix_gid : (gid_t)-1,
                              .local_only = o->local_only,
                      },
                      &bound, e) < 0)
                return -1;
        for (size_t i = 0; i < bound.n; i++) {
                if (r < 0)
                        (void)close(bound.fds[i]);
                else
                        r = add_listener(server, bound.fds[i],
                                         o->unix_keep ? NULL : bound.unix_path, o->tls, e);
        }
        if (r == 0 && !bound.unix_path)
                server->port = bound.port;
        free(bound.unix_path);
        return r;
}

int grpc_server_listen_fd_consume(struct grpc_server *server, int fd,
                                  const struct grpc_listen_options *options, struct err *e)
{
        AUTO_CLOSE int owned = fd;
        struct grpc_sockaddr at = { .len = sizeof(at.addr) };
        int listening = 0;
        socklen_t len = sizeof(listening);

        if (getsockopt(owned, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || !listening ||
            getsockname(owned, (struct sockaddr *)&at.addr, &at.len) < 0)
                return err_set(e, ERR_USAGE, 0, "descriptor %d is no listening socket", fd);
        if (options && options->local_only && !grpc_sockaddr_is_local(&at))
                return err_set(e, ERR_STATE, 0, "descriptor %d listens for other hosts", fd);
        if (fcntl(owned, F_SETFL, O_NONBLOCK) < 0 || fcntl(owned, F_SETFD, FD_CLOEXEC) < 0)
                return err_set(e, ERR_INTERNAL, errno, "descriptor %d", fd);
        return add_listener(server, TAKE_FD(owned), NULL, options ? options->tls : NULL, e);
}

int grpc_server_adopt_fd_consume(struct grpc_server *server, int fd,
                                 const struct grpc_listen_options *options, struct err *e)
{
        AUTO_CLOSE int owned = fd;
        struct grpc_sockaddr at = { .len = sizeof(at.addr) };
        struct sockaddr_storage from;
        socklen_t len = sizeof(from), type_len = sizeof(int);
        int type;

        if (getsockopt(owned, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0 || type != SOCK_STREAM ||
            getpeername(owned, (struct sockaddr *)&from, &len) < 0 ||
            getsockname(owned, (struct sockaddr *)&at.addr, &at.len) < 0)
                return err_set(e, ERR_USAGE, 0, "descriptor %d is no connected stream socket", fd);
        if (options && options->local_only && !grpc_sockaddr_is_local(&at))
                return err_set(e, ERR_STATE, 0, "descriptor %d is connected to another host", fd);
        if (fcntl(owned, F_SETFL, O_NONBLOCK) < 0 || fcntl(owned, F_SETFD, FD_CLOEXEC) < 0)
                return err_set(e, ERR_INTERNAL, errno, "descriptor %d", fd);
        server->stats.accepted++;
        if (grpc_conn_new_consume(server, options ? options->tls : NULL, TAKE_FD(owned), &from) < 0)
                return err_set(e, ERR_INTERNAL, 0, "cannot serve descriptor %d", fd);
        return 0;
}

bool grpc_server_listens(const struct grpc_server *server)
{
        return server->listeners;
}

unsigned grpc_server_port(const struct grpc_server *server)
{
        return server->port;
}

size_t grpc_server_connections(const struct grpc_server *server)
{
        return server->n_conns;
}

void grpc_server_stats(const struct grpc_server *server, struct grpc_server_stats *ret)
{
        *ret = server->stats;
        ret->connections = server->n_conns;
        ret->memory_used = server->memory.used;
        ret->memory_max = server->memory.max;
        ret->calls = server->counters;
}

void grpc_server_shed(struct grpc_server *server)
{
        nsec now = time_monotonic();
        nsec before = now - server->config.write_stall_timeout;

        server->shed_for = server->counters.refused_memory;
        /* It looks at every call, so refusals without number must not make it run without end. */
        if (now < server->shed_next)
                return;
        server->shed_next = now + NSEC_PER_SEC;
        for (struct grpc_conn *c = server->conns; c; c = c->next)
                if (grpc_session_shed(c->session, before) > 0)
                        grpc_conn_flush_soon(c);
}

static void on_stop_timer(uv_timer_t *timer)
{
        struct grpc_server *server = timer->data;
        void (*on_stopped)(void *arg) = server->on_stopped;

        close_conns(server);
        server->on_stopped = NULL;
        if (on_stopped)
                on_stopped(server->on_stopped_arg);
}

void grpc_server_conn_gone(struct grpc_server *server)
{
        if (server->freed)
                return;
        if (server->stopping &&
            server->n_conns == 0) /* in its own turn: the caller may be inside a call */
                (void)uv_timer_start(&server->stop_timer, on_stop_timer, 0, 0);
        else if (server->accept_paused && !server->stopping)
                poll_listeners(server, true);
}

static void begin_stop(struct grpc_server *server, void (*on_stopped)(void *arg), void *arg)
{
        if (server->stopping)
                return;
        server->stopping = true;
        server->on_stopped = on_stopped;
        server->on_stopped_arg = arg;
        close_listeners(server);
        (void)uv_timer_stop(&server->retry);
}

void grpc_server_stop_when_left(struct grpc_server *server, void (*on_stopped)(void *arg),
                                void *arg)
{
        begin_stop(server, on_stopped, arg);
        grpc_server_conn_gone(server); /* the last one may have gone already */
}

void grpc_server_stop(struct grpc_server *server, nsec grace, void (*on_stopped)(void *arg),
                      void *arg)
{
        struct grpc_conn *next;

        begin_stop(server, on_stopped, arg);
        (void)uv_timer_start(&server->stop_timer, on_stop_timer,
                             server->conns ? (uint64_t)(grace / NSEC_PER_MSEC) : 0, 0);
        for (struct grpc_conn *c = server->conns; c; c = next) {
                next = c->next;
                grpc_conn_drain(c);
        }
}
