/* SPDX-License-Identifier: Apache-2.0 */
/* since_time and until_time of requests: seconds since the epoch. */
#pragma once

#include <stdint.h>

#include "util/err.h"
#include "util/time.h"

/*
 * @seconds of @field, 0 when it is not set. What nanoseconds cannot say is the end of time, INT64_MAX. Errors: ERR_USAGE when it is
 * negative.
 */
int request_time(const char *field, int64_t seconds, nsec *ret, struct err *e);
