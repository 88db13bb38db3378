/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the log files of a pod: of one app, or of several merged by time. READ-ONLY: nothing here opens for
 * writing, so an unprivileged service may link it.
 *
 * Pieces of a line are joined; a line over LOGS_LINE_MAX comes in several pieces, so memory is bounded
 * whatever an app wrote. Pieces end between characters of UTF-8. Bytes that are no entry are handed out as a line of their own with the time of the
 * line before. Rotated files (`<app>.log.2`, then `.log.1`, then `.log`) are one stream.
 *
 * A reader sees the files as long as they were at logs_reader_open or at the last logs_reader_refresh.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logs/format.h"
#include "util/err.h"

struct logs_reader;

/*
 * Bytes of unfinished lines that readers keep: each LOGS_LINE_FAIR for each app and stream, and beyond that @max together. A
 * line that would be more comes in pieces.
 */
struct logs_budget {
        size_t used;
        size_t max;
};

enum { LOGS_BUDGET_DEFAULT = 4 * LOGS_LINE_MAX };

struct logs_line {
        nsec time; /* of its first piece */
        enum logs_stream stream;
        bool partial;     /* no newline yet: more of this line follows, or the app never ended it */
        bool continued;   /* there were pieces of this line before */
        const char *app;  /* borrowed from the reader */
        const char *text; /* borrowed until the next call on the reader; not NUL-terminated */
        size_t len;
};

struct logs_query {
        const char *const *apps; /* in the order that breaks ties; copied */
        size_t n_apps;
        nsec since;                 /* lines with since <= time; 0: from the start */
        nsec until;                 /* lines with time < until; 0: to the end */
        unsigned streams;           /* of LOGS_STREAM_BIT; 0: all */
        int64_t tail;               /* the last @tail lines of those; negative: all */
        bool stepwise;              /* do not look for the tail yet: logs_reader_seek does */
        struct logs_budget *budget; /* borrowed, for the reader's life; NULL: one of its own */
        /*
         * At the end of what is there, keep an unfinished line until it is finished, or until
         * logs_reader_flush. Without it the unfinished text is handed out as the last line.
         */
        bool follow;
};

/*
 * @pod_fd: the pod's directory, borrowed for the call. An app without a log file has no lines.
 * Errors: ERR_LIMIT for more than LIMIT_POD_APPS apps; ERR_INTERNAL (kinds as err_set) when a file cannot
 * be opened or read. Reads the ends of the files when @tail is given; blocks on the disk only.
 */
int logs_reader_open(int pod_fd, const struct logs_query *query, struct logs_reader **ret,
                     struct err *e);
struct logs_reader *logs_reader_free(struct logs_reader *r); /* NULL is fine; returns NULL */
static inline void logs_reader_freep(struct logs_reader **r)
{
        (void)logs_reader_free(*r);
}

/* Descriptors of log files that it holds. */
size_t logs_reader_files(const struct logs_reader *r);

/*
 * With query.stepwise, before all else: look for the beginning of the tail, at some @lines of it (a long one counts for
 * several). 1: once more; 0: it is found, or there was nothing to look for; -1: error.
 */
int logs_reader_seek(struct logs_reader *r, size_t lines, struct err *e);

/* 1: *ret is the next line; 0: nothing more now, *ret untouched; -1: error. */
int logs_reader_next(struct logs_reader *r, struct logs_line *ret, struct err *e);

/* Look again how long the files are, and whether one was rotated; logs_reader_next goes on from there. */
int logs_reader_refresh(struct logs_reader *r, struct err *e);

/* With query.follow: hand out unfinished text (partial set). 1 as long as there was some, then 0. */
int logs_reader_flush(struct logs_reader *r, struct logs_line *ret);
