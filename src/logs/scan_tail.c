/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/scan.h"

#include "logs/window.h"
#include "util/auto.h"

/* What is known of the lines while walking back. */
struct walk {
        bool wanted[LOGS_STREAM_MAX]; /* an end was counted; its beginning was not seen yet */
        int64_t count;
        off_t limit; /* do not look for beginnings before this */
};

static void walk_back(struct walk *k, const struct scan_range *range,
                      const struct logs_entry *entry, off_t at)
{
        if (entry->partial)
                return;
        k->wanted[entry->stream] = false;
        if (k->count == 0 || !scan_in_range(range, entry->time, entry->stream))
                return;
        k->wanted[entry->stream] = true;
        if (--k->count == 0)
                k->limit = at > SCAN_REACH ? at - SCAN_REACH : 0;
}

static bool walk_satisfied(const struct walk *k, off_t at)
{
        bool wanted = false;

        for (unsigned s = 0; s < LOGS_STREAM_MAX; s++)
                wanted = wanted || k->wanted[s];
        return k->count == 0 && (!wanted || at <= k->limit);
}

int scan_tail(const struct scan *s, const struct scan_range *range, int64_t *count, off_t *ret,
              struct err *e)
{
        AUTO(window_done) struct window w;
        struct walk k = { .count = *count };
        off_t line_end; /* behind the newline of the line looked at */

        window_init(&w, s->fd, SCAN_BLOCK);
        if (window_line_before(&w, s->end, &line_end, e) < 0)
                return -1;
        while (line_end > s->first && !walk_satisfied(&k, line_end)) {
                struct logs_entry entry;
                off_t start;

                if (window_line_before(&w, line_end - 1, &start, e) < 0)
                        return -1;
                if (window_line_head(&w, start, line_end - 1, &entry) == 0)
                        walk_back(&k, range, &entry, start);
                line_end = start;
        }
        *count = k.count;
        *ret = line_end > s->first ? line_end : s->first;
        return 0;
}
