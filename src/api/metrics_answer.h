/* SPDX-License-Identifier: Apache-2.0 */
/* What a scraper is answered, as bytes of HTTP/1.1. Pure. */
#pragma once

#include "api/metrics_request.h"
#include "util/buf.h"
#include "util/limits.h"
#include "util/time.h"

/* Writes what GET /metrics answers. 0, or -ENOBUFS: it is too much. */
typedef int (*metrics_http_fn)(enum metrics_format format, struct buf *out, void *arg);

enum { METRICS_ANSWER_MAX = LIMIT_METRICS_BYTES + 1024 };

/*
 * Append the answer to @r, at most METRICS_ANSWER_MAX bytes. @r: becomes 500 when @fn fails. @now: since the epoch.
 */
void metrics_answer_write(struct metrics_request *r, metrics_http_fn fn, void *arg, nsec now,
                          struct buf *out);
