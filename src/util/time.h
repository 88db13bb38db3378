/* SPDX-License-Identifier: Apache-2.0 */
/* One type for all time: signed nanoseconds. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef int64_t nsec; /* since the epoch, or a span; says the name of what holds it */

#define NSEC_PER_SEC  INT64_C(1000000000)
#define NSEC_PER_MSEC INT64_C(1000000)
#define NSEC_PER_USEC INT64_C(1000)

enum { TIME_TEXT_MAX = 64 };

nsec time_now(void); /* CLOCK_REALTIME */
/*
 * CLOCK_REALTIME_COARSE: what the kernel stamps files with, a few milliseconds behind time_now(). To be compared with
 * times of files.
 */
nsec time_now_coarse(void);
nsec time_monotonic(void);                   /* CLOCK_MONOTONIC */
nsec time_from_timespec(struct timespec ts); /* saturates instead of overflowing */

/*
 * Go's time.String() in the local zone, which rkt's clients parse:
 * "2026-11-23 15:50:01.5 +0000 UTC"; the fraction loses trailing zeros and is absent when zero.
 * @unit_ns truncates first (1 for full precision, NSEC_PER_USEC for log lines, NSEC_PER_MSEC for tables).
 */
void time_format_go(nsec t, nsec unit_ns, char ret[static TIME_TEXT_MAX]);
/*
 * The same for many times, most of them close together: *@g, zeroed at first, keeps what a second looks like. For one zone.
 */
struct time_go {
        time_t second;
        char date[24]; /* "": nothing is kept yet */
        char zone[32];
};
void time_format_go_next(struct time_go *g, nsec t, nsec unit_ns, char ret[static TIME_TEXT_MAX]);
/* RFC 3339 in UTC with nine digits: "2026-11-23T15:50:01.500000000Z" (always 30 characters). */
void time_format_rfc3339(nsec t, char ret[static TIME_TEXT_MAX]);
/*
 * Strict RFC 3339 with optional fraction and zone Z or +hh:mm.
 * Returns 0, or -EINVAL with *ret untouched. Years 1970 to 2261.
 */
int time_parse_rfc3339(const char *s, size_t len, nsec *ret);
/* "30s", "1h30m", "500ms", "250us", "2" is refused (no unit). Returns 0, -EINVAL or -ERANGE. */
int time_parse_duration(const char *s, nsec *ret);
/* "12 minutes ago", "2 seconds ago", "a long while ago": the wording of rkt's tables. */
void time_format_ago(nsec t, nsec now, char ret[static TIME_TEXT_MAX]);
