/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading without a lock. A generation that was rotated away is complete: writers look, with the lock held, whether NAME
 * still means what they have open. So a reader drains a file, looks whether it is still NAME, and if not drains it once
 * more and goes on with the generation that says it follows.
 */
#include "util/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/fs.h"
#include "util/ledger_priv.h"
#include "util/mem.h"

enum {
        CHUNK = 64 * 1024,
        STEPS_MAX = 16, /* somebody who rotates without end must not keep us */
};

struct reader {
        struct ledger_place *place;
        void (*fn)(const char *line, size_t len, void *arg);
        void *arg;
        char *bytes; /* owned */
        size_t cap;
        bool gap;
};

void ledger_file_done(struct ledger_file *f)
{
        closep(&f->fd);
}

int ledger_old_name(const char *name, char ret[static NAME_MAX + 1], struct err *e)
{
        if ((size_t)snprintf(ret, NAME_MAX + 1, "%s.1", name) > NAME_MAX)
                return err_set(e, ERR_LIMIT, ENAMETOOLONG, "\"%s\"", name);
        return 0;
}

static int parse_hex(const char *s, int digits, uint64_t *ret)
{
        uint64_t n = 0;

        for (int i = 0; i < digits; i++) {
                int digit = s[i] >= '0' && s[i] <= '9'   ? s[i] - '0'
                            : s[i] >= 'a' && s[i] <= 'f' ? s[i] - 'a' + 10
                                                         : -1;

                if (digit < 0)
                        return -EINVAL;
                n = n << 4 | (unsigned)digit;
        }
        *ret = n;
        return 0;
}

static void parse_head(const char *s, struct ledger_file *f)
{
        uint64_t id, prev, end;

        if (s[0] == '#' && parse_hex(s + 1, 16, &id) == 0 && s[17] == ' ' &&
            parse_hex(s + 18, 16, &prev) == 0 && s[34] == ' ' && parse_hex(s + 35, 8, &end) == 0 &&
            s[LEDGER_HEAD_LEN - 1] == '\n') {
                f->id = id;
                f->prev = prev;
                f->prev_end = (off_t)end;
        }
}

