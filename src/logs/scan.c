/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/mem.h"

void scan_done(struct scan *s)
{
        closep(&s->fd);
        free(s->data);
        *s = SCAN_NULL;
}

void scan_seek(struct scan *s, off_t pos)
{
        s->pos = pos;
        s->at = s->len = 0;
        s->within = false;
}

bool scan_in_range(const struct scan_range *range, nsec time)
{
        return time >= range->since && (range->until == 0 || time < range->until);
}

/* Fill the block behind its unread part. 1: more bytes; 0: none before the end. */
static int scan_fill(struct scan *s, struct err *e)
{
        off_t from = s->pos + (off_t)(s->len - s->at);
        size_t room;
        ssize_t n;

        if (!s->data)
                s->data = xmalloc(SCAN_BLOCK);
        memmove(s->data, s->data + s->at, s->len - s->at);
        s->len -= s->at;
        s->at = 0;
        room = SCAN_BLOCK - s->len;
        if (from >= s->end)
                return 0;
        if ((off_t)room > s->end - from)
                room = (size_t)(s->end - from);
        do
                n = pread(s->fd, s->data + s->len, room, from);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return err_set(e, ERR_INTERNAL, errno, "read log file");
        s->len += (size_t)n;
        return n > 0;
}

/* Hand out data[at .. at+n) as an entry, or as the next piece of the one we are within. */
static void scan_take(struct scan *s, size_t n, bool whole, struct logs_entry *ret)
{
        const char *text = s->data + s->at;

        if (s->within) {
                *ret = s->entry;
                ret->text = text;
                ret->len = n;
        } else if (logs_format_parse(text, n, ret) < 0) {
                *ret = (struct logs_entry){ .time = s->entry.time, .text = text, .len = n };
        }
        s->entry = *ret;
        s->within = !whole;
        ret->partial = ret->partial || !whole;
        s->at += n + (whole ? 1 : 0);
        s->pos += (off_t)(n + (whole ? 1 : 0));
}

static bool all_zero(const char *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (p[i] != '\0')
                        return false;
        return true;
}

int scan_next(struct scan *s, struct logs_entry *ret, struct err *e)
{
        size_t searched = 0;

        for (;;) {
                const char *from = s->data ? s->data + s->at : NULL;
                size_t avail = s->len - s->at;
                const char *nl = NULL;
                int r;

                if (avail > searched)
                        nl = memchr(from + searched, '\n', avail - searched);
                if (nl) {
                        size_t n = (size_t)(nl - from);

                        if (s->within || !all_zero(from, n)) {
                                scan_take(s, n, true, ret);
                                return 1;
                        }
                        s->at += n + 1;
                        s->pos += (off_t)n + 1;
                        searched = 0;
                        continue;
                }
                if (avail == SCAN_BLOCK) {
                        scan_take(s, avail, false, ret);
                        return 1;
                }
                searched = avail;
                r = scan_fill(s, e);
                if (r < 0)
                        return -1;
                if (r == 0) {
                        /* Read again later: what stands here without a newline may still be cut off. */
                        s->at = s->len = 0;
                        return 0;
                }
        }
}

/* --- backwards --- */

enum {
        HEAD_MAX = 96,             /* enough for time, stream and tags */
        LOOK_BACK = 4 * SCAN_BLOCK /* how far the first piece of a line is searched for */
};

struct window {
        int fd;
        off_t start, end; /* what data holds of the file */
        char *data;       /* owned */
};

static void window_done(struct window *w)
{
        free(w->data);
}

static int window_load(struct window *w, off_t end, struct err *e)
{
        size_t len = end < SCAN_BLOCK ? (size_t)end : SCAN_BLOCK, done = 0;

        w->start = end - (off_t)len;
        while (done < len) {
                ssize_t n = pread(w->fd, w->data + done, len - done, w->start + (off_t)done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_set(e, ERR_INTERNAL, errno, "read log file");
                if (n == 0) { /* it was cut shorter meanwhile */
                        memset(w->data + done, '\n', len - done);
                        break;
                }
                done += (size_t)n;
        }
        w->end = end;
        return 0;
}

/* The offset behind the last newline before @before; 0 when there is none. */
static int line_start(struct window *w, off_t before, off_t *ret, struct err *e)
{
        while (before > 0) {
                const char *nl;

                if (before <= w->start || before > w->end)
                        if (window_load(w, before, e) < 0)
                                return -1;
                nl = memrchr(w->data, '\n', (size_t)(before - w->start));
                if (nl) {
                        *ret = w->start + (nl - w->data) + 1;
                        return 0;
                }
                before = w->start;
        }
        *ret = 0;
        return 0;
}

/* Parse time, stream and tag of the line at [start, end); the text may be cut. */
static int line_head(struct window *w, off_t start, off_t end, struct logs_entry *ret)
{
        char head[HEAD_MAX];
        size_t len = end - start < HEAD_MAX ? (size_t)(end - start) : HEAD_MAX;

        if (start >= w->start && start + (off_t)len <= w->end) {
                memcpy(head, w->data + (start - w->start), len);
        } else {
                ssize_t n = pread(w->fd, head, len, start);

                if (n < 0)
                        return -EINVAL;
                len = (size_t)n;
        }
        return logs_format_parse(head, len, ret);
}

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
        if (k->count == 0 || !scan_in_range(range, entry->time))
                return;
        k->wanted[entry->stream] = true;
        if (--k->count == 0)
                k->limit = at > LOOK_BACK ? at - LOOK_BACK : 0;
}

static bool walk_satisfied(const struct walk *k, off_t at)
{
        bool wanted = false;

        for (unsigned s = 0; s < LOGS_STREAM_MAX; s++)
                wanted = wanted || k->wanted[s];
        return k->count == 0 && (!wanted || at <= k->limit);
}

int scan_tail(int fd, off_t end, const struct scan_range *range, int64_t *count, off_t *ret,
              struct err *e)
{
        AUTO(window_done) struct window w = { .fd = fd, .data = xmalloc(SCAN_BLOCK) };
        struct walk k = { .count = *count };
        off_t line_end; /* behind the newline of the line looked at */

        if (line_start(&w, end, &line_end, e) < 0)
                return -1;
        while (line_end > 0 && !walk_satisfied(&k, line_end)) {
                struct logs_entry entry;
                off_t start;

                if (line_start(&w, line_end - 1, &start, e) < 0)
                        return -1;
                if (line_head(&w, start, line_end - 1, &entry) == 0)
                        walk_back(&k, range, &entry, start);
                line_end = start;
        }
        *count = k.count;
        *ret = line_end;
        return 0;
}
