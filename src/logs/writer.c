/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two rules keep the file right. A batch is a whole number of entries, and after a failed or short write
 * the file is cut back to the end of the last whole one. open_line[] tells the truth about the file, not about
 * what the app wrote: it changes only once the entries are in the file.
 */
#include "logs/writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/auto.h"

static_assert(LOGS_BATCH_MAX >= LOGS_READ_MAX + 16 * LOGS_PREFIX_LEN, "one line always fits");

static int end_torn_entry(int fd, const char *name, struct err *e)
{
        struct stat st;
        char last;

        if (fstat(fd, &st) < 0)
                return err_set(e, ERR_INTERNAL, errno, "stat log file %s", name);
        if (!S_ISREG(st.st_mode))
                return err_set(e, ERR_BAD_DATA, 0, "log file %s is not a regular file", name);
        if (st.st_size == 0)
                return 0;
        if (pread(fd, &last, 1, st.st_size - 1) != 1)
                return err_set(e, ERR_INTERNAL, errno, "read log file %s", name);
        if (last != '\n' && write(fd, "\n", 1) != 1)
                return err_set(e, ERR_INTERNAL, errno, "write log file %s", name);
        return 0;
}

/* Who may read the directory may read the log, whatever the umask and group of whoever runs carob. */
static int open_to_group(int fd, int logs_fd)
{
        struct stat dir, file;

        if (fstat(logs_fd, &dir) < 0 || fstat(fd, &file) < 0)
                return -1;
        if (file.st_gid != dir.st_gid)
                (void)!fchown(fd, (uid_t)-1, dir.st_gid); /* only root may give everywhere */
        return fchmod(fd, 0640);
}

int logs_writer_open(int logs_fd, const char *app, const struct logs_limits *limits,
                     struct logs_writer *ret, struct err *e)
{
        struct stat st;
        AUTO_CLOSE int fd = -1;
        char name[NAME_MAX + 1];

        if (logs_file_name(app, 0, name) < 0)
                return err_set(e, ERR_LIMIT, 0, "app name %.300s is too long for a log file", app);
        fd = openat(logs_fd, name,
                    O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
                    0640);
        if (fd < 0 || open_to_group(fd, logs_fd) < 0)
                return err_set(e, ERR_INTERNAL, errno, "create log file %s", name);
        if (end_torn_entry(fd, name, e) < 0)
                return -1;
        if (fstat(fd, &st) < 0)
                return err_set(e, ERR_INTERNAL, errno, "stat log file %s", name);
        *ret = LOGS_WRITER_NULL;
        ret->logs_fd = logs_fd;
        ret->app = app;
        ret->limits = limits ? *limits : LOGS_LIMITS_DEFAULT;
        ret->size = (uint64_t)st.st_size;
        ret->rotate_at = ret->limits.max_bytes;
        ret->fd = TAKE_FD(fd);
        return 0;
}

void logs_writer_done(struct logs_writer *w)
{
        closep(&w->fd);
        *w = LOGS_WRITER_NULL;
}

/* <app>.log.N-1 becomes .log.N and so on down to .log; what was .log.N is gone. A missing one is no matter. */
static int shift_files(const struct logs_writer *w)
{
        char from[NAME_MAX + 1], to[NAME_MAX + 1];

        /* Not renamed over: ext4 would first write the one that takes its place to the disk, for some 15 ms. */
        if (w->limits.max_files > 1) {
                (void)logs_file_name(w->app, w->limits.max_files - 1, to);
                (void)unlinkat(w->logs_fd, to, 0);
        }
        for (unsigned n = w->limits.max_files; n-- > 1;) {
                (void)logs_file_name(w->app, n, to);
                (void)logs_file_name(w->app, n - 1, from);
                if (renameat(w->logs_fd, from, w->logs_fd, to) < 0 && errno != ENOENT)
                        return -errno;
        }
        return 0;
}

