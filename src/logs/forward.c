/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing moves before it is sent: pos and joined change only once the journal has taken the entry, so that an attempt
 * that fails can be made again.
 */
#include "logs/forward.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/fs.h"

enum {
        FIELDS_MAX = 64 * 1024, /* the pod's name comes from a manifest */
        WINDOWS_MAX = 32,       /* read by one call: a line may be written letter by letter */
        JOINED_BYTES = LOGS_STREAM_MAX * LOGS_JOURNAL_TEXT_MAX,
};

int logs_forward_init(struct logs_forward *f, const struct logs_writer *writer, const char *uuid,
                      const char *pod, struct err *e)
{
        AUTO(buf_done) struct buf fields = BUF_NULL(FIELDS_MAX);
        char name[NAME_MAX + 1];

        *f = LOGS_FORWARD_NULL;
        f->writer = writer;
        f->generation = writer->generation;
        f->base = writer->begun;
        f->pos = (off_t)writer->size;
        if (logs_journal_fields(uuid, pod, writer->app, &fields) < 0)
                return err_set(e, ERR_LIMIT, 0,
                               "the names of pod and app are too long for the journal");
        f->fields_len = fields.len;
        f->fields = buf_take(&fields);
        (void)logs_file_name(writer->app, 0, name);
        f->fd = fs_open_file(writer->logs_fd, name);
        if (f->fd < 0)
                return err_set(e, ERR_INTERNAL, -f->fd, "open log file %s", name);
        f->joined = mmap(NULL, JOINED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                         -1, 0);
        if (f->joined != MAP_FAILED)
                return 0;
        f->joined = NULL;
        return err_set(e, ERR_INTERNAL, errno, "map log buffers");
}

void logs_forward_done(struct logs_forward *f)
{
        closep(&f->fd);
        if (f->joined)
                (void)munmap(f->joined, JOINED_BYTES);
        free(f->fields);
        *f = LOGS_FORWARD_NULL;
}

static enum logs_journal_priority priority_of(enum logs_stream stream)
{
        return stream == LOGS_STDERR ? LOGS_JOURNAL_ERR : LOGS_JOURNAL_INFO;
}

static void lose(struct logs_forward *f, uint64_t bytes)
{
        f->lost += bytes;
        f->lost_ever += bytes;
}

/* LOST becomes SENT, for it is dealt with: counted. */
static enum logs_journal_result send_text(struct logs_forward *f, int fd, enum logs_stream stream,
                                          nsec time, const char *text, size_t len, bool partial)
{
        struct logs_journal_entry entry = {
                .fields = f->fields,
                .fields_len = f->fields_len,
                .priority = priority_of(stream),
                .stream = stream,
                .time = time,
                .partial = partial,
                .text = text,
                .len = len,
        };
        enum logs_journal_result r = logs_journal_send(fd, &entry);

        if (r != LOGS_JOURNAL_LOST)
                return r;
        lose(f, len);
        return LOGS_JOURNAL_SENT;
}

/* Once what can be sent is sent again, that something is missing before it. */
static enum logs_journal_result send_report(struct logs_forward *f, int fd, nsec time)
{
        char text[128];
        int n = snprintf(text, sizeof(text),
                         "[carob: %" PRIu64 " bytes of the log did not reach the journal]",
                         f->lost);
        struct logs_journal_entry entry = {
                .fields = f->fields,
                .fields_len = f->fields_len,
                .priority = LOGS_JOURNAL_WARNING,
                .stream = LOGS_STDERR,
                .time = time,
                .text = text,
                .len = (size_t)n,
        };
        enum logs_journal_result r = logs_journal_send(fd, &entry);

        if (r == LOGS_JOURNAL_SENT || r == LOGS_JOURNAL_LOST)
                f->lost = 0;
        return r == LOGS_JOURNAL_LOST ? LOGS_JOURNAL_SENT : r;
}

