/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A merge of sources, one per app, by the time of each source's next line. With a tail, every source is set
 * near its last N lines by walking its files backwards; a first pass then counts what there is from there on,
 * and the reading proper skips all but N. So a tail needs no memory for N lines, and a short one of a long
 * file is quick.
 */
#include "logs/reader.h"

#include <errno.h>
#include <stdlib.h>

#include "logs/scan.h"
#include "logs/source.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"

struct logs_reader {
        int logs_fd; /* owned; -1: the pod has no logs yet */
        int pod_fd;  /* owned */
        struct source *sources;
        size_t n_sources;
        struct scan_range range;
        bool follow;
        struct source *last; /* whose head was handed out */
        enum {
                SEEK_NOTHING,
                SEEK_BACK,  /* each source: find a place not behind its last lines */
                SEEK_COUNT, /* all lines from there on */
                SEEK_SKIP,  /* those that are too many */
        } seek;
        struct source_tail *tails; /* owned; one for each source, while seeking */
        size_t seeking;            /* the source to look back in */
        int64_t tail, count;       /* of lines: the pieces of one are one */
        struct logs_budget own_budget;
};

struct logs_reader *logs_reader_free(struct logs_reader *r)
{
        if (!r)
                return NULL;
        for (size_t i = 0; i < r->n_sources; i++) {
                if (r->tails)
                        source_tail_done(&r->tails[i]);
                source_done(&r->sources[i]);
        }
        free(r->tails);
        free(r->sources);
        closep(&r->logs_fd);
        closep(&r->pod_fd);
        free(r);
        return NULL;
}

static int open_logs_dir(struct logs_reader *r, struct err *e)
{
        int fd;

        if (r->logs_fd >= 0)
                return 0;
        fd = fs_open_dir(r->pod_fd, "logs");
        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return err_set(e, ERR_INTERNAL, -fd, "open log directory");
        r->logs_fd = fd;
        return 0;
}

size_t logs_reader_files(const struct logs_reader *r)
{
        size_t n = 0;

        for (size_t i = 0; i < r->n_sources; i++)
                n += r->sources[i].n_files;
        return n;
}

int logs_reader_refresh(struct logs_reader *r, struct err *e)
{
        if (open_logs_dir(r, e) < 0)
                return -1;
        for (size_t i = 0; r->logs_fd >= 0 && i < r->n_sources; i++)
                if (source_refresh(&r->sources[i], r->logs_fd, e) < 0)
                        return -1;
        return 0;
}

/* Whether it is the rest of a line that the tail begins after. */
static bool is_passed(struct source *s, const struct logs_line *line)
{
        bool passed = s->passing[line->stream] && line->continued;

        s->passing[line->stream] = passed && line->partial;
        return passed;
}

/* The next line of a source that is in range. Without follow the unfinished text comes last. */
static int next_in_range(struct logs_reader *r, struct source *s, struct err *e)
{
        for (;;) {
                int n = source_next(s, &s->head, e);

                if (n == 0 && !r->follow)
                        n = source_flush(s, &s->head);
                if (n <= 0)
                        return n;
                if (!is_passed(s, &s->head) &&
                    scan_in_range(&r->range, s->head.time, s->head.stream)) {
                        s->has_head = true;
                        return 1;
                }
        }
}

int logs_reader_next(struct logs_reader *r, struct logs_line *ret, struct err *e)
{
        struct source *first = NULL;

        if (r->last)
                r->last->has_head = false;
        r->last = NULL;
        for (size_t i = 0; i < r->n_sources; i++) {
                struct source *s = &r->sources[i];

                if (!s->has_head && next_in_range(r, s, e) < 0)
                        return -1;
                if (s->has_head && (!first || s->head.time < first->head.time))
                        first = s;
        }
        if (!first)
                return 0;
        r->last = first;
        *ret = first->head;
        return 1;
}

int logs_reader_flush(struct logs_reader *r, struct logs_line *ret)
{
        for (size_t i = 0; i < r->n_sources; i++)
                while (!r->sources[i].has_head && source_flush(&r->sources[i], ret))
                        if (!is_passed(&r->sources[i], ret) &&
                            scan_in_range(&r->range, ret->time, ret->stream))
                                return 1;
        return 0;
}

static void seek_init(struct logs_reader *r, int64_t tail)
{
        /* More than asked: a line's time is that of its first piece, which may be out of range. */
        int64_t wanted = tail < INT64_MAX - LOGS_STREAM_MAX ? tail + LOGS_STREAM_MAX : tail;

        r->tail = tail;
        r->tails = xcalloc(r->n_sources + 1, sizeof(*r->tails));
        for (size_t i = 0; i < r->n_sources; i++)
                source_tail_init(&r->tails[i], &r->sources[i], wanted);
        r->seek = SEEK_BACK;
}

