/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"

enum { ROTATIONS_MET_MAX = 100 };

void source_init(struct source *s, const char *app, struct logs_budget *budget)
{
        *s = (struct source){ .app = xstrdup(app), .budget = budget };
        for (unsigned i = 0; i < LOGS_STREAM_MAX; i++)
                s->joined[i] = BUF_NULL(LOGS_LINE_MAX);
}

/* The bytes are not needed any more; a large buffer goes back, so that the budget tells the truth. */
static void forget_joined(struct source *s, struct buf *joined)
{
        s->budget->used -= joined->len;
        if (joined->cap > 2 * LOGS_LINE_FAIR)
                buf_done(joined);
        else
                buf_reset(joined);
}

/* Those of the last call; what was kept back begins the next piece. */
static void forget_given(struct source *s)
{
        size_t kept = s->kept;
        char tail[4];

        if (!s->given)
                return;
        memcpy(tail, s->given->data + s->given->len - kept, kept);
        forget_joined(s, s->given);
        if (buf_append(s->given, tail, kept) == 0)
                s->budget->used += kept;
        s->given = NULL;
        s->kept = 0;
}

void source_done(struct source *s)
{
        for (size_t i = 0; i < s->n_files; i++)
                scan_done(&s->files[i]);
        for (unsigned i = 0; i < LOGS_STREAM_MAX; i++) {
                forget_joined(s, &s->joined[i]);
                buf_done(&s->joined[i]);
        }
        free(s->files);
        free(s->app);
        *s = (struct source){ 0 };
}