/* Text of a line, the end of it when @ends; *sent counts entries. Not SENT: nothing was taken. */
static enum logs_journal_result take_text(struct logs_forward *f, int fd,
                                          const struct logs_entry *piece, bool ends, size_t *sent)
{
        enum logs_stream s = piece->stream;
        char *joined = f->joined + (size_t)s * LOGS_JOURNAL_TEXT_MAX;
        enum logs_journal_result r;

        if (f->joined_len[s] + piece->len > LOGS_JOURNAL_TEXT_MAX) {
                r = send_text(f, fd, s, f->joined_time[s], joined, f->joined_len[s], true);
                if (r != LOGS_JOURNAL_SENT)
                        return r;
                f->joined_len[s] = 0;
                (*sent)++;
        }
        if (ends && f->joined_len[s] == 0) {
                r = send_text(f, fd, s, piece->time, piece->text, piece->len, false);
                *sent += r == LOGS_JOURNAL_SENT;
                return r;
        }
        if (f->joined_len[s] == 0)
                f->joined_time[s] = piece->time;
        memcpy(joined + f->joined_len[s], piece->text, piece->len);
        f->joined_len[s] += piece->len;
        if (!ends)
                return LOGS_JOURNAL_SENT;
        r = send_text(f, fd, s, f->joined_time[s], joined, f->joined_len[s], false);
        if (r != LOGS_JOURNAL_SENT) {
                f->joined_len[s] -= piece->len;
                return r;
        }
        f->joined_len[s] = 0;
        (*sent)++;
        return r;
}

/*
 * One entry of the file, of @len bytes; without its newline when it is larger than the window, and then the rest is
 * its continuation.
 */
static enum logs_journal_result take_entry(struct logs_forward *f, int fd, const char *data,
                                           size_t len, bool whole, size_t *sent)
{
        struct logs_entry piece = { .time = f->entry.time, .text = data, .len = len };
        enum logs_journal_result r;

        if (f->within) {
                piece.stream = f->entry.stream;
                piece.partial = f->entry.partial;
        } else {
                (void)logs_format_parse(data, len, &piece); /* else: a line of its own, as it is */
        }
        if (f->lost > 0 && (r = send_report(f, fd, piece.time)) != LOGS_JOURNAL_SENT)
                return r;
        r = take_text(f, fd, &piece, whole && !piece.partial, sent);
        if (r != LOGS_JOURNAL_SENT)
                return r;
        f->entry = piece;
        f->within = !whole;
        f->pos += (off_t)(len + (whole ? 1 : 0));
        return r;
}

