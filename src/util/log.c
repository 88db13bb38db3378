/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/auto.h"

static_assert(LOG_OUTPUT_MAX <= PIPE_BUF, "a write that a pipe takes wholly or not at all");
static_assert((int)LOG_COMPOSED_MAX <= (int)LOG_OUTPUT_MAX, "at least one line");

/* How one writes to stderr without waiting. */
enum way {
        WAY_BLOCKING,
        WAY_POLL,   /* ask first: files, terminals */
        WAY_SOCKET, /* the flag is the call's */
        WAY_OWN,    /* an open file description of our own, with O_NONBLOCK */
};

static struct log_config {
        const char *name; /* borrowed */
        enum log_level level;
        enum log_format format;
        enum way way;
        int fd; /* borrowed: stderr; WAY_OWN: owned */
        bool journal;
        uint64_t lost;
        uint64_t lost_told;
} config = { .name = "carob", .level = LOG_LEVEL_INFO, .fd = STDERR_FILENO };

void log_init(const char *name, enum log_level level)
{
        if (config.way == WAY_OWN)
                (void)close(config.fd);
        config = (struct log_config){
                .name = name,
                .level = level,
                .fd = STDERR_FILENO,
                .lost = config.lost,
                .lost_told = config.lost,
        };
}

/* JOURNAL_STREAM is "device:inode" of the socket that the journal reads (systemd.exec(5)); we may have another. */
static bool is_journal(const struct stat *st)
{
        const char *named = getenv("JOURNAL_STREAM");
        char ours[64];

        (void)snprintf(ours, sizeof(ours), "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)st->st_dev,
                       (uintmax_t)st->st_ino);
        return named && strcmp(named, ours) == 0;
}

/* The lowest free number is the one that open(2) gives. */
static void fill_standard_descriptors(void)
{
        int fd;

        do {
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        } while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd >= 0)
                (void)close(fd);
}

void log_service(enum log_format format)
{
        struct stat st;

        fill_standard_descriptors();
        config.format = format;
        if (fstat(STDERR_FILENO, &st) < 0)
                return;
        config.journal = is_journal(&st);
        config.way = S_ISSOCK(st.st_mode) ? WAY_SOCKET : WAY_POLL;
        if (S_ISFIFO(st.st_mode)) {
                int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

                /* Not possible (somebody else's pipe): ask first. Only a writer beside us could still make us wait. */
                if (fd >= 0) {
                        config.way = WAY_OWN;
                        config.fd = fd;
                }
        }
}

/* At most 3 bytes. */
static const char *prefix_of(enum log_level level)
{
        static const char *const prefixes[] = {
                [LOG_LEVEL_ERROR] = "<3>", /* sd-daemon(3): SD_ERR and so on */
                [LOG_LEVEL_WARNING] = "<4>",
                [LOG_LEVEL_INFO] = "<6>",
                [LOG_LEVEL_DEBUG] = "<7>",
        };

        return config.journal ? prefixes[level] : "";
}

uint64_t log_lost(void)
{
        return config.lost;
}

enum log_output log_write(const char *lines, size_t len)
{
        struct pollfd ready = { .fd = config.fd, .events = POLLOUT };
        ssize_t n;

        if (config.way == WAY_POLL && poll(&ready, 1, 0) == 0)
                return LOG_OUTPUT_FULL;
        do {
                n = config.way == WAY_SOCKET
                            ? send(config.fd, lines, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                            : write(config.fd, lines, len);
        } while (n < 0 && errno == EINTR);
        if (n >= 0)
                return LOG_OUTPUT_TAKEN; /* less than all: a full disk, or worse; nothing helps there */
        return errno == EAGAIN ? LOG_OUTPUT_FULL : LOG_OUTPUT_BROKEN;
}

static size_t compose(const struct log_record *record, char ret[static LOG_COMPOSED_MAX])
{
        const char *prefix = prefix_of(record->level);
        size_t n = strlen(prefix);

        memcpy(ret, prefix, n);
        return n + log_format_line(config.format, record, ret + n);
}

size_t log_compose(enum log_level level, const char *message, const struct log_field *fields,
                   size_t n, char ret[static LOG_COMPOSED_MAX])
{
        struct log_record record = {
                .time = time_now(),
                .timed = true,
                .level = level,
                .name = config.name,
                .message = message,
                .fields = fields,
                .n_fields = n,
        };

        return compose(&record, ret);
}

static enum log_output write_record(const struct log_record *record)
{
        char line[LOG_COMPOSED_MAX];

        return log_write(line, compose(record, line));
}

/* What was lost is told before the next line that is not. False: that is lost as well. */
static bool tell_lost(void)
{
        struct log_field field = LOG_NUMBER("lines", (int64_t)(config.lost - config.lost_told));
        struct log_record record = {
                .time = time_now(),
                .level = LOG_LEVEL_WARNING,
                .name = config.name,
                .message = "log lines were lost",
                .fields = &field,
                .n_fields = 1,
        };

        if (config.lost == config.lost_told)
                return true;
        if (write_record(&record) != LOG_OUTPUT_TAKEN)
                return false;
        config.lost_told = config.lost;
        return true;
}

void log_fields(enum log_level level, const char *message, const struct log_field *fields, size_t n)
{
        struct log_record record = {
                .level = level,
                .name = config.name,
                .message = message,
                .fields = fields,
                .n_fields = n,
        };
        int keep = errno;

        if (level > config.level)
                return;
        record.time = time_now();
        if (!tell_lost() || write_record(&record) != LOG_OUTPUT_TAKEN)
                config.lost++;
        errno = keep;
}

void log_line(enum log_level level, const char *fmt, ...)
{
        char message[LOG_LINE_MAX];
        va_list ap;
        int keep = errno;

        if (level > config.level)
                return;
        va_start(ap, fmt);
        (void)vsnprintf(message, sizeof(message), fmt, ap);
        va_end(ap);
        errno = keep;
        log_fields(level, message, NULL, 0);
}

bool log_limit_pass(struct log_limit *limit, nsec now, uint64_t *ret_left_out)
{
        if (limit->lines == 0 || now - limit->since >= LOG_LIMIT_WINDOW) {
                limit->since = now;
                limit->lines = 0;
        }
        if (limit->lines >= LOG_LIMIT_BURST) {
                limit->left_out++;
                return false;
        }
        limit->lines++;
        *ret_left_out = limit->left_out;
        limit->left_out = 0;
        return true;
}

void log_fields_limited(struct log_limit *limit, enum log_level level, const char *message,
                        const struct log_field *fields, size_t n)
{
        enum { MOST = 15 };
        struct log_field all[MOST + 1];
        uint64_t left_out;

        if (level > config.level || !log_limit_pass(limit, time_monotonic(), &left_out))
                return;
        if (n > MOST)
                n = MOST;
        if (n > 0)
                memcpy(all, fields, n * sizeof(*fields));
        if (left_out > 0)
                all[n++] = LOG_NUMBER("left_out", (int64_t)left_out);
        log_fields(level, message, all, n);
}

void log_line_limited(struct log_limit *limit, enum log_level level, const char *fmt, ...)
{
        char message[LOG_LINE_MAX];
        va_list ap;

        va_start(ap, fmt);
        (void)vsnprintf(message, sizeof(message), fmt, ap);
        va_end(ap);
        log_fields_limited(limit, level, message, NULL, 0);
}
