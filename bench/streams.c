/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many calls of one method that streams its replies, and when each message came: a client that costs so little that what is
 * measured is the server.
 *
 * Usage: streams ADDRESS METHOD REQUEST-FILE CONNECTIONS CALLS keep|count
 *
 * ADDRESS: PORT at 127.0.0.1, or unix:PATH. CALLS: on each connection. Prints "ready" when all calls have been answered with
 * headers, and ends when all calls have ended or stdin is closed. Then, with keep, come the messages: of each the time
 * (CLOCK_REALTIME), the call's number, its length (8, 4 and 4 bytes) and itself; with count only "MESSAGES BYTES".
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
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024, HEAD = 5, WINDOW = 1 << 20 };

struct bytes {
        uint8_t *data;
        size_t len, room;
};

struct call {
        uint32_t number;
        bool answered;
        struct bytes message; /* as far as it came, with its head */
        size_t sent;          /* of the request */
};

struct conn {
        int fd;
        nghttp2_session *h2;
        struct call *calls;
};

static struct bytes request, kept;
static const char *method;
static bool keep;
static unsigned waiting, open_calls;
static unsigned long long messages, message_bytes;
static int64_t now;

static void die(const char *what)
{
        perror(what);
        exit(1);
}

static void add(struct bytes *b, const void *data, size_t len)
{
        if (b->len + len > b->room) {
                b->room = (b->len + len) * 2;
                b->data = realloc(b->data, b->room);
                if (!b->data)
                        die("realloc");
        }
        memcpy(b->data + b->len, data, len);
        b->len += len;
}

static int64_t clock_now(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_REALTIME, &ts);
        return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void have_message(const struct call *c, const uint8_t *data, uint32_t len)
{
        messages++;
        message_bytes += len;
        if (!keep)
                return;
        add(&kept, &now, sizeof(now));
        add(&kept, &c->number, sizeof(c->number));
        add(&kept, &len, sizeof(len));
        add(&kept, data, len);
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t len, void *arg)
{
        struct call *c = nghttp2_session_get_stream_user_data(h2, stream);
        size_t at = 0;

        (void)flags, (void)arg;
        add(&c->message, data, len);
        while (c->message.len - at >= HEAD) {
                const uint8_t *m = c->message.data + at;
                uint32_t n =
                        (uint32_t)m[1] << 24 | (uint32_t)m[2] << 16 | (uint32_t)m[3] << 8 | m[4];

                if (c->message.len - at < HEAD + n)
                        break;
                have_message(c, m + HEAD, n);
                at += HEAD + n;
        }
        memmove(c->message.data, c->message.data + at, c->message.len - at);
        c->message.len -= at;
        return 0;
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *arg)
{
        struct call *c = nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);

        (void)flags, (void)arg;
        if (c && !c->answered) {
                c->answered = true;
                waiting--;
        }
        if (name_len == 11 && memcmp(name, "grpc-status", 11) == 0 &&
            (value_len != 1 || *value != '0'))
                (void)fprintf(stderr, "a call ended with status %.*s\n", (int)value_len,
                              (const char *)value);
        return 0;
}

static int on_close(nghttp2_session *h2, int32_t stream, uint32_t error, void *arg)
{
        (void)h2, (void)stream, (void)arg;
        if (error != 0)
                (void)fprintf(stderr, "a stream was reset: %u\n", error);
        open_calls--;
        return 0;
}

static ssize_t read_request(nghttp2_session *h2, int32_t stream, uint8_t *buf, size_t len,
                            uint32_t *flags, nghttp2_data_source *source, void *arg)
{
        struct call *c = source->ptr;

        (void)h2, (void)stream, (void)arg;
        if (len > request.len - c->sent)
                len = request.len - c->sent;
        memcpy(buf, request.data + c->sent, len);
        c->sent += len;
        if (c->sent == request.len)
                *flags |= NGHTTP2_DATA_FLAG_EOF;
        return (ssize_t)len;
}

#define FIELD(n, v)                                                                                \
        {                                                                                          \
                (uint8_t *)(n), (uint8_t *)(v), strlen(n), strlen(v), NGHTTP2_NV_FLAG_NONE         \
        }

static void submit(struct conn *c, struct call *call)
{
        char path[128];
        nghttp2_nv headers[] = {
                FIELD(":method", "POST"), FIELD(":scheme", "http"),
                FIELD(":path", ""),       FIELD(":authority", "localhost"),
                FIELD("te", "trailers"),  FIELD("content-type", "application/grpc")
        };
        nghttp2_data_provider provider = { .source.ptr = call, .read_callback = read_request };

        (void)snprintf(path, sizeof(path), "/v1alpha.PublicAPI/%s", method);
        headers[2].value = (uint8_t *)path;
        headers[2].valuelen = strlen(path);
        if (nghttp2_submit_request(c->h2, NULL, headers, 6, &provider, call) < 0)
                die("submit");
}

