/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include "grpc/frame.h"
#include "util/mem.h"

struct test_service svc;

static void echo(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)ctx;
        svc.n_calls++;
        grpc_call_reply(call, request);
}

static void on_cancel(struct grpc_call *call, void *arg)
{
        (void)call;
        (void)arg;
        svc.call = NULL;
        svc.n_cancelled++;
}

static void pump(struct grpc_call *call, void *arg)
{
        Sample__Sample m = SAMPLE__SAMPLE__INIT;
        char text[1001];

        (void)arg;
        memset(text, 'x', 1000);
        text[1000] = '\0';
        m.text = text;
        while (svc.to_send > 0) {
                svc.to_send--;
                switch (grpc_call_send(call, &m.base)) {
                case GRPC_SEND_OK:
                        break;
                case GRPC_SEND_PAUSE:
                        return;
                case GRPC_SEND_REFUSED:
                        fail_msg("refused after waiting for on_drain");
                }
        }
        grpc_call_finish(call, GRPC_OK, "%s", "");
}

static void on_drain(struct grpc_call *call, void *arg)
{
        svc.n_drained++;
        pump(call, arg);
}

static void on_message(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
        (void)arg;
        svc.n_messages++;
        (void)grpc_call_send(call, message);
}

static void on_half_close(struct grpc_call *call, void *arg)
{
        (void)arg;
        svc.n_half_closed++;
        grpc_call_finish(call, GRPC_OK, "%s", "");
}

static void count_drain(struct grpc_call *call, void *arg)
{
        (void)call;
        (void)arg;
        svc.n_drained++;
}

static const struct grpc_call_watch hold_watch = { .on_cancel = on_cancel,
                                                   .on_drain = count_drain };
static const struct grpc_call_watch pump_watch = { .on_cancel = on_cancel, .on_drain = on_drain };
static const struct grpc_call_watch chat_watch = { .on_cancel = on_cancel,
                                                   .on_message = on_message,
                                                   .on_half_close = on_half_close };

/* Answers when the test says so. */
static void hold(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)ctx;
        svc.n_calls++;
        svc.call = call;
        (void)snprintf(svc.last_text, sizeof(svc.last_text), "%s",
                       ((const Sample__Sample *)request)->text);
        grpc_call_watch(call, &hold_watch, NULL);
}

/* u32 messages of 1000 bytes. */
static void list(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)ctx;
        svc.n_calls++;
        svc.to_send = ((const Sample__Sample *)request)->u32;
        grpc_call_watch(call, &pump_watch, NULL);
        pump(call, NULL);
}

static void subscribe(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)request;
        (void)ctx;
        svc.call = call;
        grpc_call_watch(call, &hold_watch, NULL);
        grpc_call_start(call);
}

static void chat(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)ctx;
        assert_null(request);
        svc.call = call;
        grpc_call_watch(call, &chat_watch, NULL);
}

/* Fails with the code i32 and the text of the request. */
static void refuse(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        const Sample__Sample *m = (const Sample__Sample *)request;

        (void)ctx;
        grpc_call_finish(call, (enum grpc_code)m->i32, "%s", m->text);
}

/* A reply of u32 bytes. */
static void big(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        size_t len = ((const Sample__Sample *)request)->u32;
        char *data = xmalloc(len + 1);
        struct grpc_slice halves[] = { { data, len / 2 }, { data + len / 2, len - len / 2 } };

        (void)ctx;
        memset(data, 'b', len);
        if (grpc_call_send_slices(call, halves, 2) == GRPC_SEND_REFUSED)
                grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED, "no room");
        else
                grpc_call_finish(call, GRPC_OK, "%s", "");
        free(data);
}

static void mute(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)request;
        (void)ctx;
        grpc_call_finish(call, GRPC_OK, "%s", "");
}

static void act(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)request;
        (void)ctx;
        svc.call = call;
        svc.act(call);
}

