/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a request's bytes to its handler: frames, decompression, the wire check, messages. A
 * handler that does not keep up stops it (grpc_call_pause_receive): what has arrived waits here, at
 * most a window of it, since the client gets no new room in its stream's window before all that is
 * handed out. The connection's window is another matter: it is given back at once, or one slow call
 * would stop the others.
 */
#include <assert.h>
#include <stdlib.h>

#include "grpc/gzip.h"
#include "grpc/session_priv.h"
#include "grpc/wire_check.h"
#include "util/auto.h"

enum {
        CHARGE_MIN = 4096, /* smaller requests are held for free: a stream itself takes as much */
        IGNORED_MAX =
                65535, /* bytes of a request that is no call, before it is answered: a window */
};

/* The message itself: *data, *len, *ret_owned when it had to be decompressed. False: refused. */
static bool expand(struct grpc_call *call, struct grpc_frame *frame, uint8_t **ret_owned)
{
        enum grpc_encoding encoding = call->head.encoding;
        size_t len;

        if (!frame->compressed)
                return true;
        if (encoding == GRPC_ENCODING_UNKNOWN) {
                grpc_call_refuse(call, GRPC_UNIMPLEMENTED,
                                 "the request's compression is not supported");
                return false;
        }
        if (encoding == GRPC_ENCODING_IDENTITY) {
                grpc_call_refuse(call, GRPC_INTERNAL, "compressed message without grpc-encoding");
                return false;
        }
        switch (grpc_expand(encoding, frame->data, frame->len, call->in.max, ret_owned, &len)) {
        case GRPC_EXPAND_OK:
                call->session->counters->compressed_in++;
                frame->data = *ret_owned;
                frame->len = len;
                return true;
        case GRPC_EXPAND_TOO_LARGE:
                grpc_call_refuse(call, GRPC_RESOURCE_EXHAUSTED,
                                 "received message larger than max after decompression (%zu)",
                                 call->in.max);
                return false;
        case GRPC_EXPAND_CORRUPT:
                break;
        }
        grpc_call_refuse(call, GRPC_INTERNAL, "cannot decompress the request");
        return false;
}

static void keep_request(struct grpc_call *call, ProtobufCMessage *m, size_t held)
{
        call->request = m;
        grpc_frame_done(&call->in);
        if (held < CHARGE_MIN)
                return;
        call->request_held = held;
        if (!grpc_call_charge(call, grpc_queue_held(&call->out)))
                grpc_call_refuse_full(call);
}

static void take_message(struct grpc_call *call, struct grpc_frame *frame)
{
        AUTO(grpc_message_freep) ProtobufCMessage *m = NULL;
        const struct grpc_method *method = call->target.method;
        AUTO_FREE uint8_t *owned = NULL;
        size_t held;
        struct err e;

        call->messages_in++;
        call->message_compressed = frame->compressed;
        call->session->counters->messages_in++;
        /* statuscodes.md: "Request cardinality violation". Before any work for it. */
        if (call->request) {
                grpc_call_refuse(call, GRPC_UNIMPLEMENTED, "more than one request message");
                return;
        }
        if (!expand(call, frame, &owned))
                return;
        if (grpc_wire_unpack_held(method->input, frame->data, frame->len, LIMIT_GRPC_FIELDS, &m,
                                  &held, &e) < 0) {
                grpc_call_refuse(call,
                                 e.kind == ERR_LIMIT ? GRPC_RESOURCE_EXHAUSTED : GRPC_INTERNAL,
                                 "cannot decode the request: %s", e.text);
                return;
        }
        if (!method->client_streaming)
                keep_request(call, TAKE_PTR(m), held);
        else if (call->watch && call->watch->on_message)
                call->watch->on_message(call, m, call->arg);
}

