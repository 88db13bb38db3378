/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics_http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "api/listen.h"
#include "api/metrics_answer.h"
#include "api/metrics_request.h"
#include "grpc/bind.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"

enum {
        REQUEST_MS = 10 * 1000, /* from its first byte, or from the beginning, to its end */
        IDLE_MS = 150 * 1000,   /* between requests: scrapers come every minute or two */
        ANSWER_MS = 30 * 1000,  /* to take all of the answer */
        LINGER_MS = 1000,       /* for the client to close first; see close_politely */
        RETRY_MS = 1000,        /* accepting again after descriptors ran out */
};

struct listener {
        struct metrics_http *http; /* borrowed */
        uv_poll_t poll;
        int fd; /* owned. A socket file stays at the end: a confined process may remove nothing */
};

enum conn_state { CONN_READING, CONN_ANSWERING, CONN_LINGERING };

struct conn {
        struct metrics_http *http; /* borrowed */
        struct conn *prev, *next;
        uv_poll_t poll;
        uv_timer_t timer;
        int fd;      /* owned */
        int handles; /* not closed yet: memory must stay until they are */
        enum conn_state state;
        bool close; /* after this answer */
        char in[METRICS_REQUEST_MAX];
        size_t in_len;
        struct buf out;
        size_t sent;
};

struct metrics_http {
        uv_loop_t *loop; /* borrowed */
        metrics_http_fn fn;
        void *arg; /* borrowed */
        struct listener listeners[GRPC_SOCKADDRS_MAX];
        size_t n_listeners;
        uv_timer_t retry;
        struct conn *conns; /* owned; whoever waits longest for its client is first */
        size_t n_conns;
        unsigned port;
        int handles; /* of its own and of connections, not closed yet */
        bool freed;
};

static void on_conn_poll(uv_poll_t *poll, int status, int events);

static void handle_closed(struct metrics_http *h)
{
        if (--h->handles > 0 || !h->freed)
                return;
        free(h);
}

static void on_conn_closed(uv_handle_t *handle)
{
        struct conn *c = handle->data;
        struct metrics_http *h = c->http;

        if (--c->handles == 0) {
                buf_done(&c->out);
                free(c);
        }
        handle_closed(h);
}

static void conn_close(struct conn *c)
{
        DL_DELETE(c->http->conns, c);
        c->http->n_conns--;
        uv_close((uv_handle_t *)&c->poll, on_conn_closed);
        uv_close((uv_handle_t *)&c->timer, on_conn_closed);
        closep(&c->fd);
}

/* Into another state, or into the same once more. */
static void enter(struct conn *c, enum conn_state state)
{
        struct metrics_http *h = c->http;

        c->state = state;
        DL_DELETE(h->conns, c);
        DL_APPEND(h->conns, c);
}

static void on_conn_timer(uv_timer_t *timer);

static void wait_for(struct conn *c, int events, uint64_t ms)
{
        (void)uv_poll_start(&c->poll, events, on_conn_poll);
        (void)uv_timer_start(&c->timer, on_conn_timer, ms, 0);
}

/*
 * What the client has sent and we have not read would make the kernel send a reset, which can overtake our answer: say
 * that we are done, and let the client close. Not for long.
 */
static void close_politely(struct conn *c)
{
        (void)shutdown(c->fd, SHUT_WR);
        enter(c, CONN_LINGERING);
        wait_for(c, UV_READABLE, LINGER_MS);
}

static void next_request(struct conn *c);

/* What the socket takes. All of it: on to the next request. */
static void send_answer(struct conn *c)
{
        while (c->sent < c->out.len) {
                ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN) {
                        (void)uv_poll_start(&c->poll, UV_WRITABLE, on_conn_poll);
                        return;
                }
                if (n < 0) {
                        conn_close(c);
                        return;
                }
                c->sent += (size_t)n;
        }
        buf_done(&c->out);
        if (c->close) {
                close_politely(c);
                return;
        }
        enter(c, CONN_READING);
        /* One answer for each turn of the loop: the API's clients are served in between. */
        wait_for(c, c->in_len > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE,
                 c->in_len > 0 ? REQUEST_MS : IDLE_MS);
}

static void answer(struct conn *c, struct metrics_request *r)
{
        c->out = BUF_NULL(METRICS_ANSWER_MAX);
        c->sent = 0;
        metrics_answer_write(r, c->http->fn, c->http->arg, time_now(), &c->out);
        c->close = r->close;
        enter(c, CONN_ANSWERING);
        (void)uv_timer_start(&c->timer, on_conn_timer, ANSWER_MS, 0);
        send_answer(c);
}

static void next_request(struct conn *c)
{
        struct metrics_request request;
        size_t used = metrics_request_parse(c->in, c->in_len, &request);

        if (used == 0) {
                (void)uv_poll_start(&c->poll, UV_READABLE, on_conn_poll);
                return;
        }
        c->in_len -= used;
        memmove(c->in, c->in + used, c->in_len);
        answer(c, &request);
}

static void receive(struct conn *c)
{
        ssize_t n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                conn_close(c);
                return;
        }
        if (c->in_len == 0) /* its time begins; more bytes do not prolong it */
                (void)uv_timer_start(&c->timer, on_conn_timer, REQUEST_MS, 0);
        c->in_len += (size_t)n;
        next_request(c);
}

static void discard(struct conn *c)
{
        ssize_t n = recv(c->fd, c->in, sizeof(c->in), 0);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                conn_close(c);
}

static void on_conn_poll(uv_poll_t *poll, int status, int events)
{
        struct conn *c = poll->data;

        if (status < 0)
                conn_close(c);
        else if (c->state == CONN_LINGERING)
                discard(c);
        else if (c->state == CONN_ANSWERING)
                send_answer(c);
        else if (events & UV_WRITABLE)
                next_request(c); /* one that came together with the one before */
        else
                receive(c);
}

