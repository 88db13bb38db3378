/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a call's state to HTTP/2 frames. Three shapes (PROTOCOL-HTTP2.md, "Responses"): headers,
 * data, trailers; trailers only, when there is nothing but a status; and a plain HTTP error for
 * what is not gRPC.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "grpc/gzip.h"
#include "grpc/session_priv.h"
#include "util/mem.h"

#define NV(n, v, l, f)                                                                             \
        {                                                                                          \
                .name = (uint8_t *)(uintptr_t)(n), .value = (uint8_t *)(uintptr_t)(v),             \
                .namelen = sizeof(n) - 1, .valuelen = (l),                                         \
                .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | (f)                                        \
        }
/* Both literals: nghttp2 need not copy them. */
#define NV_FIXED(n, v) NV(n, v, sizeof(v) - 1, NGHTTP2_NV_FLAG_NO_COPY_VALUE)

enum {
        HEADERS_MAX = 4, /* of our own, beside the handler's */
        TRAILERS_MAX = 2,
};

static const char *const code_texts[GRPC_CODE_MAX] = {
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
};

static size_t add_status(const struct grpc_call *call, nghttp2_nv *to)
{
        const char *code = code_texts[call->code];
        size_t n = 0;

        to[n++] = (nghttp2_nv)NV("grpc-status", code, strlen(code), NGHTTP2_NV_FLAG_NO_COPY_VALUE);
        /*
         * Texts differ from call to call: they would only push useful entries out of the HPACK
         * table.
         */
        if (call->message)
                to[n++] = (nghttp2_nv)NV("grpc-message", call->message, strlen(call->message),
                                         NGHTTP2_NV_FLAG_NO_INDEX);
        return n;
}

/* What is the handler's. nghttp2 copies it: its own frames may outlive the call. */
static size_t add_metadata(const struct grpc_metadata *m, nghttp2_nv *to)
{
        for (size_t i = 0; m && i < m->n; i++)
                to[i] = (nghttp2_nv){
                        .name = m->bytes.data + m->fields[i].key,
                        .namelen = m->fields[i].key_len,
                        .value = m->bytes.data + m->fields[i].value,
                        .valuelen = m->fields[i].value_len,
                };
        return m ? m->n : 0;
}

static size_t add_headers(const struct grpc_call *call, nghttp2_nv *to)
{
        size_t n = 0;

        to[n++] = (nghttp2_nv)NV_FIXED(":status", "200");
        to[n++] = (nghttp2_nv)NV_FIXED("content-type", "application/grpc");
        if (call->head.encoding != GRPC_ENCODING_IDENTITY)
                to[n++] = (nghttp2_nv)NV_FIXED("grpc-accept-encoding", GRPC_ENCODINGS);
        if (call->compress)
                to[n++] = (nghttp2_nv)NV_FIXED("grpc-encoding", "gzip");
        return n;
}

/* Room for a block: @few, unless the handler adds to it. *ret_many is freed by the caller. */
static nghttp2_nv *block(nghttp2_nv *few, size_t n_few, const struct grpc_metadata *m,
                         nghttp2_nv **ret_many)
{
        if (!m)
                return few;
        *ret_many = xcalloc(n_few + m->n, sizeof(**ret_many));
        return *ret_many;
}

static int submit_trailers(const struct grpc_call *call)
{
        nghttp2_nv few[TRAILERS_MAX];
        AUTO_FREE nghttp2_nv *many = NULL;
        nghttp2_nv *all = block(few, TRAILERS_MAX, call->trailers, &many);
        size_t n = add_status(call, all);

        n += add_metadata(call->trailers, all + n);
        return nghttp2_submit_trailer(call->session->h2, call->stream_id, all, n);
}

static ssize_t read_data(nghttp2_session *h2, int32_t stream_id, uint8_t *buf, size_t length,
                         uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
        struct grpc_call *call = source->ptr;
        size_t queued = grpc_queue_len(&call->out);

        (void)h2;
        (void)stream_id;
        (void)buf;
        (void)user_data;
        if (queued == 0 && !call->finished) {
                call->deferred = true;
                return NGHTTP2_ERR_DEFERRED;
        }
        if (queued > 0)
                *flags |= NGHTTP2_DATA_FLAG_NO_COPY; /* see grpc_response_send_data */
        if (queued > length)
                return (ssize_t)length;
        if (call->finished) {
                *flags |= NGHTTP2_DATA_FLAG_EOF;
                if (!call->http_error) {
                        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
                        if (submit_trailers(call) != 0)
                                return NGHTTP2_ERR_CALLBACK_FAILURE;
                }
        }
        return (ssize_t)queued;
}

