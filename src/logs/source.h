/* SPDX-License-Identifier: Apache-2.0 */
/* Private to logs: the joined lines of one app, through its rotated files. */
#pragma once

#include "logs/reader.h"
#include "logs/scan.h"
#include "util/buf.h"

struct source {
        char *app;          /* owned */
        struct scan *files; /* owned; oldest first */
        size_t n_files, cap_files;
        size_t current;
        struct logs_budget *budget;         /* borrowed */
        struct buf joined[LOGS_STREAM_MAX]; /* pieces of a line not yet ended */
        bool open[LOGS_STREAM_MAX];         /* within a line: its time is line_time */
        nsec line_time[LOGS_STREAM_MAX];
        bool continued[LOGS_STREAM_MAX]; /* a piece of the line was handed out */
        struct buf *given; /* handed out by the last call, but for its last @kept bytes */
        size_t kept;
        bool held; /* held_entry comes before the next of the file */
        struct logs_entry held_entry;
        struct logs_line head; /* used by the merge */
        bool has_head;
        bool passing[LOGS_STREAM_MAX]; /* by the reader: the rest of the line is not wanted */
};

void source_init(struct source *s, const char *app, struct logs_budget *budget);
void source_done(struct source *s);

/* Open the files there are. Later: see how long they are now, and whether there is a new one. */
int source_open_files(struct source *s, int logs_fd, struct err *e);
int source_refresh(struct source *s, int logs_fd, struct err *e);

/* Once, before reading: pass over what of each file is out of @range. */
int source_narrow(struct source *s, const struct scan_range *range, struct err *e);
/* Where the last @left lines in @range begin, looked for backwards: a file and an offset for source_rewind. */
struct source_tail {
        int64_t left; /* lines not found yet */
        size_t file;
        off_t pos;
        struct scan_walk walk; /* through the file, while @walking */
        bool walking;
        bool open; /* a line of the tail may have begun in the file before */
};

void source_tail_init(struct source_tail *t, const struct source *s, int64_t count);
void source_tail_done(struct source_tail *t);
/* Look at no more than @lines. 1: go on; 0: file and pos are found; -1: read error. */
int source_tail_step(struct source_tail *t, struct source *s, const struct scan_range *range,
                     size_t lines, struct err *e);
void source_rewind(struct source *s, size_t file, off_t pos);

int source_next(struct source *s, struct logs_line *ret, struct err *e); /* 1, 0, -1 */
/* Unfinished text: 1 and *ret, or 0. */
int source_flush(struct source *s, struct logs_line *ret);
/* Whether there is some of @stream, as source_flush would hand it out; its time. */
bool source_is_unfinished(const struct source *s, enum logs_stream stream, nsec *ret_time);
