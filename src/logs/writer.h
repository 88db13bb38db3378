/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an app's pipes to its log file: bytes in, entries out. Built for a supervisor whose every page counts
 * and which must not die: no allocation after the buffer exists, one write(2) for all lines of one read.
 *
 * When the disk is full (or any write fails) the file is cut back to its last whole line and output is dropped
 * and counted; the app is never held up. The first output that fits again is preceded by a line that says how
 * much is missing. So the file stays parseable at every moment and never lies by silence.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logs/format.h"
#include "util/err.h"

enum {
        LOGS_READ_MAX = 64 * 1024, /* most bytes per logs_writer_put: what a pipe holds */
        LOGS_OUT_SIZE = 160 * 1024 /* a full read in lines of 26 bytes or more is one write */
};

/* Where entries are formatted. One for all writers of a process; LOGS_OUT_SIZE bytes, owned by the caller. */
struct logs_out {
        char *data;
};

struct logs_writer {
        int fd;                          /* owned; -1 for the null writer */
        bool open_line[LOGS_STREAM_MAX]; /* the last entry of the stream was a piece */
        bool failing;                    /* the last write failed; lost_* count since then */
        uint64_t lost_bytes;             /* since the failure began */
        uint64_t total_lost_bytes;       /* for good */
        int failure;                     /* errno of the last failure */
};

#define LOGS_WRITER_NULL ((struct logs_writer){ .fd = -1 })

/*
 * Create or continue `<app>.log` beneath the directory @logs_fd (mode 0640). A piece of a line that a crash
 * left at the end of the file is ended first. Blocks on the disk only.
 */
int logs_writer_open(int logs_fd, const char *app, struct logs_writer *ret, struct err *e);
void logs_writer_done(struct logs_writer *w); /* closes; never syncs */

/*
 * Append what was read from one of the app's pipes, at most LOGS_READ_MAX bytes, as entries with time @now.
 * Text after the last newline becomes a piece at once, so that a prompt is seen. Never fails: see above.
 */
void logs_writer_put(struct logs_writer *w, struct logs_out *out, enum logs_stream stream,
                     const char *data, size_t len, nsec now);

/* The stream is at its end: closes a line that was left open, and reports what is still unreported as lost. */
void logs_writer_end(struct logs_writer *w, struct logs_out *out, enum logs_stream stream,
                     nsec now);
