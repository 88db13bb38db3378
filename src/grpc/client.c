/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call at a time over one connection. Bytes of replies wait in a queue until grpc_client_next
 * asks for them; what has not been asked for is not given back to the flow-control window, so that
 * a server that streams faster than its reader is slowed down instead of filling our memory.
 */
#include "grpc/client.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "grpc/address.h"
#include "grpc/client_priv.h"
#include "grpc/wire_check.h"
#include "util/auto.h"
#include "util/mem.h"

enum {
        WINDOW_BYTES = 1024 * 1024,    /* of unread replies */
        FIELDS_MAX = 64 * 1024 * 1024, /* the message limit is the tighter one */
        MESSAGE_MAX = 16 * 1024,
};

static int min_ms(nsec now, nsec until)
{
        nsec ms = (until - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;

        if (until == INT64_MAX)
                return -1;
        return until <= now ? 0 : ms > 3600000 ? 3600000 : (int)ms;
}

/* One connect(2) that may take until @until. Fd, or -errno. */
static int connect_one(const struct grpc_sockaddr *a, nsec until)
{
        AUTO_CLOSE int fd = -1;
        struct pollfd p = { .events = POLLOUT };
        int on = 1, error = 0, r;
        socklen_t len = sizeof(error);

        fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        /* Fails on unix sockets, where it is not needed. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (connect(fd, (const struct sockaddr *)&a->addr, a->len) == 0)
                return TAKE_FD(fd);
        if (errno != EINPROGRESS && errno != EAGAIN)
                return -errno;
        p.fd = fd;
        do
                r = poll(&p, 1, min_ms(time_monotonic(), until));
        while (r < 0 && errno == EINTR);
        if (r == 0)
                return -ETIMEDOUT;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
                return -errno;
        return error ? -error : TAKE_FD(fd);
}

static int connect_any(const char *address, nsec timeout, struct err *e)
{
        struct grpc_sockaddr addrs[GRPC_SOCKADDRS_MAX];
        nsec until = time_monotonic() + timeout;
        struct grpc_address a;
        int r = -EADDRNOTAVAIL;
        size_t n;

        if (grpc_address_parse(address, &a, e) < 0 ||
            grpc_address_resolve(&a, false, addrs, &n, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                int fd = connect_one(&addrs[i], until);

                if (fd >= 0)
                        return fd;
                /* The first address that exists at all has the better story to tell. */
                if (i == 0 || r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT)
                        r = fd;
        }
        return err_set(e,
                       r == -ETIMEDOUT ? ERR_TIMEOUT
                       : r == -EACCES  ? ERR_PERMISSION
                                       : ERR_UNAVAILABLE,
                       -r, "connect to \"%s\"", address);
}

/* In a program that was started with its output closed, what it prints must not go to the server. */
static int not_standard_consume(int fd)
{
        int higher;

        if (fd > STDERR_FILENO)
                return fd;
        higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        (void)close(fd);
        return higher;
}

static struct grpc_client *new_client_consume(int fd, const struct grpc_client_options *options)
{
        static const struct grpc_client_options defaults = { 0 };
        const struct grpc_client_options *o = options ? options : &defaults;
        struct grpc_client *c = xcalloc(1, sizeof(*c));

        c->fd = not_standard_consume(fd); /* -1: the first call will say so */
        c->output_fd = o->output_fd > 0 ? o->output_fd : -1;
        c->metadata_key = o->metadata_key;
        c->metadata_value = o->metadata_value;
        c->reader.max = o->max_message_bytes ? o->max_message_bytes : (size_t)64 * 1024 * 1024;
        c->message = BUF_NULL(MESSAGE_MAX);
        grpc_client_h2_init(c, (int32_t)(o->window_bytes ? o->window_bytes : WINDOW_BYTES));
        return c;
}

int grpc_client_connect(struct grpc_client **ret, const char *address,
                        const struct grpc_client_options *options, struct err *e)
{
        nsec timeout =
                options && options->connect_timeout ? options->connect_timeout : 5 * NSEC_PER_SEC;
        int fd = connect_any(address, timeout, e);

        if (fd < 0)
                return -1;
        *ret = new_client_consume(fd, options);
        return 0;
}

