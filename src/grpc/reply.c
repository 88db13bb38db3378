/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler says: replies into the call's queue, and the status that ends it. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "grpc/session_priv.h"

enum {
        MESSAGE_MAX = 4096,     /* of grpc-message: clients accept 8 KiB of trailers */
        QUEUE_HIGH_DIVISOR = 4, /* GRPC_SEND_PAUSE above a quarter of the queue's limit, */
        QUEUE_LOW_DIVISOR = 16, /* on_drain below a sixteenth */
};

static void wake(struct grpc_session *s)
{
        if (!s->inside && s->config.on_output)
                s->config.on_output(s->config.arg);
}

static void finish_text(struct grpc_call *call, enum grpc_code code, const char *text)
{
        struct buf message = BUF_NULL(MESSAGE_MAX);

        assert(!call->finished);
        if (code == GRPC_OK && !call->method->server_streaming && !call->started) {
                code = GRPC_INTERNAL;
                text = "the method gave no reply";
        }
        call->finished = true;
        call->watch = NULL;
        call->code = code;
        if (code != GRPC_OK && *text) {
                grpc_message_encode(text, &message);
                call->message = buf_take(&message);
        }
        grpc_response_update(call);
        wake(call->session);
}

void grpc_call_finish_va(struct grpc_call *call, enum grpc_code code, const char *fmt, va_list ap)
{
        char text[1024];

        (void)vsnprintf(text, sizeof(text), fmt, ap);
        finish_text(call, code, text);
}

enum grpc_send_result grpc_call_send_reserve(struct grpc_call *call, size_t len, uint8_t **ret)
{
        size_t queued = grpc_queue_len(&call->out);
        uint8_t *at;

        assert(!call->finished);
        if (len > UINT32_MAX || (queued > 0 && queued + len > LIMIT_GRPC_QUEUE_BYTES) ||
            !grpc_call_charge(call, call->in.cap +
                                            grpc_queue_cap_with(&call->out, GRPC_FRAME_HEAD + len)))
                return GRPC_SEND_REFUSED;
        at = grpc_queue_reserve(&call->out, GRPC_FRAME_HEAD + len);
        grpc_frame_head(at, false, (uint32_t)len);
        *ret = at + GRPC_FRAME_HEAD;
        grpc_response_update(call);
        wake(call->session);
        if (queued + len < LIMIT_GRPC_QUEUE_BYTES / QUEUE_HIGH_DIVISOR)
                return GRPC_SEND_OK;
        call->paused = true;
        return GRPC_SEND_PAUSE;
}

enum grpc_send_result grpc_call_send(struct grpc_call *call, const ProtobufCMessage *message)
{
        enum grpc_send_result r;
        uint8_t *at;

        r = grpc_call_send_reserve(call, protobuf_c_message_get_packed_size(message), &at);
        if (r != GRPC_SEND_REFUSED)
                (void)protobuf_c_message_pack(message, at);
        return r;
}

enum grpc_send_result grpc_call_send_slices(struct grpc_call *call, const struct grpc_slice *slices,
                                            size_t n)
{
        enum grpc_send_result r;
        size_t len = 0;
        uint8_t *at;

        for (size_t i = 0; i < n; i++)
                len += slices[i].len;
        r = grpc_call_send_reserve(call, len, &at);
        for (size_t i = 0; i < n && r != GRPC_SEND_REFUSED; i++) {
                if (slices[i].len > 0)
                        memcpy(at, slices[i].data, slices[i].len);
                at += slices[i].len;
        }
        return r;
}

enum grpc_send_result grpc_call_send_blobs(struct grpc_call *call, struct grpc_blob *const *blobs,
                                           size_t n)
{
        enum grpc_send_result r;
        size_t len = 0;
        uint8_t *at;

        for (size_t i = 0; i < n; i++)
                len += blobs[i]->len;
        r = grpc_call_send_reserve(call, len, &at);
        for (size_t i = 0; i < n && r != GRPC_SEND_REFUSED; i++) {
                memcpy(at, blobs[i]->data, blobs[i]->len);
                at += blobs[i]->len;
        }
        return r;
}

enum grpc_send_result grpc_call_send_shared(struct grpc_call *call, struct grpc_blob *blob)
{
        return grpc_call_send_blobs(call, &blob, 1);
}

void grpc_call_start(struct grpc_call *call)
{
        assert(!call->finished);
        if (call->started)
                return;
        grpc_response_update(call);
        wake(call->session);
}

void grpc_call_finish(struct grpc_call *call, enum grpc_code code, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        grpc_call_finish_va(call, code, fmt, ap);
        va_end(ap);
}

void grpc_call_finish_err(struct grpc_call *call, const struct err *e)
{
        finish_text(call, grpc_code_from_err(e->kind), e->text);
}

void grpc_call_finish_details(struct grpc_call *call, enum grpc_code code, const char *text,
                              const struct grpc_detail *details, size_t n)
{
        (void)details;
        (void)n;
        finish_text(call, code, text);
}

static void finish_sent(struct grpc_call *call, enum grpc_send_result r)
{
        if (r == GRPC_SEND_REFUSED)
                finish_text(call, GRPC_RESOURCE_EXHAUSTED,
                            "the server holds too many requests and replies");
        else
                finish_text(call, GRPC_OK, "");
}

void grpc_call_reply(struct grpc_call *call, const ProtobufCMessage *message)
{
        finish_sent(call, grpc_call_send(call, message));
}

void grpc_call_reply_shared(struct grpc_call *call, struct grpc_blob *blob)
{
        finish_sent(call, grpc_call_send_shared(call, blob));
}

/* Bytes have left the queue. */
void grpc_call_sent(struct grpc_call *call)
{
        if (!call->paused || call->finished || call->drained ||
            grpc_queue_len(&call->out) >= LIMIT_GRPC_QUEUE_BYTES / QUEUE_LOW_DIVISOR)
                return;
        call->drained = true;
        call->session->n_drained++;
}

void grpc_call_drained(struct grpc_call *call)
{
        const struct grpc_call_watch *watch = call->watch;

        call->drained = false;
        call->paused = false;
        call->session->n_drained--;
        if (!call->finished && watch && watch->on_drain)
                watch->on_drain(call, call->arg);
}
