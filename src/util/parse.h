/* SPDX-License-Identifier: Apache-2.0 */
/* Strict parsing of scalars: the whole string, no leading blanks, no sign tricks, range checked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All return 0, -EINVAL (not a number) or -ERANGE (outside [min, max]); *ret is written on success only. */
int parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret);
int parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret);
int parse_octal(const char *s, unsigned max, unsigned *ret);
/* "true", "false", "1", "0", "yes", "no" */
int parse_bool(const char *s, bool *ret);
/*
 * A quantity as Kubernetes and appc write it: "100", "1.5", "500m", "64Mi", "2G", "1e3".
 * *ret_milli is the value times 1000, rounded up. Negative values are refused (-ERANGE).
 */
int parse_quantity(const char *s, int64_t *ret_milli);
