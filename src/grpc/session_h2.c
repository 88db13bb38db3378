/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP/2 side: nghttp2's callbacks, and the limits it leaves to its user. nghttp2 checks
 * frames, header blocks and flow control, and answers SETTINGS and PING; what it does not is in
 * call.c and here: how much a client may make us do or hold. on_stream_close never fails: nghttp2
 * before 1.55.1 leaks the stream then (CVE-2023-35945). A header block of too many CONTINUATIONs
 * ends the connection by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "grpc/session_priv.h"

enum {
        /*
         * Streams the client may reset, at once and per second, before GOAWAY ("rapid reset",
         * CVE-2023-44487).
         */
        RESET_BURST = 500,
        RESET_RATE = 50,
        ACKS_MAX = 1000,      /* unsent answers to SETTINGS and PING */
        SETTINGS_MAX = 32,    /* entries of one SETTINGS frame */
        HEADER_FATAL = 65536, /* a header block this large is not worth an answer on its stream */
};

const uint8_t grpc_session_drain_ping[8] = { 'g', 'o', 'o', 'd', ' ', 'b', 'y', 'e' };

static struct grpc_call *call_of(struct grpc_session *s, int32_t stream_id)
{
        return nghttp2_session_get_stream_user_data(s->h2, stream_id);
}

void grpc_session_terminate(struct grpc_session *s, enum grpc_end end, uint32_t error)
{
        if (s->end == GRPC_END_CLIENT)
                s->end = end;
        (void)nghttp2_session_terminate_session(s->h2, error);
}

/* The largest SETTINGS_INITIAL_WINDOW_SIZE that leaves every stream's window within its maximum. */
static int64_t initial_window_max(const struct grpc_session *s)
{
        int64_t initial =
                nghttp2_session_get_remote_settings(s->h2, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
        int64_t widest = 0;

        for (const struct grpc_call *call = s->calls; call; call = call->next) {
                int64_t window =
                        nghttp2_session_get_stream_remote_window_size(s->h2, call->stream_id);

                widest = window > widest ? window : widest;
        }
        return INT32_MAX - widest + initial;
}

static int on_begin_frame(nghttp2_session *h2, const nghttp2_frame_hd *hd, void *user_data)
{
        struct grpc_session *s = user_data;

        (void)h2;
        /* nghttp2 ignores such streams silently. */
        if (hd->type == NGHTTP2_HEADERS && hd->stream_id % 2 == 1 &&
            !grpc_guard_stream(&s->guard, hd->stream_id))
                grpc_session_terminate(s, GRPC_END_PROTOCOL, NGHTTP2_PROTOCOL_ERROR);
        else if (hd->type == NGHTTP2_SETTINGS)
                s->initial_window_max = initial_window_max(s);
        return 0;
}

static void take_settings(struct grpc_session *s, const nghttp2_frame *frame)
{
        s->established = true;
        if (frame->hd.flags & NGHTTP2_FLAG_ACK)
                grpc_keepalive_settings_acked(&s->keepalive);
        /* RFC 9113 section 6.9.2; nghttp2 ends no more than the stream. */
        else if (nghttp2_session_get_remote_settings(s->h2, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE) >
                 s->initial_window_max)
                grpc_session_terminate(s, GRPC_END_PROTOCOL, NGHTTP2_FLOW_CONTROL_ERROR);
}

void grpc_session_complete(struct grpc_call *call)
{
        call->session->n_incomplete -= call->incomplete;
        call->incomplete = false;
}

static int on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame, void *user_data)
{
        struct grpc_session *s = user_data;
        struct grpc_call *call;

        if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
                return 0;
        call = grpc_call_new(s, frame->hd.stream_id);
        call->incomplete = true;
        call->heard = call->sent = s->now;
        if (s->n_incomplete++ == 0)
                s->stall_at = s->now + s->config.request_stall_timeout;
        s->config.stats->streams++;
        s->config.stats->streams_opened++;
        if (s->n_calls == 1)
                grpc_keepalive_calls(&s->keepalive, 1, s->now);
        (void)nghttp2_session_set_stream_user_data(h2, frame->hd.stream_id, call);
        return 0;
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user_data)
{
        struct grpc_call *call = call_of(user_data, frame->hd.stream_id);

        (void)h2;
        (void)flags;
        if (!call || call->headed) /* request trailers mean nothing to us */
                return 0;
        grpc_call_header(call, (const char *)name, name_len, (const char *)value, value_len);
        return call->head.bytes > HEADER_FATAL ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
}

void grpc_session_final_goaway(struct grpc_session *s)
{
        s->drain = DRAIN_FINAL;
        (void)nghttp2_submit_goaway(s->h2, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(s->h2),
                                    NGHTTP2_NO_ERROR, NULL, 0);
}

