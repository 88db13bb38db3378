/* SPDX-License-Identifier: Apache-2.0 */
#include "util/err.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/auto.h"

static const char *const kind_names[] = {
        [ERR_INTERNAL] = "internal",
        [ERR_USAGE] = "usage",
        [ERR_NOT_FOUND] = "not-found",
        [ERR_EXISTS] = "exists",
        [ERR_AMBIGUOUS] = "ambiguous",
        [ERR_BUSY] = "busy",
        [ERR_STATE] = "state",
        [ERR_BAD_DATA] = "bad-data",
        [ERR_LIMIT] = "limit",
        [ERR_NO_SPACE] = "no-space",
        [ERR_PERMISSION] = "permission",
        [ERR_UNSUPPORTED] = "unsupported",
        [ERR_TIMEOUT] = "timeout",
        [ERR_CANCELLED] = "cancelled",
        [ERR_UNAVAILABLE] = "unavailable",
};
static_assert(ARRAY_LEN(kind_names) == ERR_KIND_MAX, "every kind has a name");

static enum err_kind kind_refine(enum err_kind kind, int num)
{
        if (kind != ERR_INTERNAL)
                return kind;
        if (num == ENOSPC || num == EDQUOT || num == EMFILE || num == ENFILE)
                return ERR_NO_SPACE;
        if (num == EACCES || num == EPERM)
                return ERR_PERMISSION;
        return kind;
}

int err_set(struct err *e, enum err_kind kind, int num, const char *fmt, ...)
{
        va_list ap;
        int n;

        e->kind = kind_refine(kind, num);
        e->num = num;
        va_start(ap, fmt);
        n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
        va_end(ap);
        if (num != 0 && n >= 0 && (size_t)n < sizeof(e->text))
                (void)snprintf(e->text + n, sizeof(e->text) - (size_t)n, ": %s", strerror(num));
        return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
        char head[512];
        size_t have = strlen(e->text);
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(head, sizeof(head) - 2, fmt, ap);
        va_end(ap);
        if (n < 0 || (size_t)n >= sizeof(head) - 2 || (size_t)n + 2 + have >= sizeof(e->text))
                return -1;
        memcpy(head + n, ": ", 3);
        /* Two floors may both name the app: once is enough. */
        if (strncmp(e->text, head, (size_t)n + 2) == 0)
                return -1;
        memmove(e->text + n + 2, e->text, have + 1);
        memcpy(e->text, head, (size_t)n + 2);
        return -1;
}

const char *err_kind_name(enum err_kind kind)
{
        return (unsigned)kind < ERR_KIND_MAX ? kind_names[kind] : "unknown";
}