static int connect_to(const char *address)
{
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        struct sockaddr_in in = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        const struct sockaddr *to = (struct sockaddr *)&in;
        socklen_t len = sizeof(in);
        int fd, on = 1;

        if (strncmp(address, "unix:", 5) == 0) {
                (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", address + 5);
                to = (struct sockaddr *)&un;
                len = sizeof(un);
        }
        in.sin_port = htons((uint16_t)strtoul(address, NULL, 10));
        fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, to, len) < 0)
                die(address);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        return fd;
}

/* What nghttp2 has to say is small, and goes out whole. */
static void write_out(struct conn *c)
{
        const uint8_t *data;
        ssize_t n;

        while ((n = nghttp2_session_mem_send(c->h2, &data)) > 0)
                for (ssize_t done = 0, w; done < n; done += w)
                        if ((w = send(c->fd, data + done, (size_t)(n - done), MSG_NOSIGNAL)) < 0)
                                die("send");
        if (n < 0)
                die("nghttp2");
}

static void begin(struct conn *c, const char *address, unsigned calls)
{
        static uint32_t number;
        nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW },
                                              { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 } };
        nghttp2_session_callbacks *callbacks;

        c->fd = connect_to(address);
        c->calls = calloc(calls, sizeof(*c->calls));
        (void)nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        (void)nghttp2_session_client_new(&c->h2, callbacks, c);
        nghttp2_session_callbacks_del(callbacks);
        (void)nghttp2_submit_settings(c->h2, 0, settings, 2);
        (void)nghttp2_session_set_local_window_size(c->h2, 0, 0, 16 * WINDOW);
        for (unsigned i = 0; i < calls; i++) {
                c->calls[i].number = number++;
                submit(c, &c->calls[i]);
        }
        write_out(c);
}

static bool receive(struct conn *c)
{
        static uint8_t in[BUFFER];
        ssize_t n = recv(c->fd, in, sizeof(in), 0);

        if (n <= 0)
                return false;
        now = clock_now();
        if (nghttp2_session_mem_recv(c->h2, in, (size_t)n) < 0)
                return false;
        write_out(c);
        return true;
}

static void load(const char *path)
{
        uint8_t data[4096], head[HEAD] = { 0 };
        FILE *file = fopen(path, "re");
        size_t n;

        if (!file)
                die(path);
        n = fread(data, 1, sizeof(data), file);
        head[3] = (uint8_t)(n >> 8);
        head[4] = (uint8_t)n;
        add(&request, head, HEAD);
        add(&request, data, n);
        (void)fclose(file);
}

static void report(void)
{
        if (keep)
                (void)fwrite(kept.data, 1, kept.len, stdout);
        else
                (void)printf("%llu %llu\n", messages, message_bytes);
        (void)fflush(stdout);
}

int main(int argc, char **argv)
{
        struct epoll_event events[64];
        unsigned conns, calls;
        struct conn *all;
        bool told = false;
        int epoll_fd;

        if (argc != 7)
                return 2;
        method = argv[2];
        load(argv[3]);
        conns = (unsigned)strtoul(argv[4], NULL, 10);
        calls = (unsigned)strtoul(argv[5], NULL, 10);
        keep = strcmp(argv[6], "keep") == 0;
        waiting = open_calls = conns * calls;
        all = calloc(conns, sizeof(*all));
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        (void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO,
                        &(struct epoll_event){ .events = EPOLLIN });
        for (unsigned i = 0; i < conns; i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.ptr = &all[i] };

                begin(&all[i], argv[1], calls);
                if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, all[i].fd, &event) < 0)
                        die("epoll_ctl");
        }
        while (open_calls > 0) {
                int n = epoll_wait(epoll_fd, events, 64, -1);

                for (int i = 0; i < n; i++) {
                        if (!events[i].data.ptr) {
                                report();
                                return 0;
                        }
                        if (!receive(events[i].data.ptr)) {
                                (void)fprintf(stderr, "a connection was lost\n");
                                return 1;
                        }
                }
                if (waiting == 0 && !told) {
                        told = true;
                        (void)printf("ready\n");
                        (void)fflush(stdout);
                }
        }
        report();
        return 0;
}
