/* SPDX-License-Identifier: Apache-2.0 */
#include "util/strv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

void strv_done(struct strv *s)
{
        for (size_t i = 0; i < s->n; i++)
                free(s->v[i]);
        free(s->v);
        *s = STRV_NULL;
}

void strv_add_consume(struct strv *s, char *str)
{
        if (s->n + 1 >= s->cap) {
                s->cap = s->cap ? 2 * s->cap : 8;
                s->v = xreallocarray(s->v, s->cap, sizeof(*s->v));
        }
        s->v[s->n++] = str;
        s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *str)
{
        strv_add_consume(s, xstrdup(str));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
        char *str = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&str, fmt, ap);
        va_end(ap);
        if (n < 0)
                abort();
        strv_add_consume(s, str);
}

bool strv_contains(const struct strv *s, const char *str)
{
        for (size_t i = 0; i < s->n; i++)
                if (strcmp(s->v[i], str) == 0)
                        return true;
        return false;
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *s)
{
        if (s->n > 1)
                qsort(s->v, s->n, sizeof(*s->v), compare);
}
