/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What carob-api counts of its calls, for Prometheus. Counting a call costs some nanoseconds and no memory: there is a
 * row for each method that is served and one for all that are not, so that no client can make rows by asking for
 * names.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "grpc/observer.h"
#include "grpc/service.h"

/* Upper ends of the buckets of durations; one more is without end. */
enum { METRICS_BUCKETS = 17 };
extern const nsec metrics_bounds[METRICS_BUCKETS];

struct metrics_row {
        const struct grpc_service *service; /* borrowed; NULL: whatever is not served */
        const struct grpc_method *method;   /* borrowed; NULL likewise */
        uint64_t started;
        uint64_t ended[GRPC_CODE_MAX]; /* by code */
        uint64_t buckets[METRICS_BUCKETS + 1];
        nsec duration; /* of all that ended */
        uint64_t messages_in, messages_out;
        uint64_t bytes_in, bytes_out; /* of messages */
};

struct metrics {
        struct metrics_row *rows; /* owned; the first is of what is not served */
        size_t n_rows;
        struct metrics_service {
                const struct grpc_service *service; /* borrowed */
                size_t first;                       /* row of its first method */
        } * services;                               /* owned */
        size_t n_services;
};

void metrics_init(struct metrics *m);
void metrics_done(struct metrics *m);
/* Make rows for its methods. Before the first call. @service is borrowed for the life of @m. */
void metrics_add_service(struct metrics *m, const struct grpc_service *service);

/* For struct grpc_observer. */
void metrics_call_start(struct metrics *m, const struct grpc_call_summary *s);
void metrics_call_end(struct metrics *m, const struct grpc_call_summary *s);
