/* SPDX-License-Identifier: Apache-2.0 */
/* Byte buffer that is born with its maximum. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct buf {
        uint8_t *data; /* owned; always followed by a NUL byte when not NULL */
        size_t len;
        size_t cap;
        size_t max; /* len never exceeds this */
};

#define BUF_NULL(maximum) ((struct buf){ .max = (maximum) })

void buf_done(struct buf *b);  /* releases the bytes; the buffer is empty and usable afterwards */
void buf_reset(struct buf *b); /* forgets the bytes, keeps the memory */

/* All return -ENOBUFS, with the buffer unchanged, when the maximum would be passed; 0 otherwise. */
int buf_append(struct buf *b, const void *data, size_t len);
int buf_puts(struct buf *b, const char *s);
int buf_putc(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Make room for @len more bytes; *ret points at them. Follow with buf_commit of what was written. */
int buf_reserve(struct buf *b, size_t len, uint8_t **ret);
void buf_commit(struct buf *b, size_t len);

void buf_drop_front(struct buf *b, size_t len); /* moves the rest to the front */

/* The bytes as a C string ("" when empty). Borrowed until the next change. */
const char *buf_str(const struct buf *b);
/* Hands the bytes over (NUL-terminated, never NULL); the buffer is empty afterwards. */
char *buf_take(struct buf *b);