static void take_ping(struct grpc_session *s, const nghttp2_frame *frame)
{
        static const char too_many[] = "too_many_pings"; /* gRFC A8: clients know it by this */

        if (frame->hd.flags & NGHTTP2_FLAG_ACK) {
                if (s->drain == DRAIN_NOTICED &&
                    memcmp(frame->ping.opaque_data, grpc_session_drain_ping,
                           sizeof(grpc_session_drain_ping)) == 0)
                        grpc_session_final_goaway(s);
                return;
        }
        s->config.stats->pings_received++;
        if (grpc_keepalive_client_ping(&s->keepalive, s->n_calls, s->now))
                return;
        if (s->end == GRPC_END_CLIENT)
                s->end = GRPC_END_PINGS;
        (void)nghttp2_submit_goaway(
                s->h2, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(s->h2),
                NGHTTP2_ENHANCE_YOUR_CALM, (const uint8_t *)too_many, sizeof(too_many) - 1);
}

static int on_frame_recv(nghttp2_session *h2, const nghttp2_frame *frame, void *user_data)
{
        struct grpc_session *s = user_data;
        struct grpc_call *call;

        (void)h2;
        if (frame->hd.type == NGHTTP2_SETTINGS) {
                take_settings(s, frame);
        } else if (frame->hd.type == NGHTTP2_PING) {
                take_ping(s, frame);
        } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
                s->config.stats->resets_received++;
        } else if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) {
                call = call_of(s, frame->hd.stream_id);
                if (call && !call->headed)
                        grpc_call_headed(call);
                if (call && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
                        grpc_session_complete(call);
                        grpc_call_half_close(call);
                }
        }
        return 0;
}

static int on_data_chunk(nghttp2_session *h2, uint8_t flags, int32_t stream_id, const uint8_t *data,
                         size_t len, void *user_data)
{
        struct grpc_call *call = call_of(user_data, stream_id);

        (void)flags;
        if (call)
                call->heard = call->session->now;
        /* What the call keeps is bounded and charged, so the windows may open again. */
        (void)nghttp2_session_consume_connection(h2, len);
        if (call && !call->finished)
                grpc_call_data(call, data, len);
        else
                (void)nghttp2_session_consume_stream(h2, stream_id, len);
        return 0;
}

static int on_stream_close(nghttp2_session *h2, int32_t stream_id, uint32_t error, void *user_data)
{
        struct grpc_session *s = user_data;
        struct grpc_call *call = call_of(s, stream_id);

        (void)h2;
        (void)error;
        if (!call)
                return 0;
        grpc_session_complete(call);
        grpc_call_cancel(call, GRPC_CANCELLED);
        grpc_call_free(call);
        s->config.stats->streams--;
        if (s->n_calls == 0)
                grpc_keepalive_calls(&s->keepalive, 0, s->now);
        return 0;
}

static void goaway_sent(struct grpc_session *s, uint32_t error)
{
        s->config.stats->goaways_sent++;
        if (error == NGHTTP2_NO_ERROR)
                return;
        s->gone = true;
        if (s->end == GRPC_END_CLIENT)
                s->end = error == NGHTTP2_ENHANCE_YOUR_CALM ? GRPC_END_FLOOD : GRPC_END_PROTOCOL;
}

static int on_frame_send(nghttp2_session *h2, const nghttp2_frame *frame, void *user_data)
{
        struct grpc_session *s = user_data;
        int32_t id = frame->hd.stream_id;

        if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)
                grpc_keepalive_answered(&s->keepalive);
        if (frame->hd.type == NGHTTP2_GOAWAY) {
                goaway_sent(s, frame->goaway.error_code);
        } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
                s->config.stats->resets_sent++;
                /* These two cost us no more than they cost the client. */
                if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
                    frame->rst_stream.error_code != NGHTTP2_REFUSED_STREAM &&
                    !grpc_guard_reset(&s->guard, s->now))
                        grpc_session_terminate(s, GRPC_END_FLOOD, NGHTTP2_ENHANCE_YOUR_CALM);
        } else if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                   (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
                   nghttp2_session_get_stream_remote_close(h2, id) == 0) {
                /*
                 * Answered before the request was complete: the rest is not wanted (RFC 9113
                 * section 8.1).
                 */
                (void)nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
        }
        return 0;
}

nghttp2_session *grpc_session_h2_new(struct grpc_session *s)
{
        nghttp2_session_callbacks *callbacks;
        nghttp2_session *h2 = NULL;
        nghttp2_option *option;

        if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0)
                abort();
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
        nghttp2_session_callbacks_set_send_data_callback(callbacks, grpc_response_send_data);
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_stream_reset_rate_limit(option, RESET_BURST, RESET_RATE);
        nghttp2_option_set_max_outbound_ack(option, ACKS_MAX);
        nghttp2_option_set_max_settings(option, SETTINGS_MAX);
        if (nghttp2_session_server_new2(&h2, callbacks, s, option) != 0)
                abort();
        nghttp2_option_del(option);
        nghttp2_session_callbacks_del(callbacks);
        return h2;
}
