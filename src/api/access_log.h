/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line for each call that ended, among the log lines on stderr: a confined service has no file that it could write,
 * and whoever starts it decides where stderr goes. Lines are gathered, and written once in each turn of the loop. When
 * nobody reads them they wait, up to ACCESS_LOG_QUEUE bytes; what comes then is lost, counted, and the loss is told.
 *
 * There are as many lines as calls, on request of whoever runs the service: the rate is the clients'.
 */
#pragma once

#include <stdint.h>
#include <uv.h>

#include "grpc/observer.h"

enum { ACCESS_LOG_QUEUE = 64 * 1024 };

struct access_log {
        uv_prepare_t flush; /* runs while there is something to write */
        uv_timer_t retry;   /* runs while stderr takes nothing */
        char *queue;        /* owned: ACCESS_LOG_QUEUE bytes of whole lines */
        size_t len;
        uint64_t lost; /* lines, since the start */
        uint64_t lost_told;
};

/* @loop is borrowed. */
void access_log_init(struct access_log *a, uv_loop_t *loop);
/* For struct grpc_observer. */
void access_log_call(struct access_log *a, const struct grpc_call_summary *s);
/* Writes what stderr takes; the loop must turn once more. */
void access_log_close(struct access_log *a);
void access_log_done(struct access_log *a); /* after that */
