/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 defines it. */
#pragma once

#include <stddef.h>

/* Bytes of the character that begins at @s (1 to 4), 0 when no valid one does within @len (> 0) bytes. */
size_t utf8_length(const void *s, size_t len);
/* The most bytes of @s, at most @max, that do not end within a character. */
size_t utf8_cut(const char *s, size_t len, size_t max);
