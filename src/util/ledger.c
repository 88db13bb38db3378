/* SPDX-License-Identifier: Apache-2.0 */
/* Writing: with the lock of the file that NAME means, one write(2) for each line. */
#include "util/ledger.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/flock.h"
#include "util/ledger_priv.h"
#include "util/test_hook.h"

enum { FILE_MODE = 0640, TRIES = 16 };

/* Whoever has it writes one line. A reader could keep it for ever, having the right to open the file: not us. */
#define LOCK_WAIT NSEC_PER_SEC

static int not_regular(const char *name, struct err *e)
{
        return err_set(e, ERR_INTERNAL, 0, "%s is not a regular file", name);
}

/* 1: opened, locked, and still what @name means; 0: not any more; -1 with e. */
static int open_locked(int dirfd, const char *name, struct ledger_file *ret, struct err *e)
{
        AUTO(ledger_file_done) struct ledger_file f = LEDGER_FILE_NULL;
        int r;

        f.fd = openat(dirfd, name,
                      O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                      FILE_MODE);
        if (f.fd < 0 && (errno == ELOOP || errno == EISDIR))
                return not_regular(name, e);
        if (f.fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "open %s", name);
        r = flock_wait(f.fd, true, time_monotonic() + LOCK_WAIT);
        if (r == -ETIMEDOUT)
                return err_set(e, ERR_BUSY, 0, "another process keeps %s locked", name);
        if (r == 0)
                r = ledger_file_look(&f);
        if (r == -EINVAL)
                return not_regular(name, e);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "lock %s", name);
        if (!ledger_file_is_at(&f, dirfd, name))
                return 0;
        *ret = f;
        f.fd = -1;
        return 1;
}

static int rotate(int dirfd, const char *name, struct err *e)
{
        char old_name[NAME_MAX + 1];

        if (ledger_old_name(name, old_name, e) < 0)
                return -1;
        test_hook("ledger-rotate");
        if (renameat(dirfd, name, dirfd, old_name) < 0)
                return err_set(e, ERR_INTERNAL, errno, "rename %s to %s", name, old_name);
        return 0;
}

static void give_group(int dirfd, int fd)
{
        struct stat dir;

        if (fstat(dirfd, &dir) < 0 || dir.st_gid == getegid())
                return;
        if (fchown(fd, (uid_t)-1, dir.st_gid) < 0)
                return; /* without that group's readers, then */
}

/* The first line of a new generation. */
static int make_head(int dirfd, const char *name, const struct ledger_file *f,
                     char ret[static LEDGER_HEAD_LEN + 1], struct err *e)
{
        AUTO(ledger_file_done) struct ledger_file old = LEDGER_FILE_NULL;
        char old_name[NAME_MAX + 1];
        struct err ignored;
        uint64_t id = 0;
        off_t end;

        give_group(dirfd, f->fd);
        if (fchmod(f->fd, FILE_MODE) < 0)
                return err_set(e, ERR_INTERNAL, errno, "set the mode of %s", name);
        if (ledger_old_name(name, old_name, e) < 0)
                return -1;
        (void)ledger_file_open(dirfd, old_name, &old, &ignored);
        do
                if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
                        return err_set(e, ERR_INTERNAL, errno, "draw an id for %s", name);
        while (id == 0 || id == old.id);
        end = old.fd < 0 ? 0 : ledger_file_whole(&old);
        (void)snprintf(ret, LEDGER_HEAD_LEN + 1, "#%016" PRIx64 " %016" PRIx64 " %08x\n", id,
                       old.id, end < 0 ? 0 : (unsigned)end);
        return 0;
}

static int write_line(const struct ledger_file *f, const char *name, const char *head,
                      const char *line, size_t len, struct err *e)
{
        struct iovec iov[] = {
                { .iov_base = (void *)(uintptr_t)head, .iov_len = strlen(head) },
                { .iov_base = (void *)(uintptr_t)line, .iov_len = len },
                { .iov_base = (void *)(uintptr_t) "\n", .iov_len = 1 },
        };
        ssize_t n;

        do
                n = writev(f->fd, iov, ARRAY_LEN(iov));
        while (n < 0 && errno == EINTR);
        if (n == (ssize_t)(strlen(head) + len + 1))
                return 0;
        if (n >= 0)
                errno = ENOSPC;
        (void)err_set(e, ERR_INTERNAL, errno, "write to %s", name);
        /* What cannot be taken back now, the next writer cuts off. */
        if (n > 0 && ftruncate(f->fd, f->size) < 0)
                return -1;
        return -1;
}

/* 1: it has room for one more line, and ends with a whole one; 0: it has not; -1 with e. */
static int make_room(struct ledger_file *f, const char *name, size_t len, struct err *e)
{
        off_t whole;

        if (f->id == 0 || f->size >= LEDGER_BYTES)
                return 0;
        whole = ledger_file_whole(f);
        if (whole == -EMSGSIZE)
                return 0;
        if (whole < 0)
                return err_set(e, ERR_INTERNAL, (int)-whole, "read %s", name);
        if (whole < f->size && ftruncate(f->fd, whole) < 0)
                return err_set(e, ERR_INTERNAL, errno, "mend %s", name);
        f->size = whole;
        return whole + (off_t)len + 1 <= LEDGER_BYTES;
}

/* 1: done; 0: once more, NAME is another file now; -1 with e. */
static int try_append(int dirfd, const char *name, const char *line, size_t len, struct err *e)
{
        AUTO(ledger_file_done) struct ledger_file f = LEDGER_FILE_NULL;
        char head[LEDGER_HEAD_LEN + 1] = "";
        int r = open_locked(dirfd, name, &f, e);

        if (r <= 0)
                return r;
        if (f.size == 0)
                r = make_head(dirfd, name, &f, head, e) < 0 ? -1 : 1;
        else
                r = make_room(&f, name, len, e);
        if (r == 0)
                return rotate(dirfd, name, e);
        if (r < 0)
                return -1;
        if (write_line(&f, name, head, line, len, e) < 0)
                return -1;
        test_hook("ledger-written");
        return 1;
}

int ledger_append(int dirfd, const char *name, const char *line, size_t len, struct err *e)
{
        int r = 0;

        assert(!memchr(line, '\n', len));
        if (len > LEDGER_LINE_MAX)
                return err_set(e, ERR_LIMIT, 0,
                               "a line of %zu bytes is over the limit of %d for %s", len,
                               LEDGER_LINE_MAX, name);
        for (int i = 0; i < TRIES && r == 0; i++)
                r = try_append(dirfd, name, line, len, e);
        if (r == 0)
                return err_set(e, ERR_BUSY, 0, "%s changes all the time", name);
        return r < 0 ? -1 : 0;
}