/*
 * Straight from the call's queue to where the server writes from, instead of by way of nghttp2's
 * frame buffer.
 */
int grpc_response_send_data(nghttp2_session *h2, nghttp2_frame *frame, const uint8_t *framehd,
                            size_t length, nghttp2_data_source *source, void *user_data)
{
        enum { FRAME_HEAD = 9 };
        struct grpc_session *s = user_data;
        struct grpc_call *call = source->ptr;

        (void)h2;
        assert(frame->data.padlen == 0); /* we never ask for padding */
        if (s->out_size - s->out_len < FRAME_HEAD + length) {
                s->send_blocked = true;
                return NGHTTP2_ERR_WOULDBLOCK;
        }
        memcpy(s->out + s->out_len, framehd, FRAME_HEAD);
        grpc_queue_take(&call->out, s->out + s->out_len + FRAME_HEAD, length);
        call->bytes_out += length;
        s->counters->bytes_out += length;
        s->out_len += FRAME_HEAD + length;
        call->sent = s->now;
        grpc_call_sent(call);
        return 0;
}

static void submit_headers(struct grpc_call *call)
{
        nghttp2_data_provider provider = { .source.ptr = call, .read_callback = read_data };
        nghttp2_nv few[HEADERS_MAX];
        AUTO_FREE nghttp2_nv *many = NULL;
        nghttp2_nv *all = block(few, HEADERS_MAX, call->headers, &many);
        size_t n = add_headers(call, all);

        n += add_metadata(call->headers, all + n);
        call->compress_named = call->compress;
        if (nghttp2_submit_response(call->session->h2, call->stream_id, all, n, &provider) != 0)
                call->session->broken = true;
}

static void submit_trailers_only(struct grpc_call *call)
{
        nghttp2_nv few[HEADERS_MAX + TRAILERS_MAX];
        AUTO_FREE nghttp2_nv *many = NULL;
        nghttp2_nv *all = block(few, ARRAY_LEN(few), call->trailers, &many);
        size_t n;

        call->compress = false;
        n = add_headers(call, all);
        n += add_status(call, all + n);
        n += add_metadata(call->trailers, all + n);
        if (nghttp2_submit_response(call->session->h2, call->stream_id, all, n, NULL) != 0)
                call->session->broken = true;
}

void grpc_response_update(struct grpc_call *call)
{
        if (call->started) {
                if (call->deferred)
                        (void)nghttp2_session_resume_data(call->session->h2, call->stream_id);
                call->deferred = false;
                return;
        }
        call->started = true;
        /* Clients take all of such a block as trailers, so headers of the handler need their own. */
        if (call->finished && !call->headers && grpc_queue_len(&call->out) == 0)
                submit_trailers_only(call);
        else
                submit_headers(call);
}

void grpc_response_http_error(struct grpc_call *call)
{
        char digits[4];
        nghttp2_data_provider provider = { .source.ptr = call, .read_callback = read_data };
        nghttp2_nv headers[] = {
                NV(":status", digits, 3, 0),
                NV_FIXED("content-type", "text/plain"),
                NV_FIXED("allow", "POST"),
        };
        bool silent = call->head.is_head; /* RFC 9110 section 9.3.2: headers only */
        size_t len = silent ? 0 : strlen(call->http_text);

        (void)snprintf(digits, sizeof(digits), "%03u", call->http_error % 1000u);
        if (len > 0)
                memcpy(grpc_queue_reserve(&call->out, len), call->http_text, len);
        call->started = true;
        call->finished = true;
        /* Only 405 tells what is allowed (RFC 9110 section 15.5.6). */
        if (nghttp2_submit_response(call->session->h2, call->stream_id, headers,
                                    call->http_error == 405 ? 3 : 2,
                                    silent ? NULL : &provider) != 0)
                call->session->broken = true;
}
