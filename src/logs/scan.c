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

bool scan_in_range(const struct scan_range *range, nsec time, enum logs_stream stream)
{
        return (range->streams == 0 || (range->streams & LOGS_STREAM_BIT(stream))) &&
               time >= range->since && (range->until == 0 || time < range->until);
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
                        /* Followers wait long, and are many. */
                        free(s->data);
                        s->data = NULL;
                        return 0;
                }
        }
}
