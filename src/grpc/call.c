/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gRPC side of a stream: from the complete header block to the decided status. A call is made
 * and freed with its HTTP/2 stream; between, it belongs to the handler from dispatch until finish
 * or cancel. Every byte a client makes us hold is charged to the session and to the server, before
 * it is held where that is possible.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/session_priv.h"
#include "util/mem.h"

enum {
        KEEP_BYTES = 4096, /* buffers up to this stay with a call for its next use */
};

bool grpc_call_charge(struct grpc_call *call, size_t out_held)
{
        size_t held = out_held + call->in.cap + call->request_held + call->waiting.cap +
                      grpc_metadata_held(call->metadata) + grpc_metadata_held(call->headers) +
                      grpc_metadata_held(call->trailers);

        return grpc_account_set(&call->session->account, &call->charged, held);
}

static void deadline_unlink(struct grpc_call *call)
{
        struct grpc_session *s = call->session;

        if (call->deadline == INT64_MAX)
                return;
        *(call->deadline_prev ? &call->deadline_prev->deadline_next : &s->deadlines) =
                call->deadline_next;
        *(call->deadline_next ? &call->deadline_next->deadline_prev : &s->deadlines_last) =
                call->deadline_prev;
        call->deadline = INT64_MAX;
}

/* Clients use the same timeout again and again, so the place is nearly always the end. */
static void deadline_link(struct grpc_call *call, nsec deadline)
{
        struct grpc_session *s = call->session;
        struct grpc_call *before = s->deadlines_last;

        while (before && before->deadline > deadline)
                before = before->deadline_prev;
        call->deadline = deadline;
        call->deadline_prev = before;
        call->deadline_next = before ? before->deadline_next : s->deadlines;
        *(before ? &before->deadline_next : &s->deadlines) = call;
        *(call->deadline_next ? &call->deadline_next->deadline_prev : &s->deadlines_last) = call;
}

struct grpc_call *grpc_call_new(struct grpc_session *s, int32_t stream_id)
{
        struct grpc_call *call = s->free_calls;

        if (call) {
                s->free_calls = call->next;
                s->n_free--;
        } else {
                call = xcalloc(1, sizeof(*call));
        }
        call->session = s;
        call->stream_id = stream_id;
        call->deadline = INT64_MAX;
        call->in.max = s->config.max_message_bytes;
        grpc_head_init(&call->head);
        call->prev = NULL;
        call->next = s->calls;
        if (s->calls)
                s->calls->prev = call;
        s->calls = call;
        s->n_calls++;
        return call;
}

static struct grpc_call_summary summary_of(const struct grpc_call *call)
{
        return (struct grpc_call_summary){
                .service = call->target.service,
                .method = call->target.method,
                .path = call->head.path,
                .path_len = call->head.path_len,
                .peer = grpc_call_peer(call),
                .started = call->started_at,
        };
}

static nsec observers_time(const struct grpc_session *s)
{
        return s->config.observer->clock ? s->config.observer->clock() : s->now;
}

static void tell_start(struct grpc_call *call)
{
        const struct grpc_observer *o = call->session->config.observer;

        call->session->counters->started++;
        if (!o)
                return;
        call->started_at = observers_time(call->session);
        if (o->on_call_start) {
                struct grpc_call_summary summary = summary_of(call);

                o->on_call_start(&summary, o->arg);
        }
}

static void tell_end(const struct grpc_call *call)
{
        const struct grpc_observer *o = call->session->config.observer;
        enum grpc_code code = call->http_error ? GRPC_UNKNOWN : call->code;

        call->session->counters->ended++;
        call->session->counters->by_code[code]++;
        if (o && o->on_call_end) {
                struct grpc_call_summary summary = summary_of(call);

                summary.duration = observers_time(call->session) - call->started_at;
                summary.code = code;
                summary.http_status = call->http_error ? call->http_error : 200;
                summary.messages_in = call->messages_in;
                summary.messages_out = call->messages_out;
                summary.bytes_in = call->bytes_in;
                summary.bytes_out = call->bytes_out;
                o->on_call_end(&summary, o->arg);
        }
}

