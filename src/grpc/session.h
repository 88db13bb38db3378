/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client's HTTP/2 connection as bytes: what came in is given to it, what must go out is fetched
 * from it. No socket and no clock inside: times come in as arguments (CLOCK_MONOTONIC). Its owner
 * (grpc/server.h) receives; fetches with grpc_session_send after each grpc_session_receive and
 * _tick until that yields 0; does not receive while its own output is blocked; and ends the
 * connection when it is not grpc_session_alive any more.
 *
 * Handlers run inside grpc_session_receive, _tick, _send (on_drain) and _free (on_cancel).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc/call.h"
#include "grpc/keepalive.h"
#include "grpc/memory.h"
#include "grpc/observer.h"
#include "grpc/service.h"
#include "grpc/stats.h"
#include "util/time.h"

struct grpc_session;

struct grpc_session_config {
        const struct grpc_router *router;  /* borrowed */
        struct grpc_memory *memory;        /* borrowed; one for all sessions of a server */
        size_t max_message_bytes;          /* of a request, also when decompressed */
        enum grpc_compression compression; /* of replies, unless the handler says otherwise */
        const struct grpc_peer *peer;      /* borrowed, may be filled in later; NULL: not known */
        const struct grpc_observer *observer;          /* borrowed; NULL: none */
        struct grpc_call_counters *counters;           /* borrowed; NULL: not counted */
        const struct grpc_keepalive_config *keepalive; /* borrowed, without zeros */
        bool any_pings;                                /* the client may ping as it likes */
        uint32_t spread;                               /* any number, see grpc_keepalive_init */
        nsec request_stall_timeout;                    /* see grpc/server.h; 0: 60 s */
        struct grpc_server_stats *stats; /* borrowed; its part about streams is kept here */
        /* There is output although nobody called: a handler answered in its own time. */
        void (*on_output)(void *arg);
        void *arg;
};

enum {
        GRPC_SESSION_SEND_MIN = 16 * 1024 + 64, /* room for one DATA frame of the default size */
};

struct grpc_session *grpc_session_new(const struct grpc_session_config *config);
struct grpc_session *grpc_session_free(struct grpc_session *s); /* cancels calls; returns NULL */

/*
 * All of @data is used. Returns 0; -1 when the client broke the protocol beyond repair: fetch what
 * is left to send, then close.
 */
int grpc_session_receive(struct grpc_session *s, const void *data, size_t len, nsec now);
/*
 * Fill @to, at least GRPC_SESSION_SEND_MIN large. Returns the bytes written; 0: nothing to send
 * now.
 */
size_t grpc_session_send(struct grpc_session *s, uint8_t *to, size_t size);
/* The next moment grpc_session_tick must be called; INT64_MAX for none. */
nsec grpc_session_deadline(const struct grpc_session *s);
void grpc_session_tick(struct grpc_session *s, nsec now);

/* False: neither side has anything left to say. */
bool grpc_session_alive(const struct grpc_session *s);
/* The client's preface and first SETTINGS have been seen. */
bool grpc_session_established(const struct grpc_session *s);
/*
 * Say GOAWAY, in the two steps that lose no call (RFC 9113 section 6.8), and end after the calls in
 * progress. @why is what grpc_session_end will say.
 */
void grpc_session_drain(struct grpc_session *s, enum grpc_end why, nsec now);
/* Why the session ends; GRPC_END_CLIENT as long as it is none of our doing. */
enum grpc_end grpc_session_end(const struct grpc_session *s);
/*
 * Memory has run out: reset calls that hold some and have neither sent nor taken a byte since
 * @before. Returns how many.
 */
size_t grpc_session_shed(struct grpc_session *s, nsec before);
size_t grpc_session_calls(const struct grpc_session *s);
