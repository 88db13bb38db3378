/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler says: replies into the call's queue, metadata, and the status that ends it. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/gzip.h"
#include "grpc/session_priv.h"
#include "util/mem.h"

enum {
        MESSAGE_MAX = 4096,     /* of grpc-message: clients accept 8 KiB of trailers, */
        DETAILS_MAX = 2800,     /* and this as base64 is the rest of them */
        QUEUE_HIGH_DIVISOR = 4, /* GRPC_SEND_PAUSE above a quarter of the queue's limit, */
        QUEUE_LOW_DIVISOR = 16, /* on_drain below a sixteenth */
        KEEP_IDLE = 64 * 1024,  /* a queue this large may stay with a stream that has sent all */
};

void grpc_call_wake(struct grpc_call *call)
{
        struct grpc_session *s = call->session;

        if (!s->inside && s->config.on_output)
                s->config.on_output(s->config.arg);
}

static void finish_text(struct grpc_call *call, enum grpc_code code, const char *text)
{
        struct buf message = BUF_NULL(MESSAGE_MAX);

        assert(!call->finished);
        if (code == GRPC_OK && call->messages_out == 0 && !call->target.method->server_streaming) {
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
        grpc_call_wake(call);
}

void grpc_call_finish_va(struct grpc_call *call, enum grpc_code code, const char *fmt, va_list ap)
{
        char text[1024];

        (void)vsnprintf(text, sizeof(text), fmt, ap);
        finish_text(call, code, text);
}

/*
 * The prefix of a message of @len bytes, of which @own are to be written at *ret and the others lie
 * in @n_blobs blobs that follow. False: refused, nothing changed.
 */
static bool message_begin(struct grpc_call *call, size_t len, size_t own, size_t n_blobs,
                          bool compressed, uint8_t **ret)
{
        size_t queued = grpc_queue_len(&call->out);
        uint8_t *at;

        assert(!call->finished);
        assert(call->messages_out == 0 || call->target.method->server_streaming);
        if (len > UINT32_MAX || (queued > 0 && queued + len > LIMIT_GRPC_QUEUE_BYTES) ||
            !grpc_call_charge(call,
                              grpc_queue_held_with(&call->out, GRPC_FRAME_HEAD + own, n_blobs))) {
                call->session->counters->refused_memory++;
                return false;
        }
        at = grpc_queue_reserve(&call->out, GRPC_FRAME_HEAD + own);
        grpc_frame_head(at, compressed, (uint32_t)len);
        *ret = at + GRPC_FRAME_HEAD;
        return true;
}

static enum grpc_send_result message_end(struct grpc_call *call)
{
        call->messages_out++;
        call->session->counters->messages_out++;
        grpc_response_update(call);
        grpc_call_wake(call);
        if (!call->one_by_one &&
            grpc_queue_len(&call->out) < LIMIT_GRPC_QUEUE_BYTES / QUEUE_HIGH_DIVISOR)
                return GRPC_SEND_OK;
        call->paused = true;
        return GRPC_SEND_PAUSE;
}

enum grpc_send_result grpc_call_send_reserve(struct grpc_call *call, size_t len, uint8_t **ret)
{
        if (!message_begin(call, len, len, 0, false, ret))
                return GRPC_SEND_REFUSED;
        return message_end(call);
}

/* Worth to be compressed, as far as one can say before it is done. */
static bool shrinks(const struct grpc_call *call, size_t len)
{
        return call->compress && len >= GRPC_SHRINK_MIN && len <= GRPC_SHRINK_MAX;
}

static void count_shrunk(struct grpc_call *call, size_t before, size_t after)
{
        struct grpc_call_counters *counters = call->session->counters;

        counters->compressed_out++;
        counters->uncompressed_bytes += before;
        counters->compressed_bytes += after;
}

/* A whole message, compressed if that makes it smaller. */
static enum grpc_send_result send_shrunk(struct grpc_call *call, const uint8_t *plain, size_t len)
{
        AUTO_FREE uint8_t *shrunk = xmalloc(len);
        size_t n = grpc_shrink(plain, len, shrunk, len - 1);
        size_t size = n > 0 ? n : len;
        uint8_t *at;

        if (!message_begin(call, size, size, 0, n > 0, &at))
                return GRPC_SEND_REFUSED;
        memcpy(at, n > 0 ? shrunk : plain, size);
        if (n > 0)
                count_shrunk(call, len, n);
        return message_end(call);
}

enum grpc_send_result grpc_call_send(struct grpc_call *call, const ProtobufCMessage *message)
{
        size_t len = protobuf_c_message_get_packed_size(message);
        AUTO_FREE uint8_t *plain = NULL;
        enum grpc_send_result r;
        uint8_t *at;

        if (!shrinks(call, len)) {
                r = grpc_call_send_reserve(call, len, &at);
                if (r != GRPC_SEND_REFUSED)
                        (void)protobuf_c_message_pack(message, at);
                return r;
        }
        plain = xmalloc(len);
        (void)protobuf_c_message_pack(message, plain);
        return send_shrunk(call, plain, len);
}

static void gather(uint8_t *to, const struct grpc_slice *slices, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (slices[i].len > 0)
                        memcpy(to, slices[i].data, slices[i].len);
                to += slices[i].len;
        }
}

