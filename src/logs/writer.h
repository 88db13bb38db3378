/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an app's pipes to its log file: bytes in, entries out. Built for a supervisor whose every page counts
 * and which must not die: no allocation, one write(2) for all lines of one read.
 *
 * When the disk is full (or any write fails) the file is cut back to its last whole entry and output is dropped
 * and counted; the app is never held up. The first output that fits again is preceded by an entry that says how
 * much is missing. So the file stays parseable at every moment and never lies by silence.
 *
 * Rotation happens between two batches and loses nothing: the next file exists before the old one is renamed, and if
 * that is not possible, the old one is written on. When the clock was set back by more than a second, a new file is
 * begun, so that readers may search each file by time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logs/format.h"
#include "util/err.h"

/* When a file is full, `<app>.log` becomes `.log.1`, that `.log.2` and so on; the oldest goes. */
struct logs_limits {
        uint64_t max_bytes; /* of one file, but for one batch; 0: no limit, nothing is rotated */
        unsigned max_files; /* of one app, the one written to included: 1 to LOGS_FILES_MAX */
};

#define LOGS_LIMITS_DEFAULT                                                                        \
        ((struct logs_limits){ .max_bytes = UINT64_C(16) << 20, .max_files = 4 })

struct logs_writer {
        int fd;          /* owned */
        int logs_fd;     /* borrowed */
        const char *app; /* borrowed */
        struct logs_limits limits;
        uint64_t size;                   /* of the file, as far as we know */
        uint64_t rotate_at;              /* max_bytes, or later after a rotation that failed */
        uint64_t generation;             /* how many files there were before this one */
        uint64_t begun;                  /* bytes in those */
        nsec last;                       /* time of the last entry: times in one file do not fall */
        bool open_line[LOGS_STREAM_MAX]; /* the stream's last entry in the file is a piece */
        bool torn;           /* the file could not be cut back: it ends within an entry */
        uint64_t lost_bytes; /* output dropped and not yet reported in the file */
        int failure;         /* errno of the last failed write; 0: none since the last report */
};

#define LOGS_WRITER_NULL ((struct logs_writer){ .fd = -1, .logs_fd = -1 })

/*
 * Create or continue `<app>.log` beneath the directory @logs_fd, with mode 0640. An entry that a crash tore is
 * ended first. @logs_fd and @app must outlive the writer. @limits NULL: LOGS_LIMITS_DEFAULT. Blocks on the disk only.
 * Errors: ERR_LIMIT for a name over LOGS_APP_MAX bytes; those of the file system (ERR_NO_SPACE, ERR_PERMISSION ...).
 */
int logs_writer_open(int logs_fd, const char *app, const struct logs_limits *limits,
                     struct logs_writer *ret, struct err *e);
void logs_writer_done(struct logs_writer *w); /* closes; does not sync */

/*
 * Append what was read from one of the app's pipes, at most LOGS_READ_MAX bytes, as entries with time @now.
 * Text after the last newline becomes a piece at once, so that a prompt is seen. Never fails: see above.
 * @out: LOGS_BATCH_MAX bytes to format in; one buffer serves all writers of a process.
 */
void logs_writer_put(struct logs_writer *w, char *out, enum logs_stream stream, const char *data,
                     size_t len, nsec now);

/* The stream is at its end: end a line left open, and report what was lost, if that fits now. */
void logs_writer_end(struct logs_writer *w, char *out, enum logs_stream stream, nsec now);
