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
        ACKS_MAX = 1000,      /* unsent answers to SETTINGS and PING */
        SETTINGS_MAX = 32,    /* entries of one SETTINGS frame */
        HEADER_FATAL = 65536, /* a header block this large is not worth an answer on its stream */
};

static const nsec drain_wait = NSEC_PER_SEC / 2; /* for the round trip between the two GOAWAYs */

static const uint8_t drain_ping[8] = { 'g', 'o', 'o', 'd', ' ', 'b', 'y', 'e' };

static struct grpc_call *call_of(struct grpc_session *s, int32_t stream_id)
{
        return nghttp2_session_get_stream_user_data(s->h2, stream_id);
}

/* Ends the connection with an error, and remembers why, unless there is a reason already. */
static void terminate(struct grpc_session *s, enum grpc_end end, uint32_t error)
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
                terminate(s, GRPC_END_PROTOCOL, NGHTTP2_PROTOCOL_ERROR);
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
                terminate(s, GRPC_END_PROTOCOL, NGHTTP2_FLOW_CONTROL_ERROR);
}

/* The request of @call is complete, or the stream over. */
static void set_complete(struct grpc_call *call)
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

static void send_final_goaway(struct grpc_session *s)
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
                    memcmp(frame->ping.opaque_data, drain_ping, sizeof(drain_ping)) == 0)
                        send_final_goaway(s);
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
                        set_complete(call);
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
        set_complete(call);
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
                        terminate(s, GRPC_END_FLOOD, NGHTTP2_ENHANCE_YOUR_CALM);
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

struct grpc_session *grpc_session_new(const struct grpc_session_config *config)
{
        static const nghttp2_settings_entry settings[] = {
                { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, LIMIT_GRPC_STREAMS },
                { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, LIMIT_GRPC_HEADER_BYTES },
        };
        struct grpc_session *s = xcalloc(1, sizeof(*s));