enum grpc_send_result grpc_call_send_slices(struct grpc_call *call, const struct grpc_slice *slices,
                                            size_t n)
{
        AUTO_FREE uint8_t *plain = NULL;
        enum grpc_send_result r;
        size_t len = 0;
        uint8_t *at;

        for (size_t i = 0; i < n; i++)
                len += slices[i].len;
        if (!shrinks(call, len)) {
                r = grpc_call_send_reserve(call, len, &at);
                if (r != GRPC_SEND_REFUSED)
                        gather(at, slices, n);
                return r;
        }
        plain = xmalloc(len);
        gather(plain, slices, n);
        return send_shrunk(call, plain, len);
}

static void release(struct grpc_call *call, struct grpc_blob *const *blobs, size_t n)
{
        for (size_t i = 0; i < n; i++)
                grpc_blob_release(blobs[i], &call->session->account);
}

static enum grpc_send_result send_held(struct grpc_call *call, struct grpc_blob *const *blobs,
                                       size_t n, bool compressed)
{
        struct grpc_account *account = &call->session->account;
        size_t len = 0;
        uint8_t *at;

        for (size_t i = 0; i < n; i++) {
                len += blobs[i]->len;
                if (!grpc_blob_hold(blobs[i], account)) {
                        release(call, blobs, i);
                        call->session->counters->refused_memory++;
                        return GRPC_SEND_REFUSED;
                }
        }
        if (!message_begin(call, len, 0, n, compressed, &at)) {
                release(call, blobs, n);
                return GRPC_SEND_REFUSED;
        }
        for (size_t i = 0; i < n; i++)
                grpc_queue_add_blob_consume(&call->out, blobs[i], account);
        return message_end(call);
}

enum grpc_send_result grpc_call_send_blobs(struct grpc_call *call, struct grpc_blob *const *blobs,
                                           size_t n)
{
        AUTO_FREE struct grpc_slice *slices = NULL;
        size_t len = 0;

        if (n == 1)
                return grpc_call_send_shared(call, blobs[0]);
        for (size_t i = 0; i < n; i++)
                len += blobs[i]->len;
        if (!shrinks(call, len))
                return send_held(call, blobs, n, false);
        slices = xcalloc(n, sizeof(*slices));
        for (size_t i = 0; i < n; i++)
                slices[i] = (struct grpc_slice){ blobs[i]->data, blobs[i]->len };
        return grpc_call_send_slices(call, slices, n);
}

