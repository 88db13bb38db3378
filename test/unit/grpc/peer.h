/* SPDX-License-Identifier: Apache-2.0 */
/* A client made of nghttp2 that talks to a grpc_session in memory, and a service to call. */
#pragma once

#include <nghttp2/nghttp2.h>

#include "grpc/call.h"
#include "grpc/session.h"
#include "sample.pb-c.h"
#include "test.h"
#include "util/limits.h"

enum { PEER_STREAMS = 700 };

struct peer_stream {
        int32_t id;
        unsigned http_status;
        char content_type[64];
        char grpc_status[8];
        char grpc_message[2048];
        char accept_encoding[32];
        struct buf fields; /* "1 name: value" lines, all that came; 1: of the first block */
        unsigned n_header_blocks;
        struct buf data;
        bool ended; /* END_STREAM was seen */
        bool closed;
        uint32_t reset;
        const uint8_t *body; /* to send */
        size_t body_len;
        bool keep_open; /* no END_STREAM after the body */
};

struct peer {
        nghttp2_session *h2;
        struct grpc_session *session;
        struct grpc_memory memory;
        struct grpc_router router;
        struct grpc_keepalive_config keepalive;
        struct grpc_server_stats stats;
        nsec now;
        bool blocked;     /* do not fetch from the session */
        bool failed;      /* grpc_session_receive said so */
        unsigned outputs; /* on_output calls */
        bool goaway;
        uint32_t goaway_error;
        int32_t goaway_last;
        char goaway_debug[64];
        unsigned n_streams;
        struct peer_stream streams[PEER_STREAMS];
        int32_t window; /* announced for replies; 0: the default */
        /* What the observer was told; its clock goes on by 1 ms whenever it is read. */
        struct grpc_observer observer;
        unsigned n_call_starts, n_call_ends;
        struct grpc_call_summary last_end; /* without path */
        char last_path[64];
        const nghttp2_nv *more; /* header fields to add to every call */
        size_t n_more;
};

#define AUTO_PEER AUTO(peer_freep)
struct peer *peer_new(void);
struct peer *peer_new_window(int32_t window);
struct peer *peer_new_keepalive(const struct grpc_keepalive_config *keepalive);
void peer_freep(struct peer **p);

/* Exchange bytes until both have nothing more to say. */
void peer_run(struct peer *p);
/* Let the session see bytes that no client library would send. */
void peer_raw(struct peer *p, const void *data, size_t len);

/* A call with @body (its frames) and END_STREAM. */
struct peer_stream *peer_call(struct peer *p, const char *path, const void *body, size_t len);
/* The same with header @name added or replaced; NULL for @value leaves it out. */
struct peer_stream *peer_call_with(struct peer *p, const char *path, const char *name,
                                   const char *value, const void *body, size_t len);
struct peer_stream *peer_open(struct peer *p, const char *path, const void *body, size_t len);
struct peer_stream *peer_open_with(struct peer *p, const char *path, const char *name,
                                   const char *value, const void *body, size_t len);
/* Gives the stream room for @more bytes, and runs. Streams that were opened with a small window get no more by themselves. */
void peer_widen(struct peer *p, const struct peer_stream *s, int32_t more);
void peer_reset(struct peer *p, struct peer_stream *s, uint32_t error);

/* The service "test.Test". */
struct test_service {
        struct grpc_call *call; /* of the last call of Hold, Subscribe or Chat */
        unsigned n_calls, n_cancelled, n_drained, n_messages, n_half_closed;
        unsigned to_send;
        char last_text[256];
        /* What Act (unary) and ActStream do: both read metadata. */
        void (*act)(struct grpc_call *call);
};
extern struct test_service svc; /* reset by peer_new */
extern const struct grpc_service test_service;

/* One message with only "text" set, with its prefix; to static storage. */
const uint8_t *sample_frame(const char *text, size_t *ret_len);