int grpc_client_adopt_fd_consume(struct grpc_client **ret, int fd,
                                 const struct grpc_client_options *options, struct err *e)
{
        AUTO_CLOSE int owned = fd;
        struct sockaddr_storage peer;
        socklen_t len = sizeof(peer);

        if (getpeername(owned, (struct sockaddr *)&peer, &len) < 0 ||
            fcntl(owned, F_SETFL, O_NONBLOCK) < 0 || fcntl(owned, F_SETFD, FD_CLOEXEC) < 0)
                return err_set(e, ERR_USAGE, errno, "use descriptor %d as a connection", fd);
        *ret = new_client_consume(TAKE_FD(owned), options);
        return 0;
}

static void forget_call(struct grpc_client *c)
{
        c->stream_id = 0;
        c->over = true;
        free(c->request);
        c->request = NULL;
        c->request_len = c->request_sent = 0;
        (void)nghttp2_session_consume_connection(c->h2, grpc_queue_len(&c->replies));
        grpc_queue_reset(&c->replies, 0);
        grpc_frame_done(&c->reader);
}

struct grpc_client *grpc_client_free(struct grpc_client *c)
{
        if (!c)
                return NULL;
        forget_call(c);
        nghttp2_session_del(c->h2);
        (void)close(c->fd);
        buf_done(&c->message);
        free(c);
        return NULL;
}

/* Everything we have to say, as far as the socket takes it. -1: the connection is gone. */
static int flush(struct grpc_client *c)
{
        for (;;) {
                ssize_t n;

                if (c->chunk_len == 0) {
                        n = nghttp2_session_mem_send(c->h2, &c->chunk);
                        if (n < 0)
                                return -1;
                        if (n == 0)
                                return 0;
                        c->chunk_len = (size_t)n;
                }
                n = send(c->fd, c->chunk, c->chunk_len, MSG_NOSIGNAL);
                if (n < 0 && errno == EAGAIN)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return -1;
                n = n < 0 ? 0 : n;
                c->chunk += n;
                c->chunk_len -= (size_t)n;
        }
}

/* Wait for the peer and hear what it says. 0; -1 with the error set. */
static int pump(struct grpc_client *c, struct err *e)
{
        struct pollfd p[] = { { .fd = c->fd }, { .fd = c->output_fd } };
        uint8_t data[16 * 1024];
        ssize_t n;

        if (flush(c) < 0)
                return err_set(e, ERR_UNAVAILABLE, 0, "the connection was lost");
        p[0].events = (short)(POLLIN | (c->chunk_len > 0 ? POLLOUT : 0));
        n = poll(p, ARRAY_LEN(p), min_ms(time_monotonic(), c->deadline));
        if (n < 0 && errno != EINTR)
                return err_set(e, ERR_INTERNAL, errno, "poll");
        if (n == 0 && time_monotonic() >= c->deadline)
                return err_set(e, ERR_TIMEOUT, 0, "deadline exceeded");
        if (n <= 0)
                return 0;
        if (p[1].revents)
                return err_set(e, ERR_CANCELLED, 0, "nobody reads the output any more");
        n = recv(c->fd, data, sizeof(data), 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n < 0)
                return err_set(e, ERR_UNAVAILABLE, errno, "the connection was lost");
        if (n == 0)
                return err_set(e, ERR_UNAVAILABLE, 0, "the server closed the connection");
        if (nghttp2_session_mem_recv(c->h2, data, (size_t)n) != n ||
            (!nghttp2_session_want_read(c->h2) && !c->over))
                return err_set(e, ERR_UNAVAILABLE, 0, "the server broke the HTTP/2 protocol");
        return 0;
}

