/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP/2 side: nghttp2's callbacks, and the limits it leaves to its user. nghttp2 checks
 * frames, header blocks and flow control, and answers SETTINGS and PING; what it does not is in
 * call.c and here: how much a client may make us do or hold. on_stream_close never fails: nghttp2
 * before 1.55.1 leaks the stream then (CVE-2023-35945).
 */
#include "grpc/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/session_priv.h"
#include "util/mem.h"

enum {
        /*
         * Streams the client may reset, at once and per second, before GOAWAY ("rapid reset",
         * CVE-2023-44487).
         */
        RESET_BURST = 500,
        RESET_RATE = 50,
        /* Streams it may make us reset: the same attack by way of our own error handling. */
        OWN_RESET_BURST = 500,
        OWN_RESET_RATE = 50,
        ACKS_MAX = 1000,      /* unsent answers to SETTINGS and PING */
        SETTINGS_MAX = 32,    /* entries of one SETTINGS frame */
        HEADER_FATAL = 65536, /* a header block this large is not worth an answer on its stream */
};

static const nsec drain_wait = NSEC_PER_SEC / 2; /* for the round trip between the two GOAWAYs */

static struct grpc_call *call_of(struct grpc_session *s, int32_t stream_id)
{
        return nghttp2_session_get_stream_user_data(s->h2, stream_id);
}

static int on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame, void *user_data)
{
        if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
                (void)nghttp2_session_set_stream_user_data(
                        h2, frame->hd.stream_id, grpc_call_new(user_data, frame->hd.stream_id));
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
        grpc_head_add(&call->head, (const char *)name, name_len, (const char *)value, value_len);
        return call->head.bytes > HEADER_FATAL ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
}

static void send_final_goaway(struct grpc_session *s)
{
        s->drain = DRAIN_FINAL;
        (void)nghttp2_submit_goaway(s->h2, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(s->h2),
                                    NGHTTP2_NO_ERROR, NULL, 0);
}

static int on_frame_recv(nghttp2_session *h2, const nghttp2_frame *frame, void *user_data)
{
        struct grpc_session *s = user_data;
        struct grpc_call *call;

        (void)h2;
        if (frame->hd.type == NGHTTP2_SETTINGS) {
                s->established = true;
        } else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK)) {
                if (s->drain == DRAIN_NOTICED)
                        send_final_goaway(s);
        } else if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) {
                call = call_of(s, frame->hd.stream_id);
                if (call && !call->headed)
                        grpc_call_headed(call);
                if (call && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
                        grpc_call_half_close(call);
        }
        return 0;
}

static int on_data_chunk(nghttp2_session *h2, uint8_t flags, int32_t stream_id, const uint8_t *data,
                         size_t len, void *user_data)
{
        struct grpc_call *call = call_of(user_data, stream_id);

        (void)flags;
        if (call && !call->finished)
                grpc_call_data(call, data, len);
        /* What the call keeps is bounded and charged, so the window may open again. */
        (void)nghttp2_session_consume(h2, stream_id, len);
        return 0;
}

static int on_stream_close(nghttp2_session *h2, int32_t stream_id, uint32_t error, void *user_data)
{
        struct grpc_call *call = call_of(user_data, stream_id);

        (void)h2;
        (void)error;
        if (call) {
                grpc_call_cancel(call);
                grpc_call_free(call);
        }
        return 0;
}

static void count_own_reset(struct grpc_session *s)
{
        uint64_t gained = (uint64_t)((s->now - s->resets_at) / NSEC_PER_SEC) * OWN_RESET_RATE;

        if (gained > 0) {
                s->resets_left = gained > OWN_RESET_BURST - s->resets_left
                                         ? OWN_RESET_BURST
                                         : s->resets_left + gained;
                s->resets_at = s->now;
        }
        if (s->resets_left == 0)
                (void)nghttp2_session_terminate_session(s->h2, NGHTTP2_ENHANCE_YOUR_CALM);
        else
                s->resets_left--;
}

