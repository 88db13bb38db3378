/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/auto.h"

static struct {
        const char *name; /* borrowed */
        enum log_level level;
} config = { .name = "carob", .level = LOG_LEVEL_INFO };

static const char *const level_names[] = {
        [LOG_LEVEL_ERROR] = "error",
        [LOG_LEVEL_WARNING] = "warning",
        [LOG_LEVEL_INFO] = "info",
        [LOG_LEVEL_DEBUG] = "debug",
};

void log_init(const char *name, enum log_level level)
{
        config.name = name;
        config.level = level;
}

int log_level_parse(const char *s, enum log_level *ret)
{
        for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
                if (strcmp(s, level_names[i]) == 0) {
                        *ret = (enum log_level)i;
                        return 0;
                }
        return -EINVAL;
}

/*
 * Text may quote what strangers wrote: it must neither steer a terminal nor begin a line that looks like ours.
 * Bytes from 0x80 on are left as they are, UTF-8 or not.
 */
static void disarm(char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f)
                        s[i] = '?';
}

void log_line(enum log_level level, const char *fmt, ...)
{
        char line[2048];
        size_t room = sizeof(line) - 1, n;
        va_list ap;
        int keep = errno, r;

        if (level > config.level)
                return;
        n = (size_t)snprintf(line, room, "%s: %s", config.name,
                             level == LOG_LEVEL_WARNING ? "warning: " : "");
        if (n >= room)
                n = room - 1;
        va_start(ap, fmt);
        r = vsnprintf(line + n, room - n, fmt, ap);
        va_end(ap);
        if (r > 0)
                n += (size_t)r < room - n ? (size_t)r : room - n - 1;
        disarm(line, n);
        line[n++] = '\n';
        /* A lost log line cannot be reported anywhere. */
        if (write(STDERR_FILENO, line, n) < 0)
                n = 0;
        errno = keep;
}
