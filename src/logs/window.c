/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/window.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "util/mem.h"

enum { HEAD_MAX = 96 }; /* enough for time, stream and tags */

void window_init(struct window *w, int fd, size_t size)
{
        *w = (struct window){ .fd = fd, .data = xmalloc(size), .size = size };
}

/* Load [start, end), at most w->size bytes. What is not there any more reads as newlines. */
static int load(struct window *w, off_t start, off_t end, struct err *e)
{
        size_t len = (size_t)(end - start), done = 0;

        w->start = w->end = 0;
        while (done < len) {
                ssize_t n = pread(w->fd, w->data + done, len - done, start + (off_t)done);

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
        w->start = start;
        w->end = end;
        return 0;
}

int window_line_before(struct window *w, off_t before, off_t *ret, struct err *e)
{
        while (before > 0) {
                const off_t size = (off_t)w->size;
                const char *nl;

                if (before <= w->start || before > w->end)
                        if (load(w, before > size ? before - size : 0, before, e) < 0)
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

int window_line_after(struct window *w, off_t from, off_t end, off_t *ret, struct err *e)
{
        while (from < end) {
                const off_t size = (off_t)w->size;
                const char *nl;

                if (from < w->start || from >= w->end)
                        if (load(w, from, end - from > size ? from + size : end, e) < 0)
                                return -1;
                nl = memchr(w->data + (from - w->start), '\n', (size_t)(w->end - from));
                if (nl) {
                        off_t after = w->start + (nl - w->data) + 1;

                        *ret = after < end ? after : end;
                        return 0;
                }
                from = w->end;
        }
        *ret = end;
        return 0;
}

int window_line_head(struct window *w, off_t start, off_t end, struct logs_entry *ret)
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
