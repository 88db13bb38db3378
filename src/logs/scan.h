/* SPDX-License-Identifier: Apache-2.0 */
/* Private to logs: the entries of one log file, forwards, and where the last N of them begin. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "logs/format.h"
#include "util/err.h"

enum { SCAN_BLOCK = 64 * 1024 };

struct scan {
        int fd;         /* owned */
        off_t pos;      /* file offset of data[at] */
        off_t end;      /* how long the file is for us */
        char *data;     /* owned: SCAN_BLOCK bytes, made at the first read */
        size_t at, len; /* the unread part of data */
        bool within;    /* the last piece ended within an entry; `entry` is its head */
        struct logs_entry entry;
};

#define SCAN_NULL ((struct scan){ .fd = -1 })

void scan_done(struct scan *s);
void scan_seek(struct scan *s, off_t pos);

/*
 * 1: the next entry; one that does not fit the block comes in several with partial set. 0: no whole entry
 * before the end. -1: read error. What is no entry comes as a whole line of stdout with the time before.
 */
int scan_next(struct scan *s, struct logs_entry *ret, struct err *e);

/* Which entries count; see struct logs_query. */
struct scan_range {
        nsec since, until;
};
bool scan_in_range(const struct scan_range *range, nsec time);

/*
 * Backwards from the end: the offset of a line start such that at least *count whole lines in @range come
 * after it, or 0 when there are fewer; *count drops by the number found. Pieces of those lines are included
 * as far as they stand within a reasonable distance.
 */
int scan_tail(int fd, off_t end, const struct scan_range *range, int64_t *count, off_t *ret,
              struct err *e);