static const struct grpc_method methods[] = {
        { .name = "Act", .input = &sample__sample__descriptor, .handler = act, .metadata = true },
        { .name = "ActStream",
          .input = &sample__sample__descriptor,
          .handler = act,
          .server_streaming = true,
          .metadata = true },
        { .name = "Echo", .input = &sample__sample__descriptor, .handler = echo },
        { .name = "Hold", .input = &sample__sample__descriptor, .handler = hold },
        { .name = "List",
          .input = &sample__sample__descriptor,
          .handler = list,
          .server_streaming = true },
        { .name = "Subscribe",
          .input = &sample__sample__descriptor,
          .handler = subscribe,
          .server_streaming = true },
        { .name = "Chat",
          .input = &sample__sample__descriptor,
          .handler = chat,
          .client_streaming = true,
          .server_streaming = true },
        { .name = "Refuse", .input = &sample__sample__descriptor, .handler = refuse },
        { .name = "Big", .input = &sample__sample__descriptor, .handler = big },
        { .name = "Mute", .input = &sample__sample__descriptor, .handler = mute },
        { .name = "MuteStream",
          .input = &sample__sample__descriptor,
          .handler = mute,
          .server_streaming = true },
};
const struct grpc_service test_service = { .name = "test.Test",
                                           .methods = methods,
                                           .n_methods = ARRAY_LEN(methods) };

const uint8_t *sample_frame(const char *text, size_t *ret_len)
{
        static uint8_t bytes[70000];
        Sample__Sample m = SAMPLE__SAMPLE__INIT;
        char copy[65536];
        size_t len;

        (void)snprintf(copy, sizeof(copy), "%s", text);
        m.text = copy;
        len = protobuf_c_message_get_packed_size(&m.base);
        grpc_frame_head(bytes, false, (uint32_t)len);
        (void)protobuf_c_message_pack(&m.base, bytes + GRPC_FRAME_HEAD);
        *ret_len = GRPC_FRAME_HEAD + len;
        return bytes;
}

static struct peer_stream *stream_of(struct peer *p, int32_t id)
{
        for (unsigned i = p->n_streams; i-- > 0;)
                if (p->streams[i].id == id)
                        return &p->streams[i];
        fail_msg("stream %d was never opened", id);
        return NULL;
}

static void copy_value(char *to, size_t size, const uint8_t *value, size_t len)
{
        (void)snprintf(to, size, "%.*s", (int)len, (const char *)value);
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t len, uint8_t flags, void *arg)
{
        struct peer_stream *s = stream_of(arg, frame->hd.stream_id);

        (void)h2;
        (void)name_len;
        (void)flags;
        assert_int_equal(buf_printf(&s->fields, "%u %s: %s\n", s->n_header_blocks + 1,
                                    (const char *)name, (const char *)value),
                         0);
        if (strcmp((const char *)name, ":status") == 0)
                s->http_status = (unsigned)strtoul((const char *)value, NULL, 10);
        else if (strcmp((const char *)name, "content-type") == 0)
                copy_value(s->content_type, sizeof(s->content_type), value, len);
        else if (strcmp((const char *)name, "grpc-status") == 0)
                copy_value(s->grpc_status, sizeof(s->grpc_status), value, len);
        else if (strcmp((const char *)name, "grpc-message") == 0)
                copy_value(s->grpc_message, sizeof(s->grpc_message), value, len);
        else if (strcmp((const char *)name, "grpc-accept-encoding") == 0)
                copy_value(s->accept_encoding, sizeof(s->accept_encoding), value, len);
        return 0;
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *arg)
{
        struct peer *p = arg;

        (void)h2;
        if (frame->hd.type == NGHTTP2_GOAWAY) {
                p->goaway = true;
                p->goaway_error = frame->goaway.error_code;
                p->goaway_last = frame->goaway.last_stream_id;
                (void)snprintf(p->goaway_debug, sizeof(p->goaway_debug), "%.*s",
                               (int)frame->goaway.opaque_data_len,
                               (const char *)frame->goaway.opaque_data);
        } else if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) {
                struct peer_stream *s = stream_of(p, frame->hd.stream_id);

                s->n_header_blocks += frame->hd.type == NGHTTP2_HEADERS;
                if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
                        s->ended = true;
        }
        return 0;
}

static int on_chunk(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
                    void *arg)
{
        (void)h2;
        (void)flags;
        assert_int_equal(buf_append(&stream_of(arg, id)->data, data, len), 0);
        return 0;
}

static int on_close(nghttp2_session *h2, int32_t id, uint32_t error, void *arg)
{
        struct peer_stream *s = stream_of(arg, id);

        (void)h2;
        s->closed = true;
        s->reset = error;
        return 0;
}

