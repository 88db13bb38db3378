/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a call's state to HTTP/2 frames. Three shapes (PROTOCOL-HTTP2.md, "Responses"): headers,
 * data, trailers; trailers only, when there is nothing but a status; and a plain HTTP error for
 * what is not gRPC.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "grpc/session_priv.h"

#define NV(n, v, l, f)                                                                             \
        {                                                                                          \
                .name = (uint8_t *)(uintptr_t)(n), .value = (uint8_t *)(uintptr_t)(v),             \
                .namelen = sizeof(n) - 1, .valuelen = (l),                                         \
                .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | (f)                                        \
        }
/* Both literals: nghttp2 need not copy them. */
#define NV_FIXED(n, v) NV(n, v, sizeof(v) - 1, NGHTTP2_NV_FLAG_NO_COPY_VALUE)

enum { TRAILERS_MAX = 3 };

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
        if (call->code == GRPC_UNIMPLEMENTED && call->head.encoded)
                to[n++] = (nghttp2_nv)NV_FIXED("grpc-accept-encoding", "identity");
        return n;
}

static ssize_t read_data(nghttp2_session *h2, int32_t stream_id, uint8_t *buf, size_t length,
                         uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
        struct grpc_call *call = source->ptr;
        size_t queued = grpc_queue_len(&call->out);
        nghttp2_nv trailers[TRAILERS_MAX];

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
                        if (nghttp2_submit_trailer(h2, stream_id, trailers,
                                                   add_status(call, trailers)) != 0)
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
        s->out_len += FRAME_HEAD + length;
        call->sent = s->now;
        grpc_call_sent(call);
        return 0;
}

static void submit_headers(struct grpc_call *call)
{
        static const nghttp2_nv headers[] = {
                NV_FIXED(":status", "200"),
                NV_FIXED("content-type", "application/grpc"),
        };
        nghttp2_data_provider provider = { .source.ptr = call, .read_callback = read_data };

        if (nghttp2_submit_response(call->session->h2, call->stream_id, headers, 2, &provider) != 0)
                call->session->broken = true;
}

static void submit_trailers_only(struct grpc_call *call)
{
        nghttp2_nv headers[2 + TRAILERS_MAX] = {
                NV_FIXED(":status", "200"),
                NV_FIXED("content-type", "application/grpc"),
        };
        size_t n = 2 + add_status(call, headers + 2);

        if (nghttp2_submit_response(call->session->h2, call->stream_id, headers, n, NULL) != 0)
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
        if (call->finished && grpc_queue_len(&call->out) == 0)
                submit_trailers_only(call);
        else
                submit_headers(call);
}

void grpc_response_http_error(struct grpc_call *call, unsigned status, const char *text)
{
        char digits[4];
        nghttp2_data_provider provider = { .source.ptr = call, .read_callback = read_data };
        nghttp2_nv headers[] = {
                NV(":status", digits, 3, 0),
                NV_FIXED("content-type", "text/plain"),
                NV_FIXED("allow", "POST"),
        };
        size_t len = strlen(text);

        (void)snprintf(digits, sizeof(digits), "%03u", status % 1000);
        memcpy(grpc_queue_reserve(&call->out, len), text, len);
        call->started = true;
        call->finished = true;
        call->http_error = true;
        /* Only 405 tells what is allowed (RFC 9110 section 15.5.6). */
        if (nghttp2_submit_response(call->session->h2, call->stream_id, headers,
                                    status == 405 ? 3 : 2, &provider) != 0)
                call->session->broken = true;
}