void grpc_client_cancel(struct grpc_client *c)
{
        int32_t id = c->stream_id;
        bool open = id != 0 && !c->over && !c->broken;

        forget_call(c); /* what happens to the stream now is no answer any more */
        if (!open)
                return;
        (void)nghttp2_submit_rst_stream(c->h2, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
        if (flush(c) < 0)
                c->broken = true;
}

static void encode_request(struct grpc_client *c, const ProtobufCMessage *request)
{
        size_t len = protobuf_c_message_get_packed_size(request);

        c->request = xmalloc(GRPC_FRAME_HEAD + len);
        grpc_frame_head(c->request, false, (uint32_t)len);
        (void)protobuf_c_message_pack(request, c->request + GRPC_FRAME_HEAD);
        c->request_len = GRPC_FRAME_HEAD + len;
        c->request_sent = 0;
}

int grpc_client_start(struct grpc_client *c, const char *path, const ProtobufCMessage *request,
                      nsec timeout, struct err *e)
{
        grpc_client_cancel(c);
        buf_reset(&c->message);
        c->code = GRPC_UNAVAILABLE;
        c->have_status = false;
        c->http_status = 0;
        c->reset = NGHTTP2_NO_ERROR;
        if (c->broken || !nghttp2_session_want_read(c->h2))
                return err_set(e, ERR_UNAVAILABLE, 0, "the connection was lost");
        c->deadline = INT64_MAX;
        if (timeout > 0 && __builtin_add_overflow(time_monotonic(), timeout, &c->deadline))
                c->deadline = INT64_MAX;
        encode_request(c, request);
        c->over = false;
        if (grpc_client_h2_submit(c, path, timeout) < 0) {
                forget_call(c);
                return err_set(e, ERR_UNAVAILABLE, 0, "the server takes no more calls");
        }
        return 0;
}

/* A whole reply out of the queue. 1, 0 when there is none yet, -1. */
static int take_reply(struct grpc_client *c, const ProtobufCMessageDescriptor *output,
                      ProtobufCMessage **ret, struct err *e)
{
        const uint8_t *p = c->replies.data + c->replies.head;
        size_t left = grpc_queue_len(&c->replies);
        size_t before = left;
        struct grpc_frame frame;
        enum grpc_frame_result r = grpc_frame_feed(&c->reader, &p, &left, &frame);
        int result = 0;

        if (r == GRPC_FRAME_TOO_LARGE)
                return err_set(e, ERR_LIMIT, 0, "a reply of %zu bytes is over the limit of %zu",
                               frame.len, c->reader.max);
        if (r == GRPC_FRAME_BAD_FLAG || (r == GRPC_FRAME_MESSAGE && frame.compressed))
                return err_set(e, ERR_BAD_DATA, 0, "malformed or compressed reply");
        if (r == GRPC_FRAME_MESSAGE)
                result = grpc_wire_unpack(output, frame.data, frame.len, FIELDS_MAX, ret, e) < 0
                                 ? -1
                                 : 1;
        grpc_queue_drop(&c->replies, before - left);
        if (c->over)
                (void)nghttp2_session_consume_connection(c->h2, before - left);
        else
                (void)nghttp2_session_consume(c->h2, c->stream_id, before - left);
        return result;
}

static int status_result(struct grpc_client *c, struct err *e)
{
        if (grpc_frame_partial(&c->reader) && c->code == GRPC_OK)
                return err_set(e, ERR_BAD_DATA, 0, "the last reply is incomplete");
        if (c->code == GRPC_OK)
                return 0;
        return err_set(e, grpc_code_to_err(c->code), 0, "%s",
                       c->message.len > 0 ? buf_str(&c->message) : grpc_code_name(c->code));
}

static int fail_call(struct grpc_client *c, const struct err *e)
{
        if (e->kind == ERR_UNAVAILABLE)
                c->broken = true;
        c->code = grpc_code_from_err(e->kind);
        buf_reset(&c->message);
        (void)buf_puts(&c->message, e->text);
        grpc_client_cancel(c);
        return -1;
}

int grpc_client_next(struct grpc_client *c, const ProtobufCMessageDescriptor *output,
                     ProtobufCMessage **ret, struct err *e)
{
        for (;;) {
                int r = 0;

                if (grpc_queue_len(&c->replies) > 0)
                        r = take_reply(c, output, ret, e);
                if (r > 0)
                        return 1;
                if (r == 0 && c->over && grpc_queue_len(&c->replies) == 0)
                        return status_result(c, e);
                if (r == 0 && !c->over)
                        r = pump(c, e);
                if (r < 0)
                        return fail_call(c, e);
        }
}

int grpc_client_unary(struct grpc_client *c, const char *path, const ProtobufCMessage *request,
                      const ProtobufCMessageDescriptor *output, nsec timeout,
                      ProtobufCMessage **ret, struct err *e)
{
        AUTO(grpc_message_freep) ProtobufCMessage *reply = NULL, *second = NULL;
        int r;

        if (grpc_client_start(c, path, request, timeout, e) < 0)
                return -1;
        r = grpc_client_next(c, output, &reply, e);
        if (r == 0)
                return err_set(e, ERR_BAD_DATA, 0, "the server gave no reply");
        if (r > 0)
                r = grpc_client_next(c, output, &second, e);
        if (r < 0)
                return -1;
        if (r > 0) {
                grpc_client_cancel(c);
                return err_set(e, ERR_BAD_DATA, 0, "the server gave more than one reply");
        }
        *ret = TAKE_PTR(reply);
        return 0;
}

enum grpc_code grpc_client_status(const struct grpc_client *c)
{
        return c->code;
}

const char *grpc_client_message(const struct grpc_client *c)
{
        return buf_str(&c->message);
}
