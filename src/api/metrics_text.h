/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text that Prometheus reads: its own format 0.0.4, or OpenMetrics 1.0. Pure. Names are carob_api_* by the
 * conventions (_total, _seconds, _bytes), and process_* as everywhere.
 */
#pragma once

#include "api/metrics.h"
#include "api/metrics_process.h"
#include "grpc/stats.h"
#include "pod/view.h"
#include "util/buf.h"

enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };

/* Of the index of pods, or of that of images. */
struct metrics_index {
        uint64_t records; /* now, as are broken, watches, and pods by state */
        uint64_t broken;  /* shown with what is known of them */
        uint64_t watches; /* of inotify */
        uint64_t rescans;
        uint64_t overflows; /* of the kernel's queue of events */
        nsec last_scan;     /* how long it took */
};

struct metrics_values {
        const struct metrics *calls; /* borrowed, as is all here */
        struct grpc_server_stats server;
        struct metrics_process_values process;
        const struct metrics_index *pods; /* NULL: there is no index */
        const struct metrics_index *images;
        uint64_t pods_by_state[POD_STATE_MAX];
        uint64_t log_followers;
        uint64_t log_lines_lost;
};

/* -ENOBUFS when @out is too small for it. */
int metrics_text_write(const struct metrics_values *v, enum metrics_format format, struct buf *out);