/* 1: opened and appended; 0: no such file. */
static int open_file(struct source *s, int logs_fd, unsigned number, struct err *e)
{
        AUTO_CLOSE int fd = -1;
        struct stat st;
        char name[NAME_MAX + 1];

        if (logs_file_name(s->app, number, name) < 0)
                return 0;
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

/* What file @number is now; 0 and 0 when it does not exist. */
static struct stat look_at(const struct source *s, int logs_fd, unsigned number)
{
        struct stat st;
        char name[NAME_MAX + 1];

        if (logs_file_name(s->app, number, name) < 0 ||
            fstatat(logs_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                st = (struct stat){ .st_ino = 0 };
        return st;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
        return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/*
 * The highest number of a rotated file; 0: none. One number may be missing: a writer that was killed while it
 * renamed left the gap. With @is not NULL: the number of that file, or -1.
 */
static int find_number(const struct source *s, int logs_fd, const struct stat *is)
{
        int highest = 0;

        for (int n = 1; n < LOGS_FILES_MAX && n <= highest + 2; n++) {
                struct stat st = look_at(s, logs_fd, (unsigned)n);

                if (st.st_ino == 0)
                        continue;
                highest = n;
                if (is && same_file(is, &st))
                        return n;
        }
        return is ? -1 : highest;
}

static void forget_from(struct source *s, size_t first)
{
        while (s->n_files > first)
                scan_done(&s->files[--s->n_files]);
}

/*
 * Whether files @highest to 0 are, in this order, what was opened from files[@first] on. Files only move to higher numbers,
 * and what is open keeps its inode: so if all stand where they were found, none was passed over between two looks.
 */
static bool stand_still(const struct source *s, int logs_fd, int highest, size_t first)
{
        size_t i = first;

        for (int n = highest; n >= 0; n--) {
                struct stat now = look_at(s, logs_fd, (unsigned)n), opened;

                if (now.st_ino == 0)
                        continue;
                if (i == s->n_files || fstat(s->files[i].fd, &opened) < 0 ||
                    !same_file(&opened, &now))
                        return false;
                i++;
        }
        return i == s->n_files;
}

/*
 * Append the files that are newer than @after (NULL: all there are). Rotation renames them while we look, so it is
 * done again until nothing moved meanwhile.
 */
static int open_newer(struct source *s, int logs_fd, const struct stat *after, struct err *e)
{
        const size_t had = s->n_files;

        for (int attempt = 0; attempt < ROTATIONS_MET_MAX; attempt++) {
                int at = after ? find_number(s, logs_fd, after) : -1;
                /* If it is gone, more was rotated than is kept, and all there is now is newer. */
                int highest = at < 0 ? find_number(s, logs_fd, NULL) : at - 1;

                for (int n = highest; n >= 0; n--)
                        if (open_file(s, logs_fd, (unsigned)n, e) < 0)
                                return -1;
                if (stand_still(s, logs_fd, highest, had) &&
                    (at < 0 ? find_number(s, logs_fd, NULL) == highest
                            : find_number(s, logs_fd, after) == at)) {
                        if (after && at < 0 && s->n_files > had)
                                s->files[had].after_gap = true;
                        return 0;
                }
                forget_from(s, had);
        }
        return err_set(e, ERR_BUSY, 0, "the log files of %s are rotated all the time", s->app);
}

int source_open_files(struct source *s, int logs_fd, struct err *e)
{
        return open_newer(s, logs_fd, NULL, e);
}

/* What was read to its end will not be read again. */
static void forget_read(struct source *s)
{
        if (s->current == 0 || s->current >= s->n_files)
                return;
        for (size_t i = 0; i < s->current; i++)
                scan_done(&s->files[i]);
        s->n_files -= s->current;
        memmove(s->files, s->files + s->current, s->n_files * sizeof(*s->files));
        s->current = 0;
}

int source_refresh(struct source *s, int logs_fd, struct err *e)
{
        struct stat st, now = look_at(s, logs_fd, 0);
        struct scan *last;

        if (s->n_files == 0)
                return source_open_files(s, logs_fd, e);
        forget_read(s);
        last = &s->files[s->n_files - 1];
        if (fstat(last->fd, &st) < 0)
                return err_set(e, ERR_INTERNAL, errno, "stat log file of %s", s->app);
        if (!last->closed)
                last->end = st.st_size;
        /* Shorter than what was read: the writer took back a batch, or somebody emptied the file. */
        if (s->current == s->n_files - 1 && st.st_size < last->pos)
                scan_seek(last, last->pos - st.st_size > LOGS_BATCH_MAX ? 0 : st.st_size);
        if (now.st_ino == 0 || same_file(&now, &st))
                return 0;
        if (open_newer(s, logs_fd, &st, e) < 0)
                return -1;
        /* Asked again: lines may have come between the fstat and the rename. */
        for (size_t i = s->current; i + 1 < s->n_files; i++)
                if (!s->files[i].closed && fstat(s->files[i].fd, &st) == 0)
                        s->files[i].end = st.st_size;
        return 0;
}

int source_narrow(struct source *s, const struct scan_range *range, struct err *e)
{
        for (size_t i = 0; i < s->n_files; i++) {
                if (scan_narrow(&s->files[i], range, e) < 0)
                        return err_wrap(e, "log of %s", s->app);
                scan_seek(&s->files[i], s->files[i].first);
        }
        return 0;
}

void source_tail_init(struct source_tail *t, const struct source *s, int64_t count)
{
        *t = (struct source_tail){ .left = count, .file = s->n_files };
        for (unsigned i = 0; i < LOGS_STREAM_MAX; i++)
                t->walk.late[i] = true; /* what is unfinished has no end */
}

void source_tail_done(struct source_tail *t)
{
        scan_walk_done(&t->walk);
        t->walking = false;
}

int source_tail_step(struct source_tail *t, struct source *s, const struct scan_range *range,
                     size_t lines, struct err *e)
{
        int r;

        if (!t->walking) {
                if (t->file == 0 || (t->left == 0 && !t->open))
                        return 0;
                t->file--;
                if (scan_walk_begin(&t->walk, &s->files[t->file], t->left, e) < 0)
                        return err_wrap(e, "log of %s", s->app);
                t->walking = true;
        }
        r = scan_walk_on(&t->walk, &s->files[t->file], range, lines, e);
        if (r > 0)
                return 1;
        t->left = t->walk.count;
        t->pos = t->walk.line_end;
        t->open = t->pos == 0 && scan_walk_is_open(&t->walk);
        source_tail_done(t);
        return r < 0 ? err_wrap(e, "log of %s", s->app) : t->file > 0 && (t->left > 0 || t->open);
}

void source_rewind(struct source *s, size_t file, off_t pos)
{
        for (size_t i = 0; i < s->n_files; i++)
                scan_seek(&s->files[i], s->files[i].first);
        s->current = file;
        if (file < s->n_files)
                scan_seek(&s->files[file], pos);
        for (unsigned i = 0; i < LOGS_STREAM_MAX; i++) {
                forget_joined(s, &s->joined[i]);
                s->open[i] = s->continued[i] = s->passing[i] = false;
        }
        s->given = NULL;
        s->kept = 0;
        s->held = s->has_head = false;
}

static void give(struct source *s, struct logs_line *ret, enum logs_stream stream, bool partial)
{
        s->given = &s->joined[stream];
        *ret = (struct logs_line){
                .time = s->line_time[stream],
                .stream = stream,
                .partial = partial,
                .continued = s->continued[stream],
                .app = s->app,
                .text = buf_str(s->given),
                .len = s->given->len - s->kept,
        };
        s->continued[stream] = partial;
}

/* How many bytes at the end are the beginning of a character of UTF-8: 0 to 3. */
static size_t begun_character(const uint8_t *data, size_t len)
{
        for (size_t n = 1; n <= 3 && n <= len; n++) {
                uint8_t c = data[len - n];
                size_t whole = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

                if ((c & 0xc0) != 0x80)
                        return whole > n && c < 0xf8 ? n : 0;
        }
        return 0;
}

static bool has_room(const struct source *s, const struct buf *joined, size_t len)
{
        if (joined->len + len <= LOGS_LINE_FAIR)
                return true;
        return joined->len + len <= LOGS_LINE_MAX && s->budget->used + len <= s->budget->max;
}

/* Add an entry to what there is of its line. True: *ret is to be handed out. */
static bool source_join(struct source *s, const struct logs_entry *entry, struct logs_line *ret)
{
        enum logs_stream stream = entry->stream;
        struct buf *joined = &s->joined[stream];

        if (!s->open[stream])
                s->line_time[stream] = entry->time;
        s->open[stream] = true;
        if (!entry->partial && joined->len == 0) {
                *ret = (struct logs_line){
                        .time = s->line_time[stream],
                        .stream = stream,
                        .continued = s->continued[stream],
                        .app = s->app,
                        .text = entry->text,
                        .len = entry->len,
                };
                s->open[stream] = s->continued[stream] = false;
                return true;
        }
        if (!has_room(s, joined, entry->len)) {
                s->held = true;
                s->held_entry = *entry;
                s->kept = begun_character(joined->data, joined->len);
                if (s->kept == joined->len)
                        s->kept = 0;
                give(s, ret, stream, true);
                return true;
        }
        if (buf_append(joined, entry->text, entry->len) == 0)
                s->budget->used += entry->len;
        if (entry->partial)
                return false;
        s->open[stream] = false;
        give(s, ret, stream, false);
        return true;
}

/* A line that stands open is ended, for its end is lost: nothing else may be joined to it. */
static bool end_open_line(struct source *s, struct logs_line *ret)
{
        for (unsigned i = 0; i < LOGS_STREAM_MAX; i++)
                if (s->open[i]) {
                        s->open[i] = false;
                        give(s, ret, (enum logs_stream)i, false);
                        return true;
                }
        return false;
}

int source_next(struct source *s, struct logs_line *ret, struct err *e)
{
        forget_given(s);
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
                if (r == 0 && s->files[s->current + 1].after_gap && end_open_line(s, ret))
                        return 1;
                if (r == 0)
                        s->current++;
        }
}

int source_flush(struct source *s, struct logs_line *ret)
{
        forget_given(s);
        for (unsigned i = 0; i < LOGS_STREAM_MAX; i++)
                if (s->joined[i].len > 0) {
                        give(s, ret, (enum logs_stream)i, true);
                        return 1;
                }
        return 0;
}

bool source_is_unfinished(const struct source *s, enum logs_stream stream, nsec *ret_time)
{
        const struct buf *joined = &s->joined[stream];

        *ret_time = s->line_time[stream];
        return joined->len > (s->given == joined ? joined->len - s->kept : 0);
}