static void rewind_all(struct logs_reader *r)
{
        r->last = NULL;
        for (size_t i = 0; i < r->n_sources; i++)
                source_rewind(&r->sources[i], r->tails[i].file, r->tails[i].pos);
}

static int seek_back(struct logs_reader *r, size_t lines, struct err *e)
{
        if (r->seeking < r->n_sources) {
                int n = source_tail_step(&r->tails[r->seeking], &r->sources[r->seeking], &r->range,
                                         lines, e);

                if (n < 0)
                        return -1;
                r->seeking += n == 0;
                return 1;
        }
        rewind_all(r);
        r->seek = SEEK_COUNT;
        return 1;
}

/*
 * At the end of what there is, with follow: lines that are not finished count as well, whenever they will be handed out. @pass:
 * so many of them are not wanted. How many there are.
 */
static int64_t count_unfinished(struct logs_reader *r, int64_t pass)
{
        int64_t n = 0;
        nsec time;

        for (size_t i = 0; i < r->n_sources; i++)
                for (unsigned stream = 0; stream < LOGS_STREAM_MAX; stream++) {
                        struct source *s = &r->sources[i];

                        if (s->continued[stream] ||
                            !source_is_unfinished(s, (enum logs_stream)stream, &time) ||
                            !scan_in_range(&r->range, time, (enum logs_stream)stream))
                                continue;
                        if (n++ < pass)
                                s->passing[stream] = s->continued[stream] = true;
                }
        return n;
}

static int seek_count(struct logs_reader *r, size_t lines, struct err *e)
{
        struct logs_line line;

        while (lines > 0) {
                int n = logs_reader_next(r, &line, e);

                if (n < 0)
                        return -1;
                if (n == 0) {
                        r->count += count_unfinished(r, 0);
                        rewind_all(r);
                        r->seek = SEEK_SKIP;
                        return 1;
                }
                r->count += !line.continued;
                lines -= scan_cost(line.len, lines);
        }
        return 1;
}

static int seek_skip(struct logs_reader *r, size_t lines, struct err *e)
{
        struct logs_line line;

        while (r->count > r->tail) {
                int n;

                if (lines == 0)
                        return 1;
                n = logs_reader_next(r, &line, e);
                if (n < 0)
                        return -1;
                if (n == 0) {
                        (void)count_unfinished(r, r->count - r->tail);
                        break;
                }
                r->count -= !line.continued;
                /* Pieces that come later belong to it still. */
                r->last->passing[line.stream] = line.partial;
                lines -= scan_cost(line.len, lines);
        }
        r->seek = SEEK_NOTHING;
        return 0;
}

int logs_reader_seek(struct logs_reader *r, size_t lines, struct err *e)
{
        switch (r->seek) {
        case SEEK_NOTHING:
                break;
        case SEEK_BACK:
                return seek_back(r, lines, e);
        case SEEK_COUNT:
                return seek_count(r, lines, e);
        case SEEK_SKIP:
                return seek_skip(r, lines, e);
        }
        return 0;
}

/* All of it at once. */
static int seek(struct logs_reader *r, struct err *e)
{
        int n;

        do
                n = logs_reader_seek(r, SIZE_MAX, e);
        while (n > 0);
        return n;
}

static int open_sources(struct logs_reader *r, const struct logs_query *query, struct err *e)
{
        r->sources = xcalloc(query->n_apps + 1, sizeof(*r->sources));
        for (; r->n_sources < query->n_apps; r->n_sources++)
                source_init(&r->sources[r->n_sources], query->apps[r->n_sources],
                            query->budget ? query->budget : &r->own_budget);
        if (logs_reader_refresh(r, e) < 0)
                return -1;
        for (size_t i = 0; i < r->n_sources; i++)
                if (source_narrow(&r->sources[i], &r->range, e) < 0)
                        return -1;
        if (query->tail >= 0)
                seek_init(r, query->tail);
        return query->stepwise ? 0 : seek(r, e);
}

int logs_reader_open(int pod_fd, const struct logs_query *query, struct logs_reader **ret,
                     struct err *e)
{
        AUTO(logs_reader_freep) struct logs_reader *r = NULL;

        if (query->n_apps > LIMIT_POD_APPS)
                return err_set(e, ERR_LIMIT, 0, "logs of more than %u apps", LIMIT_POD_APPS);
        r = xcalloc(1, sizeof(*r));
        r->range = (struct scan_range){ query->since, query->until, query->streams };
        r->follow = query->follow;
        r->own_budget.max = LOGS_BUDGET_DEFAULT;
        r->logs_fd = -1;
        r->pod_fd = fs_open_dir(pod_fd, ".");
        if (r->pod_fd < 0)
                return err_set(e, ERR_INTERNAL, -r->pod_fd, "open pod directory");
        if (open_sources(r, query, e) < 0)
                return -1;
        *ret = TAKE_PTR(r);
        return 0;
}
