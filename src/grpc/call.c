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
#include "grpc/wire_check.h"
#include "util/mem.h"

enum {
        KEEP_BYTES = 4096, /* buffers up to this stay with a call for its next use */
};

bool grpc_call_charge(struct grpc_call *call, size_t held)
{
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

void grpc_call_free(struct grpc_call *call)
{
        struct grpc_session *s = call->session;
        struct grpc_queue out = call->out;

        deadline_unlink(call);
        *(call->prev ? &call->prev->next : &s->calls) = call->next;
        if (call->next)
                call->next->prev = call->prev;
        s->n_calls--;
        s->n_drained -= call->drained;
        (void)grpc_call_charge(call, 0);
        if (call->request)
                protobuf_c_message_free_unpacked(call->request, NULL);
        grpc_frame_done(&call->in);
        free(call->message);
        if (s->n_free >= LIMIT_GRPC_STREAMS / 4) {
                free(call->out.data);
                free(call);
                return;
        }
        grpc_queue_reset(&out, KEEP_BYTES);
        memset(call, 0, offsetof(struct grpc_call, head));
        call->out = out;
        call->next = s->free_calls;
        s->free_calls = call;
        s->n_free++;
}

/* The call never reaches its handler, or is taken from it. */
static void __attribute__((format(printf, 3, 4)))
refuse(struct grpc_call *call, enum grpc_code code, const char *fmt, ...)
{
        va_list ap;

        grpc_call_cancel(call);
        call->finished = false;
        va_start(ap, fmt);
        grpc_call_finish_va(call, code, fmt, ap);
        va_end(ap);
}

void grpc_call_cancel(struct grpc_call *call)
{
        const struct grpc_call_watch *watch = call->watch;

        if (call->finished)
                return;
        call->finished = true;
        call->watch = NULL;
        if (call->dispatched && watch && watch->on_cancel)
                watch->on_cancel(call, call->arg);
}

void grpc_call_expire(struct grpc_call *call)
{
        deadline_unlink(call);
        if (!call->finished && grpc_queue_len(&call->out) == 0) {
                refuse(call, GRPC_DEADLINE_EXCEEDED, "deadline exceeded");
                return;
        }
        /* Half a message may be out: no status can follow it. */
        grpc_call_cancel(call);
        (void)nghttp2_submit_rst_stream(call->session->h2, NGHTTP2_FLAG_NONE, call->stream_id,
                                        NGHTTP2_CANCEL);
}

static void dispatch(struct grpc_call *call)
{
        call->dispatched = true;
        call->method->handler(call, call->request, call->ctx);
}

static void route(struct grpc_call *call)
{
        const struct grpc_head *h = &call->head;
        const char *slash = memrchr(h->path, '/', h->path_len);
        int len = h->path_len;

        switch (grpc_router_find(call->session->config.router, h->path, h->path_len, &call->method,
                                 &call->ctx)) {
        case GRPC_ROUTE_FOUND:
                if (call->method->client_streaming)
                        dispatch(call);
                break;
        case GRPC_ROUTE_MALFORMED:
                refuse(call, GRPC_UNIMPLEMENTED, "malformed method name: \"%.*s\"", len, h->path);
                break;
        case GRPC_ROUTE_NO_SERVICE:
                refuse(call, GRPC_UNIMPLEMENTED, "unknown service %.*s", (int)(slash - h->path) - 1,
                       h->path + 1);
                break;
        case GRPC_ROUTE_NO_METHOD:
                refuse(call, GRPC_UNIMPLEMENTED, "unknown method %.*s",
                       len - (int)(slash - h->path) - 1, slash + 1);
                break;
        }
}

void grpc_call_headed(struct grpc_call *call)
{
        enum grpc_code code;
        const char *text;
        unsigned status = grpc_head_check(&call->head, &code, &text);
        nsec deadline;

        call->headed = true;
        if (status != 200) {
                grpc_response_http_error(call, status, text);
                return;
        }
        if (code != GRPC_OK) {
                refuse(call, code, "%s", text);
                return;
        }
        if (call->head.timeout_kind == GRPC_TIMEOUT_SET) {
                if (__builtin_add_overflow(call->session->now, call->head.timeout, &deadline))
                        deadline = INT64_MAX - 1;
                deadline_link(call, deadline);
                if (call->head.timeout == 0) {
                        grpc_call_expire(call);
                        return;
                }
        }
        route(call);
}

static void take_message(struct grpc_call *call, const struct grpc_frame *frame)
{
        AUTO(grpc_message_freep) ProtobufCMessage *m = NULL;
        struct err e;

        if (frame->compressed && call->head.encoded) {
                refuse(call, GRPC_UNIMPLEMENTED, "no message compression is supported");
                return;
        }
        if (frame->compressed) {
                refuse(call, GRPC_INTERNAL, "compressed message without grpc-encoding");
                return;
        }
        if (call->request) {
                refuse(call, GRPC_UNIMPLEMENTED, "more than one request message");
                return;
        }
        if (grpc_wire_unpack(call->method->input, frame->data, frame->len, LIMIT_GRPC_FIELDS, &m,
                             &e) < 0) {
                refuse(call, e.kind == ERR_LIMIT ? GRPC_RESOURCE_EXHAUSTED : GRPC_INTERNAL,
                       "cannot decode the request: %s", e.text);
                return;
        }
        if (!call->method->client_streaming)
                call->request = TAKE_PTR(m);
        else if (call->watch && call->watch->on_message)
                call->watch->on_message(call, m, call->arg);
}

void grpc_call_data(struct grpc_call *call, const uint8_t *data, size_t len)
{
        struct grpc_frame frame;

        while (!call->finished) {
                switch (grpc_frame_feed(&call->in, &data, &len, &frame)) {
                case GRPC_FRAME_MESSAGE:
                        take_message(call, &frame);
                        break;
                case GRPC_FRAME_MORE:
                        if (!grpc_call_charge(call, call->in.cap + call->out.cap))
                                refuse(call, GRPC_RESOURCE_EXHAUSTED,
                                       "the server holds too many requests and replies");
                        return;
                case GRPC_FRAME_TOO_LARGE:
                        refuse(call, GRPC_RESOURCE_EXHAUSTED,
                               "received message larger than max (%zu vs. %zu)", frame.len,
                               call->in.max);
                        return;
                case GRPC_FRAME_BAD_FLAG:
                        refuse(call, GRPC_INTERNAL, "malformed message prefix");
                        return;
                }
        }
}

void grpc_call_half_close(struct grpc_call *call)
{
        call->half_closed = true;
        if (call->finished)
                return;
        if (grpc_frame_partial(&call->in))
                refuse(call, GRPC_INTERNAL, "the request ends within a message");
        else if (call->method->client_streaming) {
                if (call->watch && call->watch->on_half_close)
                        call->watch->on_half_close(call, call->arg);
        } else if (!call->request)
                refuse(call, GRPC_UNIMPLEMENTED, "no request message");
        else
                dispatch(call);
}

bool grpc_call_owes_bytes(const struct grpc_call *call)
{
        if (!call->headed || call->finished || !call->method || !call->method->client_streaming)
                return true;
        return grpc_frame_partial(&call->in);
}

void grpc_call_stalled(struct grpc_call *call)
{
        if (!call->finished && grpc_queue_len(&call->out) == 0) {
                refuse(call, GRPC_DEADLINE_EXCEEDED, "the request did not arrive in time");
                return;
        }
        grpc_call_cancel(call);
        (void)nghttp2_submit_rst_stream(call->session->h2, NGHTTP2_FLAG_NONE, call->stream_id,
                                        NGHTTP2_CANCEL);
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
        return call->method;
}

const struct grpc_peer *grpc_call_peer(const struct grpc_call *call)
{
        static const struct grpc_peer unknown = { .uid = (uid_t)-1, .gid = (gid_t)-1 };

        return call->session->config.peer ? call->session->config.peer : &unknown;
}

void grpc_call_pause_receive(struct grpc_call *call)
{
        (void)call;
}

void grpc_call_resume_receive(struct grpc_call *call)
{
        (void)call;
}

const void *grpc_call_metadata(const struct grpc_call *call, const char *key, size_t *ret_len)
{
        (void)call;
        (void)key;
        (void)ret_len;
        return NULL;
}

bool grpc_call_metadata_at(const struct grpc_call *call, size_t i, struct grpc_metadatum *ret)
{
        (void)call;
        (void)i;
        (void)ret;
        return false;
}

bool grpc_call_add_header(struct grpc_call *call, const char *key, const void *value, size_t len)
{
        (void)call;
        (void)key;
        (void)value;
        (void)len;
        return false;
}

bool grpc_call_add_trailer(struct grpc_call *call, const char *key, const void *value, size_t len)
{
        return grpc_call_add_header(call, key, value, len);
}

void grpc_call_compress(struct grpc_call *call, enum grpc_compression when)
{
        (void)call;
        (void)when;
}

bool grpc_call_message_compressed(const struct grpc_call *call)
{
        return call->message_compressed;
}
