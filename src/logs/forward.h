/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an app's log files to the journal. The files are the queue: what the journal does not take now is read from them
 * later, so neither does a busy journal hold up the app, nor does it cost memory, and one that is restarted misses nothing.
 * Only what rotation has removed before it was taken is lost to the journal; that is counted, and the journal is told.
 *
 * Pieces of a line are joined up to LOGS_JOURNAL_TEXT_MAX bytes. A longer line comes in several entries, all but the last of
 * which are marked CONTAINER_PARTIAL_MESSAGE=true.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "logs/journal.h"
#include "logs/writer.h"

enum { LOGS_FORWARD_WINDOW = 16 * 1024 };

struct logs_forward {
        const struct logs_writer *writer; /* borrowed */
        char *fields;                     /* owned; see logs_journal_fields */
        size_t fields_len;
        int fd;              /* owned; the file that is read */
        uint64_t generation; /* its number among all files there ever were, as writer->generation */
        uint64_t base;       /* bytes in the files before it */
        off_t pos;           /* before it all is in the journal, or in joined */
        bool within;         /* pos is within an entry, of which `entry` is the head */
        struct logs_entry entry;
        char *joined; /* owned; room for LOGS_JOURNAL_TEXT_MAX bytes of each stream */
        size_t joined_len[LOGS_STREAM_MAX];
        nsec joined_time[LOGS_STREAM_MAX];
        uint64_t lost; /* bytes of log files, not told to the journal yet */
        uint64_t lost_ever;
};

#define LOGS_FORWARD_NULL ((struct logs_forward){ .fd = -1 })

/*
 * All that @writer has in its file from now on, for a file that was just opened by logs_writer_open: what stood in it before
 * is passed over. @writer must outlive it. Allocates; nothing else here does. Errors: ERR_INTERNAL, ERR_NO_SPACE.
 */
int logs_forward_init(struct logs_forward *f, const struct logs_writer *writer, const char *uuid,
                      const char *pod, struct err *e);
void logs_forward_done(struct logs_forward *f);

enum logs_forward_result {
        LOGS_FORWARD_IDLE, /* the journal has all */
        LOGS_FORWARD_MORE, /* @entries were sent, and there are more */
        LOGS_FORWARD_FULL, /* as LOGS_JOURNAL_FULL and _GONE */
        LOGS_FORWARD_GONE,
};

/*
 * Send up to @entries to the journal's descriptor @fd. @window: LOGS_FORWARD_WINDOW bytes to read to, which may be shared.
 * Never waits for anything but the disk.
 */
enum logs_forward_result logs_forward_some(struct logs_forward *f, int fd, char *window,
                                           size_t entries);

/*
 * Nothing more is to be sent: what is left is lost, and the journal is told of it. IDLE: told, or there is nothing to tell; else call
 * it again.
 */
enum logs_forward_result logs_forward_give_up(struct logs_forward *f, int fd);

/* Bytes of log files that the journal does not have. */
uint64_t logs_forward_behind(const struct logs_forward *f);

/* Give the pages of joined back if nothing is in them. */
void logs_forward_relax(struct logs_forward *f);
