/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines for people on stderr. Only programs log above debug level; library code returns errors.
 * Each line is one write(2), so lines of several processes never mix. Control characters become '?'.
 */
#pragma once

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* @name: what stands before each line ("run", "carob-api"); borrowed. Default level: info. */
void log_init(const char *name, enum log_level level);
int log_level_parse(const char *s,
                    enum log_level *ret); /* "error", "warning", "info", "debug"; -EINVAL */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