void grpc_call_free(struct grpc_call *call)
{
        struct grpc_session *s = call->session;
        struct grpc_queue out;

        if (call->headed)
                tell_end(call);
        deadline_unlink(call);
        *(call->prev ? &call->prev->next : &s->calls) = call->next;
        if (call->next)
                call->next->prev = call->prev;
        s->n_calls--;
        s->n_drained -= call->drained;
        (void)grpc_account_set(&s->account, &call->charged, 0);
        if (call->request)
                protobuf_c_message_free_unpacked(call->request, NULL);
        grpc_frame_done(&call->in);
        buf_done(&call->waiting);
        grpc_metadata_free(call->metadata);
        grpc_metadata_free(call->headers);
        grpc_metadata_free(call->trailers);
        free(call->message);
        if (s->n_free >= LIMIT_GRPC_STREAMS / 4) {
                grpc_queue_done(&call->out);
                free(call);
                return;
        }
        grpc_queue_reset(&call->out, KEEP_BYTES);
        out = call->out;
        memset(call, 0, offsetof(struct grpc_call, head));
        call->out = out;
        call->next = s->free_calls;
        s->free_calls = call;
        s->n_free++;
}

void grpc_call_refuse(struct grpc_call *call, enum grpc_code code, const char *fmt, ...)
{
        va_list ap;

        grpc_call_cancel(call, code);
        call->finished = false;
        va_start(ap, fmt);
        grpc_call_finish_va(call, code, fmt, ap);
        va_end(ap);
}

void grpc_call_refuse_full(struct grpc_call *call)
{
        call->session->counters->refused_memory++;
        grpc_call_refuse(call, GRPC_RESOURCE_EXHAUSTED, "%s", GRPC_TEXT_FULL);
}

void grpc_call_cancel(struct grpc_call *call, enum grpc_code code)
{
        const struct grpc_call_watch *watch = call->watch;

        if (call->finished)
                return;
        call->finished = true;
        call->code = code;
        call->watch = NULL;
        if (call->dispatched && watch && watch->on_cancel)
                watch->on_cancel(call, call->arg);
}

void grpc_call_expire(struct grpc_call *call)
{
        deadline_unlink(call);
        if (!call->finished && grpc_queue_len(&call->out) == 0) {
                grpc_call_refuse(call, GRPC_DEADLINE_EXCEEDED, "deadline exceeded");
                return;
        }
        /* Half a message may be out: no status can follow it. */
        grpc_call_cancel(call, GRPC_DEADLINE_EXCEEDED);
        (void)nghttp2_submit_rst_stream(call->session->h2, NGHTTP2_FLAG_NONE, call->stream_id,
                                        NGHTTP2_CANCEL);
}

void grpc_call_dispatch(struct grpc_call *call)
{
        call->dispatched = true;
        call->target.method->handler(call, call->request, call->target.ctx);
}

static void find_target(struct grpc_call *call)
{
        call->routed = true;
        call->route = grpc_router_find(call->session->config.router, call->head.path,
                                       call->head.path_len, &call->target);
}

/* What the handler will read is kept, and only that: the path is known before the first of these. */
static void keep_metadata(struct grpc_call *call, const char *name, size_t name_len,
                          const char *value, size_t value_len)
{
        int r;

        if (!call->routed)
                find_target(call);
        if (!call->target.method || !call->target.method->metadata ||
            call->head.bytes > LIMIT_GRPC_HEADER_BYTES || grpc_metadata_reserved(name, name_len))
                return;
        if (!call->metadata)
                call->metadata = grpc_metadata_new();
        r = grpc_metadata_receive(call->metadata, name, name_len, value, value_len);
        call->metadata_bad = call->metadata_bad || r == -EINVAL;
        call->metadata_large = call->metadata_large || r == -ENOBUFS;
}

void grpc_call_header(struct grpc_call *call, const char *name, size_t name_len, const char *value,
                      size_t value_len)
{
        grpc_head_add(&call->head, name, name_len, value, value_len);
        if (name_len > 0 && *name != ':')
                keep_metadata(call, name, name_len, value, value_len);
}

static void route(struct grpc_call *call)
{
        const struct grpc_head *h = &call->head;
        const char *slash = memrchr(h->path, '/', h->path_len);
        int len = h->path_len;

        if (!call->routed)
                find_target(call);
        switch (call->route) {
        case GRPC_ROUTE_FOUND:
                if (call->target.method->client_streaming)
                        grpc_call_dispatch(call);
                break;
        case GRPC_ROUTE_MALFORMED:
                grpc_call_refuse(call, GRPC_UNIMPLEMENTED, "malformed method name: \"%.*s\"", len,
                                 h->path);
                break;
        case GRPC_ROUTE_NO_SERVICE:
                grpc_call_refuse(call, GRPC_UNIMPLEMENTED, "unknown service %.*s",
                                 (int)(slash - h->path) - 1, h->path + 1);
                break;
        case GRPC_ROUTE_NO_METHOD:
                grpc_call_refuse(call, GRPC_UNIMPLEMENTED, "unknown method %.*s",
                                 len - (int)(slash - h->path) - 1, slash + 1);
                break;
        }
}

