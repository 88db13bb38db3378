/* SPDX-License-Identifier: Apache-2.0 */
/* What a server counts. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "grpc/observer.h"

/* Why a connection was told to go (GOAWAY), or was closed without it. */
enum grpc_end {
        GRPC_END_CLIENT,         /* the client closed, or broke off */
        GRPC_END_STOP,           /* the server stops */
        GRPC_END_IDLE,           /* no call for max_idle */
        GRPC_END_AGE,            /* older than max_age */
        GRPC_END_PROTOCOL,       /* it broke HTTP/2 */
        GRPC_END_PINGS,          /* it pinged too often */
        GRPC_END_FLOOD,          /* resets, SETTINGS or PINGs without end */
        GRPC_END_HANDSHAKE_TIME, /* said nothing, or too slowly, at the start */
        GRPC_END_HANDSHAKE,      /* TLS could not be agreed upon */
        GRPC_END_SETTINGS_TIME,  /* never acknowledged our SETTINGS */
        GRPC_END_KEEPALIVE,      /* did not answer our ping */
        GRPC_END_STALLED,        /* did not take our bytes */
        GRPC_END_SYSTEM,         /* a call of the system failed */
        GRPC_END_MAX,
};

/* "client", "stop", "idle" ...: for metrics and logs. Never NULL. */
const char *grpc_end_name(enum grpc_end end);

/* Since the server's start, unless it says "now". */
struct grpc_server_stats {
        /* Connections. */
        uint64_t connections;     /* now */
        uint64_t tls_connections; /* now, of those: handshake done */
        uint64_t accepted;
        uint64_t over_cap;       /* closed at once: as many as allowed were open */
        uint64_t accept_pauses;  /* times that descriptors or memory ran out */
        uint64_t tls_handshakes; /* done, resumed ones included */
        uint64_t tls_resumed;
        uint64_t tls_failures; /* handshakes that failed */
        uint64_t ended[GRPC_END_MAX];
        /* Streams of HTTP/2, whatever became of them as calls. */
        uint64_t streams; /* now */
        uint64_t streams_opened;
        uint64_t resets_received;
        uint64_t resets_sent;
        uint64_t goaways_sent;
        uint64_t pings_received;
        /* Bytes of HTTP/2, without what TLS adds. */
        uint64_t bytes_in;
        uint64_t bytes_out;
        uint64_t memory_used; /* now: for requests and replies in flight */
        uint64_t memory_max;
        struct grpc_call_counters calls;
};
