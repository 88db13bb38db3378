/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server tells of its calls: one summary when a call begins and one when it is over, for logs
 * and metrics, and counters that are always kept. Without an observer a call costs nothing for it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc/peer.h"
#include "grpc/service.h"
#include "grpc/status.h"
#include "util/time.h"

struct grpc_call_summary {
        const struct grpc_service *service; /* NULL: the path is none that we serve */
        const struct grpc_method *method;   /* NULL likewise */
        const char *path; /* as the client wrote it, @path_len bytes, no NUL, any bytes */
        size_t path_len;
        const struct grpc_peer *peer; /* never NULL */
        nsec started;                 /* by the observer's clock */

        /* Of the end only. */
        nsec duration; /* until the last byte was handed to the transport, or the call was reset */
        enum grpc_code
                code; /* CANCELLED when the client took the call back before it was answered */
        unsigned
                http_status; /* 200, or the error of a request that is not gRPC; code is UNKNOWN then */
        uint64_t messages_in, messages_out;
        uint64_t bytes_in,
                bytes_out; /* of messages as they travel: with their prefix, compressed */
};

struct grpc_observer {
        /* The request's headers are complete; it may be refused yet. */
        void (*on_call_start)(const struct grpc_call_summary *s, void *arg);
        /* Exactly once for every call, also for those that never reached a handler. */
        void (*on_call_end)(const struct grpc_call_summary *s, void *arg);
        /* CLOCK_MONOTONIC, read twice for each call (time_monotonic); NULL: the times of the last bytes. */
        nsec (*clock)(void);
        void *arg;
};

/* Sums over all sessions of a server since it began. */
struct grpc_call_counters {
        uint64_t started;
        uint64_t ended;                  /* started - ended: those in progress */
        uint64_t by_code[GRPC_CODE_MAX]; /* of the ended, as in the summary */
        uint64_t messages_in, messages_out;
        uint64_t bytes_in, bytes_out;
        uint64_t refused_memory;                /* over the limit of memory or of one queue */
        uint64_t compressed_in, compressed_out; /* messages */
        uint64_t uncompressed_bytes,
                compressed_bytes; /* of replies that were compressed: before, after */
};
