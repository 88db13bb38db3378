/* SPDX-License-Identifier: Apache-2.0 */
#include "util/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

void buf_done(struct buf *b)
{
        free(b->data);
        *b = BUF_NULL(b->max);
}

void buf_reset(struct buf *b)
{
        b->len = 0;
        if (b->data)
                b->data[0] = '\0';
}

int buf_reserve(struct buf *b, size_t len, uint8_t **ret)
{
        size_t need;

        if (__builtin_add_overflow(b->len, len, &need) || need > b->max)
                return -ENOBUFS;
        if (need + 1 > b->cap) {
                size_t cap = b->cap ? b->cap : 64;

                while (cap < need + 1)
                        cap *= 2;
                b->data = xreallocarray(b->data, cap, 1);
                b->cap = cap;
        }
        *ret = b->data + b->len;
        return 0;
}

void buf_commit(struct buf *b, size_t len)
{
        assert(b->len + len < b->cap);
        b->len += len;
        b->data[b->len] = '\0';
}

int buf_append(struct buf *b, const void *data, size_t len)
{
        uint8_t *to;
        int r = buf_reserve(b, len, &to);

        if (r < 0)
                return r;
        if (len > 0)
                memcpy(to, data, len);
        buf_commit(b, len);
        return 0;
}

int buf_puts(struct buf *b, const char *s)
{
        return buf_append(b, s, strlen(s));
}

int buf_putc(struct buf *b, char c)
{
        return buf_append(b, &c, 1);
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
        va_list ap;
        uint8_t *to;
        int n, r;

        va_start(ap, fmt);
        n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        if (n < 0)
                return -EINVAL;
        r = buf_reserve(b, (size_t)n, &to);
        if (r < 0)
                return r;
        va_start(ap, fmt);
        (void)vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
        va_end(ap);
        buf_commit(b, (size_t)n);
        return 0;
}

void buf_drop_front(struct buf *b, size_t len)
{
        assert(len <= b->len);
        if (len == 0)
                return;
        memmove(b->data, b->data + len, b->len - len);
        b->len -= len;
        b->data[b->len] = '\0';
}

const char *buf_str(const struct buf *b)
{
        return b->data ? (const char *)b->data : "";
}

char *buf_take(struct buf *b)
{
        char *s = b->data ? (char *)b->data : xstrdup("");

        *b = BUF_NULL(b->max);
        return s;
}
