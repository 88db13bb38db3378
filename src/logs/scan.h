/* SPDX-License-Identifier: Apache-2.0 */
/* Private to logs: the entries of one log file, forwards, and where the last N of them begin. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "logs/format.h"
#include "logs/window.h"
#include "util/err.h"

enum {
        SCAN_BLOCK = 64 * 1024,
        SCAN_REACH = 4 * SCAN_BLOCK /* how far apart the pieces of a line are looked for */
};

struct scan {
        int fd;         /* owned */
        off_t first;    /* where reading begins: 0, or what scan_narrow found */
        off_t pos;      /* file offset of data[at] */
        off_t end;      /* how long the file is for us */
        bool closed;    /* what comes behind it is out of range */
        bool after_gap; /* the file before it was gone before it could be read to its end */
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
        unsigned streams;
};
bool scan_in_range(const struct scan_range *range, nsec time, enum logs_stream stream);

/*
 * The start of the first line whose time is @time or later, @end when there is none. 0, or -1: read error. True for a file
 * whose times do not fall; for others it is the start of some line.
 */
int scan_find_time(int fd, off_t end, nsec time, off_t *ret, struct err *e);
/*
 * Set first and end so that all lines in @range lie between them, with little else; closed if none can come behind them. 0, or
 * -1: read error.
 */
int scan_narrow(struct scan *s, const struct scan_range *range, struct err *e);

/*
 * Backwards from the end to s->first: the offset of a line start such that at least *count whole lines in @range come
 * after it, or s->first when there are fewer; *count drops by the number found. Pieces of those lines are included
 * as far as they stand within SCAN_REACH.
 */
int scan_tail(const struct scan *s, const struct scan_range *range, int64_t *count, off_t *ret,
              struct err *e);

/* How many of @lines a line of @len bytes counts for: no more than are left. */
static inline size_t scan_cost(size_t len, size_t lines)
{
        size_t cost = 1 + len / (16 * 1024);

        return cost < lines ? cost : lines;
}

/* The same in steps. */
struct scan_walk {
        struct window window;
        int64_t count;  /* lines not found yet */
        off_t line_end; /* behind the newline of the line to be looked at: the result */
        bool wanted[LOGS_STREAM_MAX]; /* an end was counted; its beginning was not seen yet */
        bool late
                [LOGS_STREAM_MAX]; /* of a line that ends too late, or not at all, nothing else was seen yet */
        off_t limit; /* do not look for beginnings before this; negative: in the file before */
};

/* @k: zero, or done with in the file after this one, of whose lines some may begin in this. */
int scan_walk_begin(struct scan_walk *k, const struct scan *s, int64_t count, struct err *e);
/* Look at @lines more. 1: go on; 0: line_end and count are what scan_tail would say; -1: read error. */
int scan_walk_on(struct scan_walk *k, const struct scan *s, const struct scan_range *range,
                 size_t lines, struct err *e);
/* At the file's start: whether the one before it has more that is wanted. */
bool scan_walk_is_open(const struct scan_walk *k);
static inline void scan_walk_done(struct scan_walk *k)
{
        window_done(&k->window);
}