/* Messages from *data on, until they are used up, the call ends, or the handler wants no more. */
static void feed(struct grpc_call *call, const uint8_t **data, size_t *len)
{
        struct grpc_frame frame;

        while (!call->finished && !call->receive_paused) {
                switch (grpc_frame_feed(&call->in, data, len, &frame)) {
                case GRPC_FRAME_MESSAGE:
                        take_message(call, &frame);
                        break;
                case GRPC_FRAME_MORE:
                        if (!grpc_call_charge(call, grpc_queue_held(&call->out)))
                                grpc_call_refuse_full(call);
                        return;
                case GRPC_FRAME_TOO_LARGE:
                        grpc_call_refuse(call, GRPC_RESOURCE_EXHAUSTED,
                                         "received message larger than max (%zu vs. %zu)",
                                         frame.len, call->in.max);
                        return;
                case GRPC_FRAME_BAD_FLAG:
                        grpc_call_refuse(call, GRPC_INTERNAL, "malformed message prefix");
                        return;
                }
        }
}

static size_t waits(const struct grpc_call *call)
{
        return call->waiting.len - call->waiting_at;
}

static void wait_with(struct grpc_call *call, const uint8_t *data, size_t len)
{
        if (call->finished || len == 0)
                return;
        call->waiting.max = LIMIT_GRPC_MESSAGE_BYTES; /* the window is smaller */
        if (buf_append(&call->waiting, data, len) < 0 ||
            !grpc_call_charge(call, grpc_queue_held(&call->out)))
                grpc_call_refuse_full(call);
}

void grpc_call_data(struct grpc_call *call, const uint8_t *data, size_t len)
{
        size_t all = len;

        call->bytes_in += len;
        call->session->counters->bytes_in += len;
        if (call->http_error) {
                if (call->bytes_in > IGNORED_MAX)
                        grpc_response_http_error(call);
                (void)nghttp2_session_consume_stream(call->session->h2, call->stream_id, len);
                return;
        }
        if (waits(call) == 0) {
                call->receiving = true;
                feed(call, &data, &len);
                call->receiving = false;
        }
        wait_with(call, data, len);
        if (waits(call) > 0)
                call->withheld += all;
        else
                (void)nghttp2_session_consume_stream(call->session->h2, call->stream_id, all);
}

static void end_of_messages(struct grpc_call *call)
{
        const struct grpc_method *method = call->target.method;

        call->input_over = true;
        if (grpc_frame_partial(&call->in))
                grpc_call_refuse(call, GRPC_INTERNAL, "the request ends within a message");
        else if (method->client_streaming) {
                if (call->watch && call->watch->on_half_close)
                        call->watch->on_half_close(call, call->arg);
        } else if (!call->request)
                grpc_call_refuse(call, GRPC_UNIMPLEMENTED, "no request message");
        else
                grpc_call_dispatch(call);
}

void grpc_call_half_close(struct grpc_call *call)
{
        call->half_closed = true;
        /*
         * Whoever speaks plain HTTP expects the answer to a request after it: one that comes before
         * resets the stream, and hides the answer from many of them.
         */
        if (!call->finished && call->http_error)
                grpc_response_http_error(call);
        else if (!call->finished && !call->receive_paused && waits(call) == 0)
                end_of_messages(call);
}

void grpc_call_pause_receive(struct grpc_call *call)
{
        assert(!call->finished);
        call->receive_paused = true;
}

void grpc_call_resume_receive(struct grpc_call *call)
{
        size_t len = waits(call);

        assert(!call->finished);
        if (!call->receive_paused)
                return;
        call->receive_paused = false;
        if (call->receiving)
                return;
        if (len > 0) {
                const uint8_t *data = call->waiting.data + call->waiting_at;

                call->receiving = true;
                feed(call, &data, &len);
                call->receiving = false;
                call->waiting_at = call->waiting.len - len;
        }
        if (!call->finished && len > 0)
                return; /* paused again */
        buf_done(&call->waiting);
        call->waiting_at = 0;
        (void)grpc_call_charge(call, grpc_queue_held(&call->out)); /* less than before */
        (void)nghttp2_session_consume_stream(call->session->h2, call->stream_id, call->withheld);
        call->withheld = 0;
        if (!call->finished && !call->receive_paused && call->half_closed && !call->input_over)
                end_of_messages(call);
        grpc_call_wake(call);
}
