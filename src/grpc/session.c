/* SPDX-License-Identifier: Apache-2.0 */
/* A session as its owner sees it: bytes in and out, its clocks, and its end. */
#include "grpc/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/session_priv.h"
#include "util/mem.h"

static const nsec drain_wait = NSEC_PER_SEC / 2; /* for the round trip between the two GOAWAYs */

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
        s->h2 = grpc_session_h2_new(s);
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
                        grpc_session_terminate(s, GRPC_END_STALLED, NGHTTP2_ENHANCE_YOUR_CALM);
                } else {
                        grpc_session_complete(call);
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
                        grpc_session_terminate(s, GRPC_END_SETTINGS_TIME, NGHTTP2_SETTINGS_TIMEOUT);
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
                grpc_session_final_goaway(s);
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
        (void)nghttp2_submit_ping(s->h2, NGHTTP2_FLAG_NONE, grpc_session_drain_ping);
}

enum grpc_end grpc_session_end(const struct grpc_session *s)
{
        return s->end;
}

size_t grpc_session_calls(const struct grpc_session *s)
{
        return s->n_calls;
}
