/* SPDX-License-Identifier: Apache-2.0 */
/* What GetLogs is asked and how its lines look. Pure. */
#pragma once

#include <stddef.h>

#include "logs/reader.h"
#include "util/buf.h"
#include "v1alpha/api.pb-c.h"

/*
 * Times and count of the request, which combine: since <= t < until, and of those the last N. Zero is unset, as ever
 * in proto3. *ret has the times and the tail; its apps are left alone. Errors: ERR_USAGE for negative numbers, which
 * mean nothing.
 */
int log_query_from_request(const V1alpha__GetLogsRequest *request, struct logs_query *ret,
                           struct err *e);

/*
 * Append @line as an element of GetLogsResponse.lines, byte for byte as rkt's clients parse it:
 * "2026-11-23 15:50:01.5 +0000 UTC MESSAGE=text", local zone, microseconds without trailing zeros. Bytes that are
 * not UTF-8, and NUL, become U+FFFD. -ENOBUFS with @out unchanged; LOG_REPLY_LINE_MAX bytes of room always do. @clock: of the
 * reply, zeroed at first.
 */
int log_reply_add(struct buf *out, struct time_go *clock, const struct logs_line *line);

enum { LOG_REPLY_LINE_MAX = 3 * LOGS_LINE_MAX + 128 };
