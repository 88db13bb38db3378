/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation for programs that stop when a small allocation fails. Sizes that come from outside are
 * checked against a limit before they get here. The supervisor allocates before its first app starts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrdup_null(const char *s); /* NULL stays NULL */
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
void *xmemdup(const void *p, size_t n) __attribute__((malloc, returns_nonnull)); /* adds a NUL */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/* Make room for one more element in a growing array; capacity doubles. */
#define ARRAY_GROW(array, n, cap)                                                                  \
        do {                                                                                       \
                if ((n) == (cap)) {                                                                \
                        (cap) = (cap) ? 2 * (cap) : 8;                                             \
                        (array) = xreallocarray((array), (cap), sizeof(*(array)));                 \
                }                                                                                  \
        } while (0)
