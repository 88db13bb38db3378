/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a log line looks, as text for people or as one JSON object for machines. Pure. Messages and values may quote
 * what strangers wrote: whatever they hold, the result is one line that neither steers a terminal nor passes for two,
 * and valid JSON in UTF-8 if that was asked for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/time.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

int log_level_parse(const char *s, enum log_level *ret);   /* "error", "warning", ...; -EINVAL */
int log_format_parse(const char *s, enum log_format *ret); /* "text", "json"; -EINVAL */

enum log_field_kind { LOG_FIELD_TEXT, LOG_FIELD_NUMBER, LOG_FIELD_SECONDS };

/* One key=value. */
struct log_field {
        const char *key; /* a constant of the program: [a-z0-9_]+ */
        enum log_field_kind kind;
        const char *
                text; /* borrowed; at most LOG_FIELD_MAX bytes of it are shown; NULL: no such field */
        int64_t number; /* of the other kinds; seconds are given in nanoseconds */
};

#define LOG_TEXT(k, v)   ((struct log_field){ .key = (k), .kind = LOG_FIELD_TEXT, .text = (v) })
#define LOG_NUMBER(k, v) ((struct log_field){ .key = (k), .kind = LOG_FIELD_NUMBER, .number = (v) })
#define LOG_SECONDS(k, v)                                                                          \
        ((struct log_field){ .key = (k), .kind = LOG_FIELD_SECONDS, .number = (v) })

enum {
        LOG_LINE_MAX =
                2048, /* with its newline; what does not fit is cut, fields before the message */
        LOG_FIELD_MAX = 256,
};

struct log_record {
        nsec time; /* since the epoch; in text shown only when timed */
        bool timed;
        enum log_level level;
        const char *name; /* of the program; borrowed, as all here */
        const char *message;
        const struct log_field *fields;
        size_t n_fields;
};

/*
 * "carob-api: warning: message key=value key="two words"" or {"time":"...","level":"warning","name":"carob-api",
 * "msg":"message","key":"value"}, and a newline. Returns the length; no NUL follows.
 */
size_t log_format_line(enum log_format format, const struct log_record *record,
                       char ret[static LOG_LINE_MAX]);