static ssize_t read_body(nghttp2_session *h2, int32_t id, uint8_t *to, size_t size, uint32_t *flags,
                         nghttp2_data_source *source, void *arg)
{
        struct peer_stream *s = source->ptr;
        size_t n = s->body_len < size ? s->body_len : size;

        (void)h2;
        (void)id;
        (void)arg;
        if (n == 0 && s->keep_open)
                return NGHTTP2_ERR_DEFERRED;
        if (n > 0) {
                memcpy(to, s->body, n);
                s->body += n;
                s->body_len -= n;
        }
        if (s->body_len == 0 && !s->keep_open)
                *flags |= NGHTTP2_DATA_FLAG_EOF;
        return (ssize_t)n;
}

static void on_output(void *arg)
{
        ((struct peer *)arg)->outputs++;
}

static void init_h2(struct peer *p)
{
        nghttp2_session_callbacks *cb;
        nghttp2_option *option;
        nghttp2_settings_entry window = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                          (uint32_t)p->window };

        assert_int_equal(nghttp2_session_callbacks_new(&cb), 0);
        assert_int_equal(nghttp2_option_new(&option), 0);
        nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_chunk);
        nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
        nghttp2_option_set_peer_max_concurrent_streams(option, 1000); /* tests go over the limit */
        nghttp2_option_set_no_auto_window_update(option, p->window > 0);
        assert_int_equal(nghttp2_session_client_new2(&p->h2, cb, p, option), 0);
        nghttp2_session_callbacks_del(cb);
        nghttp2_option_del(option);
        assert_int_equal(nghttp2_submit_settings(p->h2, 0, &window, p->window > 0), 0);
}

static nsec observers_clock(void)
{
        static nsec now;

        return now += NSEC_PER_MSEC;
}

static void on_call_start(const struct grpc_call_summary *s, void *arg)
{
        struct peer *p = arg;

        assert_non_null(s->peer);
        p->n_call_starts++;
}

static void on_call_end(const struct grpc_call_summary *s, void *arg)
{
        struct peer *p = arg;

        p->n_call_ends++;
        p->last_end = *s;
        p->last_end.path = NULL;
        copy_value(p->last_path, sizeof(p->last_path), (const uint8_t *)s->path, s->path_len);
}

static struct peer *new_with(int32_t window, const struct grpc_keepalive_config *keepalive)
{
        struct peer *p = xcalloc(1, sizeof(*p));

        svc = (struct test_service){ 0 };
        p->window = window;
        p->memory.max = LIMIT_GRPC_MEMORY_BYTES;
        p->now = 1000 * NSEC_PER_SEC;
        grpc_router_add(&p->router, &test_service, p);
        p->observer = (struct grpc_observer){ on_call_start, on_call_end, observers_clock, p };
        p->keepalive = grpc_keepalive_defaults(keepalive ? keepalive : &p->keepalive);
        p->session = grpc_session_new(&(struct grpc_session_config){
                .router = &p->router,
                .memory = &p->memory,
                .max_message_bytes = LIMIT_GRPC_MESSAGE_BYTES,
                .observer = &p->observer,
                .counters = &p->stats.calls,
                .keepalive = &p->keepalive,
                .spread = 100, /* none */
                .stats = &p->stats,
                .on_output = on_output,
                .arg = p,
        });
        init_h2(p);
        return p;
}

struct peer *peer_new_window(int32_t window)
{
        return new_with(window, NULL);
}

struct peer *peer_new_keepalive(const struct grpc_keepalive_config *keepalive)
{
        return new_with(0, keepalive);
}

struct peer *peer_new(void)
{
        return new_with(0, NULL);
}

void peer_freep(struct peer **pp)
{
        struct peer *p = *pp;

        if (!p)
                return;
        p->session = grpc_session_free(p->session);
        assert_int_equal(p->memory.used, 0);
        assert_int_equal(p->stats.streams, 0);
        assert_int_equal(p->n_call_starts, p->n_call_ends);
        assert_int_equal(p->stats.calls.started, p->n_call_starts);
        assert_int_equal(p->stats.calls.ended, p->n_call_ends);
        nghttp2_session_del(p->h2);
        grpc_router_done(&p->router);
        for (unsigned i = 0; i < p->n_streams; i++) {
                buf_done(&p->streams[i].data);
                buf_done(&p->streams[i].fields);
        }
        free(p);
}

