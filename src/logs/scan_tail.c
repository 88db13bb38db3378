/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/scan.h"

#include "util/auto.h"

static void walk_count(struct scan_walk *k, enum logs_stream stream, off_t at)
{
        k->wanted[stream] = true;
        if (k->count > 0 && --k->count == 0)
                k->limit = at - SCAN_REACH;
}

/* The time of a line is that of its first piece: one that ends too late may have begun in time. */
static void walk_back(struct scan_walk *k, const struct scan_range *range,
                      const struct logs_entry *entry, off_t at)
{
        enum logs_stream stream = entry->stream;
        bool in_range = scan_in_range(range, entry->time, stream);

        if (entry->partial) {
                if (k->late[stream] && in_range)
                        walk_count(k, stream, at);
                k->late[stream] = k->late[stream] && !in_range;
                return;
        }
        k->wanted[stream] = false;
        k->late[stream] = false;
        if (k->count == 0)
                return;
        if (in_range)
                walk_count(k, stream, at);
        else
                k->late[stream] = range->until > 0 && entry->time >= range->until;
}

static bool walk_satisfied(const struct scan_walk *k, off_t at)
{
        bool wanted = false, late = false;

        for (unsigned s = 0; s < LOGS_STREAM_MAX; s++) {
                wanted = wanted || k->wanted[s];
                late = late || k->late[s];
        }
        if (k->count > 0)
                return false;
        /* Most streams that seem to be late are just silent. */
        return wanted ? at <= k->limit : !late || at <= k->limit + SCAN_REACH - SCAN_BLOCK;
}

int scan_walk_begin(struct scan_walk *k, const struct scan *s, int64_t count, struct err *e)
{
        k->count = count;
        k->limit += s->end;
        window_init(&k->window, s->fd, SCAN_BLOCK);
        if (window_line_before(&k->window, s->end, &k->line_end, e) == 0)
                return 0;
        scan_walk_done(k);
        return -1;
}

int scan_walk_on(struct scan_walk *k, const struct scan *s, const struct scan_range *range,
                 size_t lines, struct err *e)
{
        while (k->line_end > s->first && !walk_satisfied(k, k->line_end)) {
                struct logs_entry entry;
                off_t start;

                if (lines == 0)
                        return 1;
                if (window_line_before(&k->window, k->line_end - 1, &start, e) < 0)
                        return -1;
                if (window_line_head(&k->window, start, k->line_end - 1, &entry) == 0)
                        walk_back(k, range, &entry, start);
                lines -= scan_cost((size_t)(k->line_end - start), lines);
                k->line_end = start;
        }
        if (k->line_end < s->first)
                k->line_end = s->first;
        return 0;
}

bool scan_walk_is_open(const struct scan_walk *k)
{
        return !walk_satisfied(k, k->line_end);
}

int scan_tail(const struct scan *s, const struct scan_range *range, int64_t *count, off_t *ret,
              struct err *e)
{
        AUTO(scan_walk_done) struct scan_walk k = { .count = 0 };

        if (scan_walk_begin(&k, s, *count, e) < 0 || scan_walk_on(&k, s, range, SIZE_MAX, e) < 0)
                return -1;
        *count = k.count;
        *ret = k.line_end;
        return 0;
}