/* Go on in a new file. False: not possible now, and the old one is as it was. */
static bool rotate(struct logs_writer *w)
{
        AUTO_CLOSE int fd = -1;
        char fresh[NAME_MAX + 1], name[NAME_MAX + 1];

        (void)logs_file_name(w->app, LOGS_FILE_NEW, fresh);
        (void)logs_file_name(w->app, 0, name);
        (void)unlinkat(w->logs_fd, fresh, 0); /* of somebody who was killed right here */
        fd = openat(w->logs_fd, fresh,
                    O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (fd < 0 || open_to_group(fd, w->logs_fd) < 0 || shift_files(w) < 0 ||
            renameat(w->logs_fd, fresh, w->logs_fd, name) < 0) {
                (void)unlinkat(w->logs_fd, fresh, 0);
                return false;
        }
        closep(&w->fd);
        w->fd = TAKE_FD(fd);
        w->generation++;
        w->begun += w->size;
        w->size = 0;
        w->last = 0;
        w->rotate_at = w->limits.max_bytes;
        return true;
}

/* Before @len more bytes are appended, and unless what stands in the file must be mended first. */
static void rotate_when_full(struct logs_writer *w, size_t len)
{
        if (w->limits.max_bytes == 0 || w->size == 0 || w->size + len <= w->rotate_at || w->torn)
                return;
        if (!rotate(w))
                w->rotate_at = w->size + w->limits.max_bytes / 8; /* and not at every line */
}

/* Whether a new file costs nothing that the user wants to keep. */
static bool may_begin_anew(const struct logs_writer *w)
{
        char oldest[NAME_MAX + 1];

        if (w->torn || w->limits.max_files < 2)
                return false;
        if (w->limits.max_bytes > 0)
                return true;
        (void)logs_file_name(w->app, w->limits.max_files - 1, oldest);
        return faccessat(w->logs_fd, oldest, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

/* The time to write: never before that of the last entry. */
static nsec next_time(struct logs_writer *w, nsec now)
{
        if (now < w->last - NSEC_PER_SEC && may_begin_anew(w))
                (void)rotate(w); /* the clock was set back; w->last is 0 now */
        if (now > w->last)
                w->last = now;
        return w->last;
}

/* Length of the whole entries at the start of @data. */
static size_t whole_entries(const char *data, size_t len)
{
        const char *last = memrchr(data, '\n', len);

        return last ? (size_t)(last + 1 - data) : 0;
}

/* Take the last @len bytes off the file again. A full disk does not hinder that. */
static void cut_back(struct logs_writer *w, size_t len)
{
        struct stat st;

        if (len == 0)
                return;
        /* Asked for, not remembered: an administrator may have emptied the file meanwhile. */
        if (fstat(w->fd, &st) < 0 || st.st_size < (off_t)len ||
            ftruncate(w->fd, st.st_size - (off_t)len) < 0)
                w->torn = true;
        else
                w->size = (uint64_t)st.st_size - len;
}

/*
 * Append a batch; returns how much of it is in the file afterwards: all, or its first whole entries,
 * or with @all_or_none nothing.
 */
static size_t append(struct logs_writer *w, const char *data, size_t len, bool all_or_none)
{
        size_t done = 0, keep;

        while (done < len) {
                ssize_t n = write(w->fd, data + done, len - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        w->failure = n < 0 ? errno : ENOSPC;
                        break;
                }
                done += (size_t)n;
        }
        w->size += done;
        if (done == len)
                return len;
        keep = all_or_none ? 0 : whole_entries(data, done);
        cut_back(w, done - keep);
        return keep;
}

/*
 * Format entries until @data or the room is used up; a last line without a newline becomes a piece.
 * @prefix is that of a whole line. Returns the bytes formatted, *ret_used those of @data.
 */
static size_t format_entries(char *out, size_t room, const char *prefix, const char *data,
                             size_t len, size_t *ret_used)
{
        size_t used = 0, pos = 0;

        while (used < len) {
                const char *nl = memchr(data + used, '\n', len - used);
                size_t n = nl ? (size_t)(nl - (data + used)) : len - used;

                if (room - pos < LOGS_PREFIX_LEN + n + 1)
                        break;
                memcpy(out + pos, prefix, LOGS_PREFIX_LEN);
                if (!nl)
                        out[pos + LOGS_PREFIX_TAG] = 'P';
                pos += LOGS_PREFIX_LEN;
                memcpy(out + pos, data + used, n);
                pos += n;
                out[pos++] = '\n';
                used += n + (nl ? 1 : 0);
        }
        *ret_used = used;
        return pos;
}

/* After a loss: end what stands open in the file, and say what is missing. */
static size_t format_report(const struct logs_writer *w, char *out, nsec now)
{
        size_t pos = 0;
        int n;

        if (w->torn)
                out[pos++] = '\n';
        for (unsigned s = 0; s < LOGS_STREAM_MAX; s++) {
                if (!w->open_line[s])
                        continue;
                logs_format_prefix(now, (enum logs_stream)s, out + pos);
                pos += LOGS_PREFIX_LEN;
                out[pos++] = '\n';
        }
        logs_format_prefix(now, LOGS_STDERR, out + pos);
        pos += LOGS_PREFIX_LEN;
        n = snprintf(out + pos, 160, "[carob: %" PRIu64 " bytes of output were lost here: %s]\n",
                     w->lost_bytes, strerror(w->failure));
        return pos + (size_t)(n < 160 ? n : 159);
}

static void reported(struct logs_writer *w)
{
        memset(w->open_line, 0, sizeof(w->open_line));
        w->torn = false;
        w->lost_bytes = 0;
        w->failure = 0;
}

/* Bytes of the app's output within the first @len bytes of a batch, which are whole lines. */
static size_t output_bytes(const char *batch, size_t len)
{
        size_t n = len;

        for (const char *p = batch, *nl; (nl = memchr(p, '\n', len - (size_t)(p - batch)));
             p = nl + 1)
                n -= LOGS_PREFIX_LEN;
        return n;
}

void logs_writer_put(struct logs_writer *w, char *out, enum logs_stream stream, const char *data,
                     size_t len, nsec now)
{
        char prefix[LOGS_PREFIX_LEN];

        now = next_time(w, now);
        logs_format_prefix(now, stream, prefix);
        while (len > 0) {
                size_t report = w->failure ? format_report(w, out, now) : 0;
                size_t used;
                size_t n = format_entries(out + report, LOGS_BATCH_MAX - report, prefix, data, len,
                                          &used);
                size_t kept;

                rotate_when_full(w, report + n);
                kept = append(w, out, report + n, report > 0);

                if (kept == report + n) {
                        if (report > 0)
                                reported(w);
                        w->open_line[stream] = data[used - 1] != '\n';
                } else {
                        if (kept > 0)
                                w->open_line[stream] = false;
                        w->lost_bytes += used - output_bytes(out, kept);
                }
                data += used;
                len -= used;
        }
}

void logs_writer_end(struct logs_writer *w, char *out, enum logs_stream stream, nsec now)
{
        size_t n;

        now = next_time(w, now);
        if (w->failure) {
                n = format_report(w, out, now);
                if (append(w, out, n, true) == n)
                        reported(w);
                return;
        }
        if (!w->open_line[stream])
                return;
        logs_format_prefix(now, stream, out);
        out[LOGS_PREFIX_LEN] = '\n';
        if (append(w, out, LOGS_PREFIX_LEN + 1, true) > 0)
                w->open_line[stream] = false;
        else
                w->failure = 0; /* no output was lost: an entry less is no matter */
}
