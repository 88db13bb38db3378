/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of a log file, in the format of the Kubernetes CRI:
 *
 *     2026-11-23T15:50:01.500000000Z stdout F text of the line\n
 *
 * The tag is F for the end of a line and P for a piece that the next entry of the same stream continues; more
 * tags may follow after ':' and are ignored. The text is whatever the app wrote: any bytes but a newline.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/time.h"

enum logs_stream { LOGS_STDOUT, LOGS_STDERR, LOGS_STREAM_MAX };

/* For sets of streams. */
#define LOGS_STREAM_BIT(s) (1u << (s))

enum {
        LOGS_PREFIX_LEN = 40,        /* time 30, blank, stream 6, blank, tag, blank */
        LOGS_PREFIX_TAG = 38,        /* where the tag stands */
        LOGS_LINE_MAX = 1024 * 1024, /* the longest text a reader hands out in one piece */
        LOGS_LINE_FAIR =
                64 * 1024, /* what it hands out in one piece however many others it has to keep */
        LOGS_READ_MAX =
                256 * 1024, /* most bytes of an app's output that become one batch of entries */
        LOGS_BATCH_MAX = 640 * 1024 /* so that such a batch in lines of 28 bytes is one write */
};

/*
 * What the log files of an app are called: `<app>.log` is written to, `.log.1` is the newest of the rotated ones, and
 * `.log.new` is the next one while it is made.
 */
enum {
        LOGS_APP_MAX = NAME_MAX - (int)sizeof(".log.new") + 1, /* longest name of an app */
        LOGS_FILES_MAX = 64,                                   /* of one app */
        LOGS_FILE_NEW = LOGS_FILES_MAX                         /* in place of a number: .log.new */
};
/* @number: 0 to LOGS_FILE_NEW. 0, or -ENAMETOOLONG with "" in @ret: there is no such file, and cannot be. */
int logs_file_name(const char *app, unsigned number, char ret[static NAME_MAX + 1]);

/* A parsed entry; text is borrowed from the parsed bytes. */
struct logs_entry {
        nsec time; /* since the epoch */
        enum logs_stream stream;
        bool partial; /* tag P */
        const char *text;
        size_t len; /* without the newline */
};

/* "stdout" or "stderr"; never NULL. */
const char *logs_stream_name(enum logs_stream stream);

/* Write the LOGS_PREFIX_LEN bytes that stand before the text of a whole line; no NUL. */
void logs_format_prefix(nsec time, enum logs_stream stream, char ret[static LOGS_PREFIX_LEN]);

/*
 * Parse one entry without its newline. NUL bytes in front are skipped: a file system that lost power may
 * leave a run of them. Returns 0, or -EINVAL with *ret untouched.
 */
int logs_format_parse(const char *line, size_t len, struct logs_entry *ret);