static off_t size_of_file(const struct logs_forward *f, uint64_t number)
{
        char name[NAME_MAX + 1];
        struct stat st;

        (void)logs_file_name(f->writer->app, (unsigned)number, name);
        return fstatat(f->writer->logs_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_size;
}

/* What was begun before the gap has lost its end. */
static void skip(struct logs_forward *f, uint64_t bytes)
{
        lose(f, bytes);
        for (unsigned s = 0; s < LOGS_STREAM_MAX; s++) {
                lose(f, f->joined_len[s]);
                f->joined_len[s] = 0;
        }
}

/* Go on in the next file that is still there. False: none can be opened now. */
static bool next_file(struct logs_forward *f)
{
        const struct logs_writer *w = f->writer;
        uint64_t had = f->base + (uint64_t)f->pos, base = w->begun;

        for (uint64_t g = f->generation + 1; g <= w->generation; g++) {
                char name[NAME_MAX + 1];
                int fd;

                if (w->generation - g >= w->limits.max_files)
                        continue;
                (void)logs_file_name(w->app, (unsigned)(w->generation - g), name);
                fd = fs_open_file(w->logs_fd, name);
                if (fd < 0)
                        continue;
                for (uint64_t n = w->generation - g; n > 0; n--)
                        base -= (uint64_t)size_of_file(f, n);
                closep(&f->fd);
                f->fd = fd;
                f->generation = g;
                f->base = base;
                f->pos = 0;
                f->within = false;
                if (base > had && base < w->begun + w->size)
                        skip(f, base - had);
                return true;
        }
        return false;
}

/* At the end of the file: whether there is something to read all the same. */
static bool go_on(struct logs_forward *f)
{
        struct stat st;

        if (f->generation != f->writer->generation)
                return next_file(f);
        /* An administrator has emptied it. */
        if (fstat(f->fd, &st) < 0 || st.st_size >= f->pos)
                return false;
        f->pos = 0;
        f->within = false;
        return st.st_size > 0;
}

/* Of what was read to the window: the bytes that were taken; *ret is SENT unless it ended early. */
static size_t take_window(struct logs_forward *f, int fd, const char *window, size_t len,
                          size_t entries, size_t *sent, enum logs_journal_result *ret)
{
        size_t at = 0;

        *ret = LOGS_JOURNAL_SENT;
        while (at < len && *sent < entries) {
                const char *nl = memchr(window + at, '\n', len - at);
                size_t n = nl ? (size_t)(nl - (window + at)) : len - at;

                /* The rest stands beyond the window, unless nothing else is in it. */
                if (!nl && (at > 0 || len < LOGS_FORWARD_WINDOW))
                        break;
                *ret = take_entry(f, fd, window + at, n, nl, sent);
                if (*ret != LOGS_JOURNAL_SENT)
                        break;
                at += n + (nl ? 1 : 0);
        }
        return at;
}

enum logs_forward_result logs_forward_some(struct logs_forward *f, int fd, char *window,
                                           size_t entries)
{
        size_t sent = 0;

        for (int windows = 0; sent < entries && windows < WINDOWS_MAX; windows++) {
                const struct logs_writer *w = f->writer;
                enum logs_journal_result r = LOGS_JOURNAL_SENT;
                size_t taken = 0;
                ssize_t n;

                if (f->generation == w->generation && (uint64_t)f->pos == w->size)
                        return LOGS_FORWARD_IDLE;
                n = pread(f->fd, window, LOGS_FORWARD_WINDOW, f->pos);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n > 0)
                        taken = take_window(f, fd, window, (size_t)n, entries, &sent, &r);
                if (taken == 0 && r == LOGS_JOURNAL_SENT && !go_on(f))
                        return LOGS_FORWARD_IDLE;
                if (r == LOGS_JOURNAL_FULL)
                        return LOGS_FORWARD_FULL;
                if (r == LOGS_JOURNAL_GONE)
                        return LOGS_FORWARD_GONE;
        }
        return LOGS_FORWARD_MORE;
}

enum logs_forward_result logs_forward_give_up(struct logs_forward *f, int fd)
{
        const struct logs_writer *w = f->writer;
        uint64_t behind = logs_forward_behind(f);

        if (behind > 0)
                skip(f, behind);
        f->generation = w->generation;
        f->base = w->begun;
        f->pos = (off_t)w->size;
        f->within = false;
        if (f->lost == 0)
                return LOGS_FORWARD_IDLE;
        switch (send_report(f, fd, w->last)) {
        case LOGS_JOURNAL_FULL:
                return LOGS_FORWARD_FULL;
        case LOGS_JOURNAL_GONE:
                return LOGS_FORWARD_GONE;
        case LOGS_JOURNAL_SENT:
        case LOGS_JOURNAL_LOST:
                break;
        }
        return LOGS_FORWARD_IDLE;
}

uint64_t logs_forward_behind(const struct logs_forward *f)
{
        uint64_t all = f->writer->begun + f->writer->size, had = f->base + (uint64_t)f->pos;

        return all > had ? all - had : 0;
}

void logs_forward_relax(struct logs_forward *f)
{
        for (unsigned s = 0; s < LOGS_STREAM_MAX; s++)
                if (f->joined_len[s] > 0)
                        return;
        (void)madvise(f->joined, JOINED_BYTES, MADV_DONTNEED);
}
