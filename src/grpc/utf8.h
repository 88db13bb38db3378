/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing past U+10FFFF. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes of the character that begins at @p (1 to 4), 0 when there is no valid one within @left
 * bytes.
 */
size_t grpc_utf8_char(const uint8_t *p, size_t left);
bool grpc_utf8_valid(const uint8_t *p, size_t len);
/*
 * A heap string of @len bytes made fit for a proto3 string: what is not UTF-8, and NUL bytes,
 * become U+FFFD. For text that comes from programs or disks; clients refuse a whole reply for one
 * wrong byte.
 */
char *grpc_utf8_clean(const void *data, size_t len) __attribute__((returns_nonnull));