/* False: the call has been refused. */
static bool set_deadline(struct grpc_call *call)
{
        nsec deadline;

        if (call->head.timeout_kind != GRPC_TIMEOUT_SET)
                return true;
        if (__builtin_add_overflow(call->session->now, call->head.timeout, &deadline))
                deadline = INT64_MAX - 1;
        deadline_link(call, deadline);
        if (call->head.timeout == 0)
                grpc_call_expire(call);
        return call->head.timeout != 0;
}

void grpc_call_headed(struct grpc_call *call)
{
        enum grpc_code code;
        const char *text;
        unsigned status = grpc_head_check(&call->head, &code, &text);

        call->headed = true;
        tell_start(call);
        if (status != 200) { /* answered at the end of the request: intake.c */
                call->http_error = (uint16_t)status;
                call->http_text = text;
        } else if (code != GRPC_OK)
                grpc_call_refuse(call, code, "%s", text);
        else if (call->metadata_bad)
                grpc_call_refuse(call, GRPC_INTERNAL, "malformed binary metadata");
        else if (call->metadata_large)
                grpc_call_refuse(call, GRPC_RESOURCE_EXHAUSTED, "too many values of metadata");
        else if (call->metadata && !grpc_call_charge(call, grpc_queue_held(&call->out)))
                grpc_call_refuse_full(call);
        else if (set_deadline(call)) {
                grpc_call_compress(call, call->session->config.compression);
                route(call);
        }
}

bool grpc_call_owes_bytes(const struct grpc_call *call)
{
        const struct grpc_method *method = call->target.method;

        if (!call->headed || call->finished || !method || !method->client_streaming)
                return true;
        return grpc_frame_partial(&call->in) && !call->receive_paused;
}

void grpc_call_stalled(struct grpc_call *call)
{
        if (!call->finished && call->http_error) {
                grpc_response_http_error(call);
                return;
        }
        if (!call->finished && grpc_queue_len(&call->out) == 0) {
                grpc_call_refuse(call, GRPC_DEADLINE_EXCEEDED,
                                 "the request did not arrive in time");
                return;
        }
        grpc_call_cancel(call, GRPC_DEADLINE_EXCEEDED);
        (void)nghttp2_submit_rst_stream(call->session->h2, NGHTTP2_FLAG_NONE, call->stream_id,
                                        NGHTTP2_CANCEL);
}

void grpc_call_free_request(struct grpc_call *call)
{
        if (!call->request)
                return;
        protobuf_c_message_free_unpacked(call->request, NULL);
        call->request = NULL;
        call->request_held = 0;
        (void)grpc_call_charge(call, grpc_queue_held(&call->out));
}

void grpc_call_watch(struct grpc_call *call, const struct grpc_call_watch *watch, void *arg)
{
        assert(!call->finished);
        call->watch = watch;
        call->arg = arg;
}

void *grpc_call_arg(const struct grpc_call *call)
{
        return call->arg;
}

nsec grpc_call_deadline(const struct grpc_call *call)
{
        return call->deadline;
}

const struct grpc_method *grpc_call_method(const struct grpc_call *call)
{
        return call->target.method;
}

const struct grpc_peer *grpc_call_peer(const struct grpc_call *call)
{
        static const struct grpc_peer unknown = { .uid = (uid_t)-1, .gid = (gid_t)-1 };

        return call->session->config.peer ? call->session->config.peer : &unknown;
}

bool grpc_call_metadata_at(const struct grpc_call *call, size_t i, struct grpc_metadatum *ret)
{
        const struct grpc_metadata *m = call->metadata;

        assert(call->target.method->metadata);
        if (!m || i >= m->n)
                return false;
        *ret = (struct grpc_metadatum){ grpc_metadata_key(m, i), grpc_metadata_value(m, i),
                                        m->fields[i].value_len };
        return true;
}

const void *grpc_call_metadata(const struct grpc_call *call, const char *key, size_t *ret_len)
{
        struct grpc_metadatum m;

        for (size_t i = 0; grpc_call_metadata_at(call, i, &m); i++) {
                if (strcmp(m.key, key) != 0)
                        continue;
                if (ret_len)
                        *ret_len = m.len;
                return m.value;
        }
        return NULL;
}

bool grpc_call_message_compressed(const struct grpc_call *call)
{
        return call->message_compressed;
}
