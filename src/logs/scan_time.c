/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a moment is in a log file, by bisection: a file of any size costs some twenty reads. Times within one
 * file do not fall, the writer sees to that.
 */
#include "logs/scan.h"

#include "logs/window.h"
#include "util/auto.h"

enum { PROBE = 4096 }; /* a page: most lines are much shorter */

struct search {
        struct window window;
        off_t end;
        nsec time;
};

static void search_done(struct search *s)
{
        window_done(&s->window);
}

/*
 * From the line start @at on, the first line that is an entry: 1 and its start, end and time; 0: none begins before
 * @limit; -1: read error.
 */
static int find_entry(struct search *s, off_t at, off_t limit, off_t *ret_start, off_t *ret_end,
                      nsec *ret_time, struct err *e)
{
        struct logs_entry entry;
        off_t next;

        for (; at < limit; at = next) {
                if (window_line_after(&s->window, at, s->end, &next, e) < 0)
                        return -1;
                if (window_line_head(&s->window, at, next > at ? next - 1 : at, &entry) < 0)
                        continue;
                *ret_start = at;
                *ret_end = next;
                *ret_time = entry.time;
                return 1;
        }
        return 0;
}

/* All entries before *lo are earlier than the time, none at or after *hi is. Both are starts of lines. */
static int narrow(struct search *s, off_t *lo, off_t *hi, struct err *e)
{
        while (*hi - *lo > PROBE) {
                off_t middle, start, next;
                nsec time;
                int r;

                if (window_line_before(&s->window, *lo + (*hi - *lo) / 2, &middle, e) < 0)
                        return -1;
                r = find_entry(s, middle, *hi, &start, &next, &time, e);
                if (r < 0)
                        return -1;
                if (r > 0 && time < s->time)
                        *lo = next;
                else if (r > 0)
                        *hi = start;
                else
                        *hi = middle; /* bytes that are no entry fill the upper half */
        }
        return 0;
}

int scan_find_time(int fd, off_t end, nsec time, off_t *ret, struct err *e)
{
        AUTO(search_done) struct search s = { .end = end, .time = time };
        off_t lo = 0, hi = end, start = 0, next = 0;
        nsec at = 0;
        int r;

        window_init(&s.window, fd, PROBE);
        if (narrow(&s, &lo, &hi, e) < 0)
                return -1;
        while ((r = find_entry(&s, lo, hi, &start, &next, &at, e)) > 0 && at < time)
                lo = next;
        if (r < 0)
                return -1;
        *ret = r > 0 ? start : hi;
        return 0;
}

int scan_narrow(struct scan *s, const struct scan_range *range, struct err *e)
{
        AUTO(window_done) struct window w;
        off_t at;

        window_init(&w, s->fd, PROBE);
        s->first = 0;
        if (range->until > 0) {
                if (scan_find_time(s->fd, s->end, range->until, &at, e) < 0)
                        return -1;
                s->closed = at < s->end - SCAN_REACH;
                /* Pieces of lines that began before may follow. */
                if (s->closed && window_line_after(&w, at + SCAN_REACH, s->end, &s->end, e) < 0)
                        return -1;
        }
        if (range->since > 0) {
                if (scan_find_time(s->fd, s->end, range->since, &at, e) < 0)
                        return -1;
                s->first = at;
                /* The beginnings of lines that end after it: they tell that those are too early. */
                if (window_line_before(&w, at > SCAN_REACH ? at - SCAN_REACH : 0, &s->first, e) < 0)
                        return -1;
        }
        return 0;
}
