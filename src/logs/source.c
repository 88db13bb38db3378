/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"

void source_init(struct source *s, const char *app)
{
        *s = (struct source){ .app = xstrdup(app) };
        for (unsigned i = 0; i < LOGS_STREAM_MAX; i++)
                s->joined[i] = BUF_NULL(LOGS_LINE_MAX);
}

void source_done(struct source *s)
{
        for (size_t i = 0; i < s->n_files; i++)
                scan_done(&s->files[i]);
        for (unsigned i = 0; i < LOGS_STREAM_MAX; i++)
                buf_done(&s->joined[i]);
        free(s->files);
        free(s->app);
        *s = (struct source){ 0 };
}

/* 1: opened and appended; 0: no such file. */
static int open_file(struct source *s, int logs_fd, unsigned number, struct err *e)
{
        AUTO_CLOSE int fd = -1;
        struct stat st;
        char name[272];

        if (number > 0)
                (void)snprintf(name, sizeof(name), "%.200s.log.%u", s->app, number);
        else
                (void)snprintf(name, sizeof(name), "%.200s.log", s->app);
        fd = fs_open_file(logs_fd, name);
        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return err_set(e, ERR_INTERNAL, -fd, "open log file %s", name);
        if (fstat(fd, &st) < 0)
                return err_set(e, ERR_INTERNAL, errno, "stat log file %s", name);
        ARRAY_GROW(s->files, s->n_files, s->cap_files);
        s->files[s->n_files] = SCAN_NULL;
        s->files[s->n_files].fd = TAKE_FD(fd);
        s->files[s->n_files++].end = st.st_size;
        return 1;
}

int source_open_files(struct source *s, int logs_fd, struct err *e)
{
        unsigned oldest = 0;
        char name[272];

        for (; oldest < SOURCE_FILES_MAX; oldest++) {
                (void)snprintf(name, sizeof(name), "%.200s.log.%u", s->app, oldest + 1);
                if (faccessat(logs_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        break;
        }
        for (unsigned n = oldest + 1; n-- > 0;)
                if (open_file(s, logs_fd, n, e) < 0)
                        return -1;
        return 0;
}

/* 1: `<app>.log` is another file than the last we have; 0: the same, or absent. */
static int rotated(const struct source *s, int logs_fd, const struct stat *last)
{
        struct stat st;
        char name[272];

        (void)snprintf(name, sizeof(name), "%.200s.log", s->app);
        if (fstatat(logs_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        return st.st_ino != last->st_ino || st.st_dev != last->st_dev;
}

int source_refresh(struct source *s, int logs_fd, struct err *e)
{
        struct scan *last;
        struct stat st;

        if (s->n_files == 0)
                return source_open_files(s, logs_fd, e);
        last = &s->files[s->n_files - 1];
        if (fstat(last->fd, &st) < 0)
                return err_set(e, ERR_INTERNAL, errno, "stat log file of %s", s->app);
        last->end = st.st_size;
        /* Shorter than what was read: the writer took back a batch, or somebody emptied the file. */
        if (s->current == s->n_files - 1 && st.st_size < last->pos)
                scan_seek(last, last->pos - st.st_size > LOGS_BATCH_MAX ? 0 : st.st_size);
        if (rotated(s, logs_fd, &st)) {
                /* Asked again: lines may have come between the fstat and the rename. */
                if (fstat(last->fd, &st) == 0)
                        last->end = st.st_size;
                return open_file(s, logs_fd, 0, e) < 0 ? -1 : 0;
        }
        return 0;
}

int source_find_tail(struct source *s, const struct scan_range *range, int64_t count,
                     size_t *ret_file, off_t *ret_pos, struct err *e)
{
        size_t file = s->n_files;
        off_t pos = 0;

        while (file > 0 && count > 0) {
                struct scan *scan = &s->files[--file];

                if (scan_tail(scan->fd, scan->end, range, &count, &pos, e) < 0)
                        return err_wrap(e, "log of %s", s->app);
        }
        *ret_file = file;
        *ret_pos = pos;
        return 0;
}

void source_rewind(struct source *s, size_t file, off_t pos)
{
        for (size_t i = 0; i < s->n_files; i++)
                scan_seek(&s->files[i], 0);
        s->current = file;
        if (file < s->n_files)
                scan_seek(&s->files[file], pos);
        for (unsigned i = 0; i < LOGS_STREAM_MAX; i++) {
                buf_reset(&s->joined[i]);
                s->open[i] = false;
        }
        s->given = NULL;
        s->held = s->has_head = false;
}

static void give(struct source *s, struct logs_line *ret, enum logs_stream stream, bool partial)
{
        s->given = &s->joined[stream];
        *ret = (struct logs_line){
                .time = s->line_time[stream],
                .stream = stream,
                .partial = partial,
                .app = s->app,
                .text = buf_str(s->given),
                .len = s->given->len,
        };
}

/* Add an entry to what there is of its line. True: *ret is to be handed out. */
static bool source_join(struct source *s, const struct logs_entry *entry, struct logs_line *ret)
{
        struct buf *joined = &s->joined[entry->stream];

        if (!s->open[entry->stream])
                s->line_time[entry->stream] = entry->time;
        s->open[entry->stream] = true;
        if (!entry->partial && joined->len == 0) {
                *ret = (struct logs_line){
                        .time = s->line_time[entry->stream],
                        .stream = entry->stream,
                        .app = s->app,
                        .text = entry->text,
                        .len = entry->len,
                };
                s->open[entry->stream] = false;
                return true;
        }
        if (buf_append(joined, entry->text, entry->len) < 0) {
                s->held = true;
                s->held_entry = *entry;
                give(s, ret, entry->stream, true);
                return true;
        }
        if (entry->partial)
                return false;
        s->open[entry->stream] = false;
        give(s, ret, entry->stream, false);
        return true;
}

int source_next(struct source *s, struct logs_line *ret, struct err *e)
{
        if (s->given)
                buf_reset(s->given);
        s->given = NULL;
        for (;;) {
                struct logs_entry entry;
                int r = 1;

                if (s->current >= s->n_files)
                        return 0;
                if (s->held)
                        entry = s->held_entry;
                else
                        r = scan_next(&s->files[s->current], &entry, e);
                s->held = false;
                if (r < 0)
                        return err_wrap(e, "log of %s", s->app);
                if (r > 0 && source_join(s, &entry, ret))
                        return 1;
                if (r == 0 && s->current + 1 == s->n_files)
                        return 0;
                if (r == 0)
                        s->current++;
        }
}

int source_flush(struct source *s, struct logs_line *ret)
{
        if (s->given)
                buf_reset(s->given);
        s->given = NULL;
        for (unsigned i = 0; i < LOGS_STREAM_MAX; i++)
                if (s->joined[i].len > 0) {
                        give(s, ret, (enum logs_stream)i, true);
                        return 1;
                }
        return 0;
}