static int on_frame_send(nghttp2_session *h2, const nghttp2_frame *frame, void *user_data)
{
        int32_t id = frame->hd.stream_id;

        if (frame->hd.type == NGHTTP2_RST_STREAM) {
                /* These two cost us no more than they cost the client. */
                if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
                    frame->rst_stream.error_code != NGHTTP2_REFUSED_STREAM)
                        count_own_reset(user_data);
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

static nghttp2_session *session_h2_new(struct grpc_session *s)
{
        nghttp2_session_callbacks *callbacks;
        nghttp2_session *h2 = NULL;
        nghttp2_option *option;

        if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0)
                abort();
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

struct grpc_session *grpc_session_new(const struct grpc_session_config *config)
{
        static const nghttp2_settings_entry settings[] = {
                { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, LIMIT_GRPC_STREAMS },
                { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, LIMIT_GRPC_HEADER_BYTES },
        };
        struct grpc_session *s = xcalloc(1, sizeof(*s));

        s->config = *config;
        s->account.memory = config->memory;
        s->resets_left = OWN_RESET_BURST;
        s->h2 = session_h2_new(s);
        if (nghttp2_submit_settings(s->h2, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings)) != 0)
                abort();
        return s;
}

struct grpc_session *grpc_session_free(struct grpc_session *s)
{
        if (!s)
                return NULL;
        s->inside = true;
        while (s->calls) {
                grpc_call_cancel(s->calls);
                grpc_call_free(s->calls);
        }
        while (s->free_calls) {
                struct grpc_call *call = s->free_calls;

                s->free_calls = call->next;
                free(call->out.data);
                free(call);
        }
        nghttp2_session_del(s->h2);
        free(s);
        return NULL;
}

int grpc_session_receive(struct grpc_session *s, const void *data, size_t len, nsec now)
{
        ssize_t n;

        if (s->broken)
                return -1;
        s->now = now;
        s->inside = true;
        n = nghttp2_session_mem_recv(s->h2, data, len);
        s->inside = false;
        if (n != (ssize_t)len)
                s->broken = true;
        return s->broken ? -1 : 0;
}

static void run_drained(struct grpc_session *s)
{
        /* Calls are freed by nghttp2's callbacks only, and none of those runs here. */
        for (struct grpc_call *call = s->calls; call && s->n_drained > 0; call = call->next)
                if (call->drained)
                        grpc_call_drained(call);
}

/* False when the buffer is full. */
static bool take_chunk(struct grpc_session *s)
{
        size_t room = s->out_size - s->out_len;
        size_t n = s->chunk_len < room ? s->chunk_len : room;

        if (n > 0) {
                memcpy(s->out + s->out_len, s->chunk, n);
                s->out_len += n;
                s->chunk += n;
                s->chunk_len -= n;
        }
        return s->chunk_len == 0;
}

size_t grpc_session_send(struct grpc_session *s, uint8_t *to, size_t size)
{
        assert(size >= GRPC_SESSION_SEND_MIN);
        s->out = to;
        s->out_len = 0;
        s->out_size = size;
        s->inside = true;
        while (take_chunk(s)) {
                ssize_t n;

                s->send_blocked = false;
                n = nghttp2_session_mem_send(s->h2, &s->chunk);
                if (n < 0) {
                        s->broken = true;
                        break;
                }
                s->chunk_len = (size_t)n;
                if (n == 0 && !s->send_blocked && s->n_drained > 0)
                        run_drained(s);
                else if (n == 0)
                        break;
        }
        s->inside = false;
        s->out = NULL;
        return s->out_len;
}

nsec grpc_session_deadline(const struct grpc_session *s)
{
        nsec at = s->drain == DRAIN_NOTICED ? s->drain_at : INT64_MAX;

        return s->deadlines && s->deadlines->deadline < at ? s->deadlines->deadline : at;
}

void grpc_session_tick(struct grpc_session *s, nsec now)
{
        s->now = now;
        s->inside = true;
        while (s->deadlines && s->deadlines->deadline <= now)
                grpc_call_expire(s->deadlines);
        if (s->drain == DRAIN_NOTICED && s->drain_at <= now)
                send_final_goaway(s);
        s->inside = false;
}

bool grpc_session_alive(const struct grpc_session *s)
{
        return !s->broken && (s->chunk_len > 0 || nghttp2_session_want_read(s->h2) ||
                              nghttp2_session_want_write(s->h2));
}

bool grpc_session_established(const struct grpc_session *s)
{
        return s->established;
}

void grpc_session_drain(struct grpc_session *s, nsec now)
{
        if (s->drain != DRAIN_NO)
                return;
        s->drain = DRAIN_NOTICED;
        s->drain_at = now + drain_wait;
        /*
         * Calls the client sent before it hears of it are still served: last stream id 2^31-1
         * first.
         */
        (void)nghttp2_submit_shutdown_notice(s->h2);
        (void)nghttp2_submit_ping(s->h2, NGHTTP2_FLAG_NONE, NULL);
}

size_t grpc_session_calls(const struct grpc_session *s)
{
        return s->n_calls;
}
