/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nghttp2 does not watch for: resets that a client makes us send, and stream ids that go
 * backwards. Knows nothing of nghttp2.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/time.h"

enum {
        GRPC_GUARD_RESETS = 500,    /* streams it may make us reset at once, */
        GRPC_GUARD_RESET_RATE = 50, /* and per second after that */
        GRPC_GUARD_GAPS = 8,
};

struct grpc_guard {
        /* A token bucket, as nghttp2 has for the client's own resets. */
        uint64_t resets_left;
        nsec resets_at;
        /*
         * Ids of streams that were skipped, the latest in front: using one later is an error, while
         * frames for an id that was used, and is over, may be late ones of that stream.
         */
        int32_t highest;
        struct {
                int32_t from, to;
        } gaps[GRPC_GUARD_GAPS];
        uint8_t n_gaps;
};

void grpc_guard_init(struct grpc_guard *g);
/* We reset a stream for a mistake of the client's. False: that was one too many. */
bool grpc_guard_reset(struct grpc_guard *g, nsec now);
/*
 * The client sends HEADERS for stream @id, an odd number. False: it was skipped before, so it can
 * never be used (RFC 9113 section 5.1.1). Of many gaps the oldest are forgotten.
 */
bool grpc_guard_stream(struct grpc_guard *g, int32_t id);
