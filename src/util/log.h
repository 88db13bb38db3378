/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines on stderr. Only programs log above debug level; library code returns errors.
 * Each line is one write(2), so lines of several processes never mix; util/log_format.h says what they look like.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/log_format.h"

/* @name: what stands before each line ("run", "carob-api"); borrowed. Default level: info. As text. */
void log_init(const char *name, enum log_level level);
/*
 * For a service: its lines have @format; where the journal reads them (JOURNAL_STREAM names our stderr) they carry
 * their level as sd-daemon(3) wants it; and none ever blocks: what stderr does not take at once is lost and
 * counted. Whoever started the service without stdin, stdout or stderr has given it /dev/null: a socket in such a place
 * would get what is written there. To be called once, before whatever forbids to open files: a pipe is opened anew, so that others who write
 * to it keep their own way of waiting.
 */
void log_service(enum log_format format);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same with fields: log_event(LOG_LEVEL_INFO, "scanned", LOG_NUMBER("pods", n), LOG_TEXT("dir", dir)). */
#define log_event(level, message, ...)                                                             \
        log_fields(level, message, (const struct log_field[]){ __VA_ARGS__ },                      \
                   sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field))
void log_fields(enum log_level level, const char *message, const struct log_field *fields,
                size_t n);

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * For lines that strangers can provoke, who must not fill our disk with them: LOG_LIMIT_BURST in LOG_LIMIT_WINDOW from
 * one place in the code. The first after a silence tells how many were left out.
 */
#define LOG_LIMIT_WINDOW (10 * NSEC_PER_SEC)
enum { LOG_LIMIT_BURST = 10 };

struct log_limit {
        nsec since; /* CLOCK_MONOTONIC: begin of the window */
        unsigned lines;
        uint64_t left_out;
};

/* May one more line be written at @now? *ret_left_out: since the last that was, to be told by this one. */
bool log_limit_pass(struct log_limit *limit, nsec now, uint64_t *ret_left_out);

#define log_event_limited(level, message, ...)                                                     \
        do {                                                                                       \
                static struct log_limit limit_;                                                    \
                log_fields_limited(&limit_, level, message,                                        \
                                   (const struct log_field[]){ __VA_ARGS__ },                      \
                                   sizeof((const struct log_field[]){ __VA_ARGS__ }) /             \
                                           sizeof(struct log_field));                              \
        } while (0)
#define log_warning_limited(...)                                                                   \
        do {                                                                                       \
                static struct log_limit limit_;                                                    \
                log_line_limited(&limit_, LOG_LEVEL_WARNING, __VA_ARGS__);                         \
        } while (0)
void log_line_limited(struct log_limit *limit, enum log_level level, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
void log_fields_limited(struct log_limit *limit, enum log_level level, const char *message,
                        const struct log_field *fields, size_t n);

enum log_output {
        LOG_OUTPUT_TAKEN,
        LOG_OUTPUT_FULL,   /* a service's stderr takes nothing at the moment */
        LOG_OUTPUT_BROKEN, /* nor ever again, as far as one can tell: the bytes are lost */
};
/*
 * Whole lines made by log_compose, LOG_OUTPUT_MAX bytes at most, which a pipe takes wholly or not at all (PIPE_BUF).
 * For who writes so much that it keeps a queue of its own.
 */
enum { LOG_OUTPUT_MAX = 4096 };
enum log_output log_write(const char *lines, size_t len);
/*
 * A line as log_fields would write it, with the time also in text. Returns its length, newline included; no NUL
 * follows.
 */
enum { LOG_COMPOSED_MAX = LOG_LINE_MAX + 3 };
size_t log_compose(enum log_level level, const char *message, const struct log_field *fields,
                   size_t n, char ret[static LOG_COMPOSED_MAX]);

/* Lines that stderr did not take, since the start. */
uint64_t log_lost(void);
