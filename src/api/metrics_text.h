/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text that Prometheus reads: its own format 0.0.4, or OpenMetrics 1.0. Pure. Names are carob_api_* by the
 * conventions (_total, _seconds, _bytes), and process_* as everywhere.
 */
#pragma once

#include "api/event_ring.h"
#include "api/metrics.h"
#include "api/metrics_process.h"
#include "api/subscribers.h"
#include "grpc/stats.h"
#include "pod/view.h"
#include "util/buf.h"

enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };

/* Of the index of pods, or of that of images. */
struct metrics_index {
        uint64_t records;   /* now, as are the next three */
        uint64_t broken;    /* shown with what is known of them */
        uint64_t pending;   /* to be read, once or again */
        uint64_t unwatched; /* not followed: there are not enough watches */
        uint64_t reads;     /* of one record each */
        uint64_t changes;   /* of records */
        uint64_t scans;     /* of everything */
        nsec last_scan;     /* how long it took */
};

/* Of what the kernel tells both of them. */
struct metrics_watch {
        uint64_t watches; /* of inotify, now */
        uint64_t max_watches;
        uint64_t processes; /* that are watched, now */
        uint64_t events;
        uint64_t overflows; /* times that the kernel lost events */
        uint64_t refused;   /* watches that could not be had */
        uint64_t attached;  /* times that the data directory was found, or found again */
        uint64_t present;   /* 1: there is one now */
};

struct metrics_events {
        struct event_ring_stats ring;
        struct subscribers_stats subscribers;
};

struct metrics_values {
        const struct metrics *calls; /* borrowed, as is all here */
        struct grpc_server_stats server;
        struct metrics_process_values process;
        const struct metrics_watch *watch; /* NULL: there is no index */
        const struct metrics_index *pods;  /* NULL likewise */
        const struct metrics_index *images;
        const struct metrics_events *events; /* NULL: none are followed */
        uint64_t pods_by_state[POD_STATE_MAX];
        uint64_t log_followers;
        uint64_t log_lines_lost;
};

/* -ENOBUFS when @out is too small for it. */
int metrics_text_write(const struct metrics_values *v, enum metrics_format format, struct buf *out);