void peer_raw(struct peer *p, const void *data, size_t len)
{
        if (grpc_session_receive(p->session, data, len, p->now) < 0)
                p->failed = true;
}

/* A GOAWAY at the end of @data: nghttp2 does not report the second one to a client without calls. */
static void note_goaway(struct peer *p, const uint8_t *data, size_t len)
{
        static const uint8_t head[] = { 0, 0, 8, NGHTTP2_GOAWAY, 0, 0, 0, 0, 0 };
        const uint8_t *last = data + len - 17;

        if (len >= 17 && memcmp(last, head, sizeof(head)) == 0)
                p->goaway_last = last[9] << 24 | last[10] << 16 | last[11] << 8 | last[12];
}

void peer_run(struct peer *p)
{
        static uint8_t out[64 * 1024];

        for (bool progress = true; progress;) {
                const uint8_t *data;
                ssize_t n;

                progress = false;
                while ((n = nghttp2_session_mem_send(p->h2, &data)) > 0) {
                        progress = true;
                        peer_raw(p, data, (size_t)n);
                }
                assert_int_equal(n, 0);
                while (!p->blocked &&
                       (n = (ssize_t)grpc_session_send(p->session, out, sizeof(out)))) {
                        progress = true;
                        note_goaway(p, out, (size_t)n);
                        assert_int_equal(nghttp2_session_mem_recv(p->h2, out, (size_t)n), n);
                }
        }
}

#define NV(n, v)                                                                                   \
        {                                                                                          \
                (uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), strlen(n), strlen(v), 0      \
        }

enum { MORE_MAX = 16 };

static struct peer_stream *submit(struct peer *p, const char *path, const char *name,
                                  const char *value, const void *body, size_t len, bool keep_open)
{
        struct peer_stream *s = &p->streams[p->n_streams];
        nghttp2_data_provider provider = { .source.ptr = s, .read_callback = read_body };
        nghttp2_nv all[] = {
                NV(":method", "POST"), NV(":scheme", "http"),
                NV(":path", path),     NV(":authority", "localhost"),
                NV("te", "trailers"),  NV("content-type", "application/grpc"),
        };
        nghttp2_nv headers[ARRAY_LEN(all) + 1 + MORE_MAX];
        size_t n = 0;

        assert_true(p->n_streams < PEER_STREAMS);
        p->n_streams++;
        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
                if (name && strcmp(name, (const char *)all[i].name) == 0) {
                        all[i].value = (uint8_t *)(uintptr_t)value;
                        all[i].valuelen = value ? strlen(value) : 0;
                        if (!value)
                                continue;
                        name = NULL;
                }
                headers[n++] = all[i];
        }
        if (name && value)
                headers[n++] = (nghttp2_nv)NV(name, value);
        assert_true(p->n_more <= MORE_MAX);
        for (size_t i = 0; i < p->n_more; i++)
                headers[n++] = p->more[i];
        s->data = BUF_NULL(64u * 1024 * 1024);
        s->fields = BUF_NULL(64u * 1024);
        s->body = body;
        s->body_len = len;
        s->keep_open = keep_open;
        s->id = nghttp2_submit_request(p->h2, NULL, headers, n, &provider, NULL);
        assert_true(s->id > 0);
        return s;
}

struct peer_stream *peer_call_with(struct peer *p, const char *path, const char *name,
                                   const char *value, const void *body, size_t len)
{
        return submit(p, path, name, value, body, len, false);
}

struct peer_stream *peer_call(struct peer *p, const char *path, const void *body, size_t len)
{
        return submit(p, path, NULL, NULL, body, len, false);
}

struct peer_stream *peer_open(struct peer *p, const char *path, const void *body, size_t len)
{
        return submit(p, path, NULL, NULL, body, len, true);
}

struct peer_stream *peer_open_with(struct peer *p, const char *path, const char *name,
                                   const char *value, const void *body, size_t len)
{
        return submit(p, path, name, value, body, len, true);
}

void peer_widen(struct peer *p, const struct peer_stream *s, int32_t more)
{
        assert_int_equal(nghttp2_submit_window_update(p->h2, NGHTTP2_FLAG_NONE, s->id, more), 0);
        peer_run(p);
}

void peer_reset(struct peer *p, struct peer_stream *s, uint32_t error)
{
        assert_int_equal(nghttp2_submit_rst_stream(p->h2, 0, s->id, error), 0);
}