int ledger_file_look(struct ledger_file *f)
{
        char head[LEDGER_HEAD_LEN];
        struct stat st;
        ssize_t n;

        if (fstat(f->fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        f->dev = st.st_dev;
        f->ino = st.st_ino;
        f->size = st.st_size < LEDGER_BYTES ? st.st_size : LEDGER_BYTES;
        f->id = f->prev = 0;
        f->prev_end = 0;
        n = pread(f->fd, head, sizeof(head), 0);
        if (n < 0)
                return -errno;
        if (n == (ssize_t)sizeof(head))
                parse_head(head, f);
        return 0;
}

int ledger_file_open(int dirfd, const char *name, struct ledger_file *ret, struct err *e)
{
        AUTO(ledger_file_done) struct ledger_file f = { .fd = fs_open_file(dirfd, name) };
        int r = f.fd < 0 ? f.fd : ledger_file_look(&f);

        *ret = LEDGER_FILE_NULL;
        if (r == -ENOENT)
                return 0;
        if (r == -EINVAL || r == -ELOOP)
                return err_set(e, ERR_INTERNAL, 0, "%s is not a regular file", name);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "read %s", name);
        /* Just made, and its first line is not written yet; or not ours: the next writer puts it away. */
        if (f.id == 0)
                return 0;
        *ret = f;
        f.fd = -1;
        return 0;
}

bool ledger_file_is_at(const struct ledger_file *f, int dirfd, const char *name)
{
        struct stat st;

        return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == f->dev &&
               st.st_ino == f->ino;
}

off_t ledger_file_whole(const struct ledger_file *f)
{
        char bytes[4096];
        off_t at = f->size;

        /* Nearly always the last byte is the newline: look at it alone first. */
        for (size_t step = 1; at > 0 && f->size - at <= LEDGER_LINE_MAX; step = sizeof(bytes)) {
                size_t want = (off_t)step < at ? step : (size_t)at;
                ssize_t n = pread(f->fd, bytes, want, at - (off_t)want);
                const char *newline = n > 0 ? memrchr(bytes, '\n', (size_t)n) : NULL;

                if (n < 0)
                        return -errno;
                at -= (off_t)want;
                if (newline)
                        return at + (newline - bytes) + 1;
        }
        return at > 0 ? -EMSGSIZE : 0;
}

/* Where the first line after @at ends that is too long for us; 0: not within @end. */
static off_t end_of_long_line(struct reader *r, const struct ledger_file *f, off_t at, off_t end)
{
        while (at < end) {
                ssize_t n = pread(f->fd, r->bytes, r->cap, at);
                const char *newline = n > 0 ? memchr(r->bytes, '\n', (size_t)n) : NULL;

                if (newline)
                        return at + (newline - r->bytes) + 1 <= end ? at + (newline - r->bytes) + 1
                                                                    : 0;
                if (n <= 0)
                        break;
                at += n;
        }
        return 0;
}

/* Each whole line of the @n bytes that were read; returns what was used. */
static size_t deliver(struct reader *r, size_t n)
{
        size_t used = 0;

        for (;;) {
                const char *line = r->bytes + used;
                const char *newline = memchr(line, '\n', n - used);

                if (!newline)
                        return used;
                r->fn(line, (size_t)(newline - line), r->arg);
                used += (size_t)(newline - line) + 1;
                r->place->at += newline - line + 1;
        }
}

/* All whole lines that are there now, and were not read yet. */
static int drain(struct reader *r, struct ledger_file *f, struct err *e)
{
        off_t *at = &r->place->at;
        struct stat st;

        if (fstat(f->fd, &st) < 0)
                return err_set(e, ERR_INTERNAL, errno, "look at the ledger");
        f->size = st.st_size < LEDGER_BYTES ? st.st_size : LEDGER_BYTES;
        if (*at > f->size) { /* by a foreign hand */
                off_t whole = ledger_file_whole(f);

                r->gap = true;
                *at = whole < 0 ? f->size : whole;
        }
        while (*at < f->size) {
                off_t left = f->size - *at;
                ssize_t n =
                        pread(f->fd, r->bytes, (off_t)r->cap < left ? r->cap : (size_t)left, *at);

                if (n < 0)
                        return err_set(e, ERR_INTERNAL, errno, "read the ledger");
                if (deliver(r, (size_t)n) > 0)
                        continue;
                if (n < (ssize_t)r->cap) /* torn, or just being written */
                        return 0;
                if (r->cap <= LEDGER_LINE_MAX) {
                        free(r->bytes);
                        r->cap = LEDGER_LINE_MAX + 1;
                        r->bytes = xmalloc(r->cap);
                        continue;
                }
                left = end_of_long_line(r, f, *at, f->size);
                if (left == 0)
                        return 0;
                *at = left;
        }
        return 0;
}

static bool is(const struct ledger_file *f, const struct ledger_place *place)
{
        return f->fd >= 0 && f->id == place->id;
}

static bool follows(const struct ledger_file *f, const struct ledger_place *place)
{
        return f->fd >= 0 && place->id != 0 && f->prev == place->id;
}

static void begin(struct reader *r, const struct ledger_file *f)
{
        *r->place = (struct ledger_place){
                .id = f->id, .dev = f->dev, .ino = f->ino, .at = LEDGER_HEAD_LEN
        };
}

enum { DONE = 0, AGAIN = 1 }; /* -1: failed */

/* NAME is what we were reading. */
static int read_current(struct reader *r, int dirfd, const char *name, struct ledger_file *cur,
                        struct err *e)
{
        r->place->dev = cur->dev;
        r->place->ino = cur->ino;
        if (drain(r, cur, e) < 0)
                return -1;
        if (ledger_file_is_at(cur, dirfd, name))
                return DONE;
        return drain(r, cur, e) < 0 ? -1 : AGAIN;
}

static int read_step(struct reader *r, int dirfd, const char *name, const char *old_name,
                     struct err *e)
{
        AUTO(ledger_file_done) struct ledger_file cur = LEDGER_FILE_NULL, old = LEDGER_FILE_NULL;
        const struct ledger_file *next;

        if (ledger_file_open(dirfd, name, &cur, e) < 0 ||
            ledger_file_open(dirfd, old_name, &old, e) < 0)
                return -1;
        if (is(&cur, r->place))
                return read_current(r, dirfd, name, &cur, e);
        if (is(&old, r->place)) {
                if (drain(r, &old, e) < 0)
                        return -1;
                if (cur.fd < 0)
                        return DONE;
                if (cur.id == old.id)
                        return AGAIN; /* rotated between our two looks */
        }
        next = follows(&old, r->place)              ? &old
               : follows(&cur, r->place)            ? &cur
               : old.fd >= 0 && !is(&old, r->place) ? &old
                                                    : &cur;
        if (next->fd < 0) {
                r->gap |= r->place->id != 0;
                *r->place = LEDGER_START;
                return DONE;
        }
        /* The generation that was being read may have grown before it was dropped. */
        r->gap |= next->prev != r->place->id || next->prev_end != r->place->at;
        begin(r, next);
        return AGAIN;
}

int ledger_read(int dirfd, const char *name, struct ledger_place *place,
                void (*fn)(const char *line, size_t len, void *arg), void *arg, bool *ret_gap,
                struct err *e)
{
        struct reader r = { .place = place, .fn = fn, .arg = arg, .cap = CHUNK };
        char old_name[NAME_MAX + 1];
        struct stat st;
        int again = AGAIN;

        *ret_gap = false;
        if (place->id != 0 && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_dev == place->dev && st.st_ino == place->ino && st.st_size == place->at)
                return 0;
        if (ledger_old_name(name, old_name, e) < 0)
                return -1;
        r.bytes = xmalloc(r.cap);
        for (int i = 0; i < STEPS_MAX && again == AGAIN; i++)
                again = read_step(&r, dirfd, name, old_name, e);
        free(r.bytes);
        *ret_gap = r.gap;
        return again < 0 ? -1 : 0;
}

int ledger_end(int dirfd, const char *name, struct ledger_place *ret, struct err *e)
{
        AUTO(ledger_file_done) struct ledger_file f = LEDGER_FILE_NULL;
        char old_name[NAME_MAX + 1];
        off_t at;

        if (ledger_old_name(name, old_name, e) < 0 || ledger_file_open(dirfd, name, &f, e) < 0)
                return -1;
        /* Rotated, and the next is not made yet? */
        if (f.fd < 0 && ledger_file_open(dirfd, old_name, &f, e) < 0)
                return -1;
        at = f.fd < 0 ? 0 : ledger_file_whole(&f);
        if (at < 0 && at != -EMSGSIZE)
                return err_set(e, ERR_INTERNAL, (int)-at, "read %s", name);
        *ret = (struct ledger_place){
                .id = f.id, .dev = f.dev, .ino = f.ino, .at = at < 0 ? f.size : at
        };
        return 0;
}