static void on_conn_timer(uv_timer_t *timer)
{
        struct conn *c = timer->data;
        struct metrics_request late = { .status = 408, .close = true };

        if (c->state == CONN_READING && c->in_len > 0)
                answer(c, &late);
        else
                conn_close(c);
}

/* A place for one more connection. False: all are being answered. */
static bool make_room(struct metrics_http *h)
{
        struct conn *c;

        if (h->n_conns < LIMIT_METRICS_CONNECTIONS)
                return true;
        DL_FOREACH (h->conns, c)
                if (c->state != CONN_ANSWERING) {
                        conn_close(c);
                        return true;
                }
        return false;
}

static void turn_away_consume(int fd)
{
        static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                                   "Retry-After: 5\r\nConnection: close\r\n\r\n";

        (void)send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)close(fd);
}

static void conn_new_consume(struct metrics_http *h, int fd)
{
        struct conn *c;

        if (!make_room(h)) {
                turn_away_consume(fd);
                return;
        }
        c = xcalloc(1, sizeof(*c));
        if (uv_poll_init(h->loop, &c->poll, fd) != 0) {
                (void)close(fd);
                free(c);
                return;
        }
        (void)uv_timer_init(h->loop, &c->timer);
        c->http = h;
        c->fd = fd;
        c->poll.data = c->timer.data = c;
        c->handles = 2;
        h->handles += 2;
        h->n_conns++;
        DL_APPEND(h->conns, c);
        enter(c, CONN_READING);
        wait_for(c, UV_READABLE, REQUEST_MS);
}

static void on_accept(uv_poll_t *poll, int status, int events);

static void listen_again(uv_timer_t *timer)
{
        struct metrics_http *h = timer->data;

        for (size_t i = 0; i < h->n_listeners; i++)
                (void)uv_poll_start(&h->listeners[i].poll, UV_READABLE, on_accept);
}

/* The loop would spin as long as somebody waits whom we cannot accept. */
static void pause_accepting(struct metrics_http *h)
{
        for (size_t i = 0; i < h->n_listeners; i++)
                (void)uv_poll_stop(&h->listeners[i].poll);
        (void)uv_timer_start(&h->retry, listen_again, RETRY_MS, 0);
}

static void on_accept(uv_poll_t *poll, int status, int events)
{
        struct listener *l = poll->data;
        int fd;

        (void)status;
        (void)events;
        /* One for each turn: there are few. */
        fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
                conn_new_consume(l->http, fd);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(l->http);
}

struct metrics_http *metrics_http_new(uv_loop_t *loop, metrics_http_fn fn, void *arg)
{
        struct metrics_http *h = xcalloc(1, sizeof(*h));

        h->loop = loop;
        h->fn = fn;
        h->arg = arg;
        (void)uv_timer_init(loop, &h->retry);
        h->retry.data = h;
        h->handles = 1;
        return h;
}

/* The first failure is told; what was opened stays, to be closed with the rest. */
static int add_listener_consume(struct metrics_http *h, int fd, struct err *e)
{
        struct listener *l = &h->listeners[h->n_listeners];
        int r = uv_poll_init(h->loop, &l->poll, fd);

        if (r < 0) {
                (void)close(fd);
                return err_set(e, ERR_INTERNAL, -r, "watch a socket");
        }
        l->http = h;
        l->fd = fd;
        l->poll.data = l;
        h->n_listeners++;
        h->handles++;
        (void)uv_poll_start(&l->poll, UV_READABLE, on_accept);
        return 0;
}

int metrics_http_listen(struct metrics_http *h, const char *address, bool insecure, struct err *e)
{
        AUTO(listen_spec_done) struct listen_spec spec = LISTEN_SPEC_NULL;
        struct grpc_bind_options options = { .gid = (gid_t)-1, .local_only = !insecure };
        struct grpc_bound bound;
        int status = 0;

        if (listen_spec_parse(address, &spec, e) < 0 ||
            (spec.group && listen_find_group(spec.group, &options.gid, e) < 0))
                return -1;
        options.mode = spec.mode;
        if (grpc_bind(spec.address, &options, &bound, e) < 0) {
                if (e->kind != ERR_STATE)
                        return -1;
                return err_set(e, ERR_STATE, 0,
                               "metrics at %s could be read by other hosts, without TLS; "
                               "--insecure-listen allows it",
                               address);
        }
        h->port = bound.port;
        for (size_t i = 0; i < bound.n; i++) {
                if (status < 0 || h->n_listeners == GRPC_SOCKADDRS_MAX)
                        (void)close(bound.fds[i]);
                else
                        status = add_listener_consume(h, bound.fds[i], e);
        }
        free(bound.unix_path);
        return status;
}

unsigned metrics_http_port(const struct metrics_http *h)
{
        return h->port;
}

static void on_handle_closed(uv_handle_t *handle)
{
        handle_closed(handle->data);
}

static void on_listener_closed(uv_handle_t *handle)
{
        struct listener *l = handle->data;

        handle_closed(l->http);
}

struct metrics_http *metrics_http_free(struct metrics_http *h)
{
        if (!h)
                return NULL;
        while (h->conns)
                conn_close(h->conns);
        for (size_t i = 0; i < h->n_listeners; i++) {
                struct listener *l = &h->listeners[i];

                uv_close((uv_handle_t *)&l->poll, on_listener_closed);
                closep(&l->fd);
        }
        uv_close((uv_handle_t *)&h->retry, on_handle_closed);
        h->freed = true;
        return NULL;
}
