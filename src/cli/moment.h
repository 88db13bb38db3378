/* SPDX-License-Identifier: Apache-2.0 */
/* Moments on the command line: --since and --until. */
#pragma once

#include "util/err.h"
#include "util/time.h"

/*
 * "2026-01-31T12:00:00Z" (RFC 3339); "10m": so long ago; "+10m": in so long. *ret is since the epoch and never 0 or less, so
 * that 0 can stand for "not given". Errors: ERR_USAGE.
 */
int moment_parse(const char *text, nsec now, nsec *ret, struct err *e);
/* For an option table: into an nsec. */
int moment_call(void *dest, const char *value, struct err *e);
