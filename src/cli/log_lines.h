/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of logs on stdout: as the app wrote them, with what was asked for before each, or as JSON. */
#pragma once

#include <stdbool.h>

#include "logs/reader.h"

struct log_lines {
        bool timestamps;
        bool app;    /* say whose a line is */
        bool colour; /* a colour per app, red for what went to stderr */
        bool json; /* an object a line: time, app, stream, text; partial where the newline is missing */
        const char *const *apps; /* borrowed; their order chooses the colours */
        size_t n_apps;
        /* The line that has begun on stdout and not ended: long ones come in pieces. */
        bool begun;
        const char *begun_app; /* borrowed from the reader */
        enum logs_stream begun_stream;
};

/* Text from apps goes out as it is, as with any program's output; in JSON what is not UTF-8 becomes U+FFFD. */
void log_lines_put(struct log_lines *l, const struct logs_line *line);
/* End a line that an app left open. */
void log_lines_end(struct log_lines *l);