enum grpc_send_result grpc_call_send_shared(struct grpc_call *call, struct grpc_blob *blob)
{
        struct grpc_blob *shrunk = shrinks(call, blob->len) ? grpc_blob_shrink(blob) : NULL;
        enum grpc_send_result r = send_held(call, shrunk ? &shrunk : &blob, 1, shrunk != NULL);

        if (shrunk && r != GRPC_SEND_REFUSED)
                count_shrunk(call, blob->len, shrunk->len);
        return r;
}

void grpc_call_start(struct grpc_call *call)
{
        assert(!call->finished);
        if (call->started)
                return;
        grpc_response_update(call);
        grpc_call_wake(call);
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
        AUTO(buf_done) struct buf status = BUF_NULL(DETAILS_MAX);

        if (grpc_status_encode(code, text, details, n, &status) == 0) {
                if (!call->trailers)
                        call->trailers = grpc_metadata_new();
                (void)grpc_metadata_send_reserved(call->trailers, "grpc-status-details-bin",
                                                  status.data, status.len);
        }
        finish_text(call, code, text);
}

static void finish_sent(struct grpc_call *call, enum grpc_send_result r)
{
        if (r == GRPC_SEND_REFUSED)
                finish_text(call, GRPC_RESOURCE_EXHAUSTED, GRPC_TEXT_FULL);
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

void grpc_call_reply_slices(struct grpc_call *call, const struct grpc_slice *slices, size_t n)
{
        finish_sent(call, grpc_call_send_slices(call, slices, n));
}

static bool add_metadata(struct grpc_call *call, struct grpc_metadata **list, const char *key,
                         const void *value, size_t len)
{
        enum {
                EACH = 256,
                EACH_BYTE = 4
        }; /* more than a field can take, with buffers that double */
        size_t more = EACH + EACH_BYTE * (strlen(key) + len);
        bool added;

        assert(!call->finished);
        if (!grpc_account_set(&call->session->account, &call->charged, call->charged + more))
                return false;
        if (!*list)
                *list = grpc_metadata_new();
        added = grpc_metadata_send(*list, key, value, len) == 0;
        (void)grpc_call_charge(call, grpc_queue_held(&call->out));
        return added;
}

bool grpc_call_add_header(struct grpc_call *call, const char *key, const void *value, size_t len)
{
        return !call->started && add_metadata(call, &call->headers, key, value, len);
}

bool grpc_call_add_trailer(struct grpc_call *call, const char *key, const void *value, size_t len)
{
        return add_metadata(call, &call->trailers, key, value, len);
}

void grpc_call_compress(struct grpc_call *call, enum grpc_compression when)
{
        bool wanted =
                when == GRPC_COMPRESS_ACCEPTED ||
                (when == GRPC_COMPRESS_ALIKE && (call->head.encoding == GRPC_ENCODING_GZIP ||
                                                 call->head.encoding == GRPC_ENCODING_DEFLATE));

        call->compress =
                wanted && call->head.accepts_gzip && (!call->started || call->compress_named);
}

void grpc_call_one_by_one(struct grpc_call *call)
{
        assert(!call->finished);
        call->one_by_one = true;
}

static size_t low_mark(const struct grpc_call *call)
{
        return call->one_by_one ? 1 : LIMIT_GRPC_QUEUE_BYTES / QUEUE_LOW_DIVISOR;
}

/* Bytes have left the queue. */
void grpc_call_sent(struct grpc_call *call)
{
        /* A subscriber may wait for days for the next: not with the memory of the last. */
        if (!call->finished && call->out.cap > KEEP_IDLE && grpc_queue_len(&call->out) == 0) {
                grpc_queue_reset(&call->out, KEEP_IDLE);
                (void)grpc_call_charge(call, grpc_queue_held(&call->out));
        }
        if (!call->paused || call->finished || call->drained ||
            grpc_queue_len(&call->out) >= low_mark(call))
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
