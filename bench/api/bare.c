/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nghttp2 costs by itself: every request is answered with the same gRPC reply, and nothing is looked at. One thread,
 * one epoll, one write for what one read brought. It is the floor that carob-api is compared with.
 *
 * Usage: bare REPLY-FILE    prints the port it listens at, on 127.0.0.1; the file is the reply's message
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024 };

static uint8_t *reply; /* with its prefix of five bytes */
static size_t reply_len;
static int epoll_fd;

struct conn {
        int fd;
        bool writing;
        nghttp2_session *h2;
        const uint8_t *chunk; /* of nghttp2: not yet written */
        size_t chunk_len;
};

#define FIELD(n, v)                                                                                \
        {                                                                                          \
                (uint8_t *)(n), (uint8_t *)(v), sizeof(n) - 1, sizeof(v) - 1,                      \
                        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE               \
        }

static void die(const char *what)
{
        perror(what);
        exit(1);
}

/* How much was sent is kept in the stream's user data. */
static ssize_t read_reply(nghttp2_session *h2, int32_t stream, uint8_t *buf, size_t len,
                          uint32_t *flags, nghttp2_data_source *source, void *arg)
{
        nghttp2_nv trailers[] = { FIELD("grpc-status", "0") };
        size_t sent = (size_t)nghttp2_session_get_stream_user_data(h2, stream);

        (void)source, (void)arg;
        if (len > reply_len - sent)
                len = reply_len - sent;
        memcpy(buf, reply + sent, len);
        sent += len;
        (void)nghttp2_session_set_stream_user_data(h2, stream, (void *)sent);
        if (sent == reply_len) {
                *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
                (void)nghttp2_submit_trailer(h2, stream, trailers, 1);
        }
        return (ssize_t)len;
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *arg)
{
        nghttp2_nv headers[] = { FIELD(":status", "200"),
                                 FIELD("content-type", "application/grpc") };
        nghttp2_data_provider provider = { .read_callback = read_reply };

        (void)arg;
        if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
            (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
                (void)nghttp2_submit_response(h2, frame->hd.stream_id, headers, 2, &provider);
        return 0;
}

static void drop(struct conn *c)
{
        nghttp2_session_del(c->h2);
        (void)close(c->fd);
        free(c);
}

static void want_write(struct conn *c, bool yes)
{
        struct epoll_event event = { .events = yes ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c };

        if (c->writing != yes && epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) < 0)
                die("epoll_ctl");
        c->writing = yes;
}

/* Gathers what nghttp2 has into one write. */
static bool write_out(struct conn *c)
{
        static uint8_t out[BUFFER];
        size_t n = 0;

        for (;;) {
                size_t room = sizeof(out) - n, take = c->chunk_len < room ? c->chunk_len : room;
                ssize_t r;

                memcpy(out + n, c->chunk, take);
                n += take;
                c->chunk += take;
                c->chunk_len -= take;
                if (c->chunk_len == 0) {
                        r = nghttp2_session_mem_send(c->h2, &c->chunk);
                        if (r < 0)
                                return false;
                        c->chunk_len = (size_t)r;
                }
                if (n < sizeof(out) && c->chunk_len > 0)
                        continue;
                if (n == 0) {
                        want_write(c, false);
                        return true;
                }
                for (size_t done = 0; done < n;) {
                        r = send(c->fd, out + done, n - done, MSG_NOSIGNAL);
                        if (r < 0 && errno != EAGAIN)
                                return false;
                        if (r < 0) {
                                /* What is left waits here: a floor may wait, its clients are few and read. */
                                struct epoll_event event;
                                int one = epoll_create1(0);

                                event = (struct epoll_event){ .events = EPOLLOUT };
                                (void)epoll_ctl(one, EPOLL_CTL_ADD, c->fd, &event);
                                (void)epoll_wait(one, &event, 1, -1);
                                (void)close(one);
                                continue;
                        }
                        done += (size_t)r;
                }
                n = 0;
        }
}

static bool serve(struct conn *c)
{
        static uint8_t in[BUFFER];
        ssize_t n = recv(c->fd, in, sizeof(in), 0);

        if (n < 0 && errno == EAGAIN)
                return write_out(c);
        if (n <= 0 || nghttp2_session_mem_recv(c->h2, in, (size_t)n) < 0)
                return false;
        return write_out(c);
}

static void take(int listener)
{
        nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100 } };
        struct conn *c = calloc(1, sizeof(*c));
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
        nghttp2_session_callbacks *callbacks;
        int on = 1;

        if (!c)
                die("calloc");
        c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (c->fd < 0) {
                free(c);
                return;
        }
        (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        (void)nghttp2_session_server_new(&c->h2, callbacks, c);
        nghttp2_session_callbacks_del(callbacks);
        (void)nghttp2_submit_settings(c->h2, 0, settings, 1);
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
                die("epoll_ctl");
}

static void load(const char *path)
{
        FILE *file = fopen(path, "re");
        long size;

        if (!file || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0)
                die(path);
        rewind(file);
        reply_len = (size_t)size + 5;
        reply = malloc(reply_len);
        if (!reply || fread(reply + 5, 1, (size_t)size, file) != (size_t)size)
                die(path);
        /* PROTOCOL-HTTP2.md, "Length-Prefixed-Message" */
        reply[0] = 0;
        for (int i = 0; i < 4; i++)
                reply[1 + i] = (uint8_t)((uint32_t)size >> (24 - 8 * i));
        (void)fclose(file);
}

int main(int argc, char *argv[])
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof(address);
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        struct epoll_event event = { .events = EPOLLIN }, events[64];

        if (argc != 2)
                return 2;
        load(argv[1]);
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (bind(listener, (struct sockaddr *)&address, len) < 0 || listen(listener, 511) < 0 ||
            getsockname(listener, (struct sockaddr *)&address, &len) < 0 ||
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) < 0)
                die("listen");
        (void)printf("%u\n", ntohs(address.sin_port));
        (void)fflush(stdout);
        for (;;) {
                int n = epoll_wait(epoll_fd, events, 64, -1);

                for (int i = 0; i < n; i++) {
                        struct conn *c = events[i].data.ptr;

                        if (!c)
                                take(listener);
                        else if (!serve(c))
                                drop(c);
                }
        }
}