        s->config = *config;
        s->account.memory = config->memory;
        if (s->config.request_stall_timeout == 0)
                s->config.request_stall_timeout = 60 * NSEC_PER_SEC;
        grpc_guard_init(&s->guard);
        s->counters = config->counters ? config->counters : &s->own_counters;
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
        s->config.stats->streams -= s->n_calls;
        while (s->calls) {
                grpc_call_cancel(s->calls, GRPC_CANCELLED);
                grpc_call_free(s->calls);
        }
        while (s->free_calls) {
                struct grpc_call *call = s->free_calls;

                s->free_calls = call->next;
                grpc_queue_done(&call->out);
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
        if (!s->begun) {
                s->begun = true; /* our SETTINGS go out with the answer to this */
                grpc_keepalive_init(&s->keepalive, s->config.keepalive, s->config.any_pings,
                                    s->config.spread, now);
        }
        grpc_keepalive_heard(&s->keepalive, now);
        s->inside = true;
        n = nghttp2_session_mem_recv(s->h2, data, len);
        s->inside = false;
        if (n != (ssize_t)len) {
                s->broken = true;
                if (s->end == GRPC_END_CLIENT)
                        s->end = n == NGHTTP2_ERR_FLOODED ? GRPC_END_FLOOD : GRPC_END_PROTOCOL;
        }
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

static nsec earliest(nsec a, nsec b)
{
        return a < b ? a : b;
}

nsec grpc_session_deadline(const struct grpc_session *s)
{
        nsec at = s->drain == DRAIN_NOTICED ? s->drain_at : INT64_MAX;

        if (s->deadlines)
                at = earliest(at, s->deadlines->deadline);
        if (s->n_incomplete > 0)
                at = earliest(at, s->stall_at);
        return s->begun ? earliest(at, grpc_keepalive_deadline(&s->keepalive)) : at;
}

/* Requests that began and do not go on. */
static void check_stalls(struct grpc_session *s)
{
        nsec limit = s->config.request_stall_timeout;
        struct grpc_call *next;

        s->stall_at = s->now + limit;
        for (struct grpc_call *call = s->calls; call; call = next) {
                next = call->next;
                if (!call->incomplete)
                        continue;
                if (!grpc_call_owes_bytes(call))
                        call->heard = s->now; /* its time begins when it owes some again */
                if (s->now - call->heard < limit) {
                        s->stall_at = earliest(s->stall_at, call->heard + limit);
                } else if (!call->headed) {
                        /* Within a header block nothing else can be said on the connection. */
                        terminate(s, GRPC_END_STALLED, NGHTTP2_ENHANCE_YOUR_CALM);
                } else {
                        set_complete(call);
                        grpc_call_stalled(call);
                }
        }
}

static void check_keepalive(struct grpc_session *s)
{
        for (;;) {
                switch (grpc_keepalive_tick(&s->keepalive, s->now)) {
                case GRPC_KEEPALIVE_NOTHING:
                        return;
                case GRPC_KEEPALIVE_PING:
                        (void)nghttp2_submit_ping(s->h2, NGHTTP2_FLAG_NONE, NULL);
                        break;
                case GRPC_KEEPALIVE_DRAIN_IDLE:
                        grpc_session_drain(s, GRPC_END_IDLE, s->now);
                        break;
                case GRPC_KEEPALIVE_DRAIN_AGE:
                        grpc_session_drain(s, GRPC_END_AGE, s->now);
                        break;
                case GRPC_KEEPALIVE_CLOSE_SILENT:
                        s->end = GRPC_END_KEEPALIVE;
                        s->broken = true;
                        break;
                case GRPC_KEEPALIVE_CLOSE_AGE:
                        s->broken = true;
                        break;
                case GRPC_KEEPALIVE_CLOSE_SETTINGS:
                        terminate(s, GRPC_END_SETTINGS_TIME, NGHTTP2_SETTINGS_TIMEOUT);
                        break;
                }
        }
}

void grpc_session_tick(struct grpc_session *s, nsec now)
{
        s->now = now;
        s->inside = true;
        while (s->deadlines && s->deadlines->deadline <= now)
                grpc_call_expire(s->deadlines);
        if (s->n_incomplete > 0 && s->stall_at <= now)
                check_stalls(s);
        if (s->drain == DRAIN_NOTICED && s->drain_at <= now)
                send_final_goaway(s);
        if (s->begun)
                check_keepalive(s);
        s->inside = false;
}

size_t grpc_session_shed(struct grpc_session *s, nsec before)
{
        size_t n = 0;

        for (struct grpc_call *call = s->calls; call; call = call->next) {
                if (call->charged == 0 || call->sent >= before || call->heard >= before)
                        continue;
                grpc_call_cancel(call, GRPC_RESOURCE_EXHAUSTED);
                (void)nghttp2_submit_rst_stream(s->h2, NGHTTP2_FLAG_NONE, call->stream_id,
                                                NGHTTP2_CANCEL);
                n++;
        }
        return n;
}

bool grpc_session_alive(const struct grpc_session *s)
{
        /* nghttp2 thinks that all is said after the first GOAWAY if no call runs; one may be coming. */
        return !s->broken && !s->gone &&
               (s->drain == DRAIN_NOTICED || s->chunk_len > 0 || nghttp2_session_want_read(s->h2) ||
                nghttp2_session_want_write(s->h2));
}

bool grpc_session_established(const struct grpc_session *s)
{
        return s->established;
}

void grpc_session_drain(struct grpc_session *s, enum grpc_end why, nsec now)
{
        if (s->drain != DRAIN_NO)
                return;
        if (s->end == GRPC_END_CLIENT)
                s->end = why;
        s->drain = DRAIN_NOTICED;
        s->drain_at = now + drain_wait;
        /*
         * Calls the client sent before it hears of it are still served: last stream id 2^31-1
         * first.
         */
        (void)nghttp2_submit_shutdown_notice(s->h2);
        (void)nghttp2_submit_ping(s->h2, NGHTTP2_FLAG_NONE, drain_ping);
}

enum grpc_end grpc_session_end(const struct grpc_session *s)
{
        return s->end;
}

size_t grpc_session_calls(const struct grpc_session *s)
{
        return s->n_calls;
}
