/* SPDX-License-Identifier: Apache-2.0 */
/* From what a pod's directory says to what has happened. */
#include "pod/past.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pod/view_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"
#include "util/utf8.h"

#define KILLED "the process that prepared it ended before it was done"

static bool mtime_of(int dirfd, const char *name, nsec *ret)
{
        struct stat st;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return false;
        *ret = fs_mtime(&st);
        return true;
}

/* Text for people: one line of valid UTF-8, whatever it was. NULL for none. */
static char *clean_text(const char *s, size_t len)
{
        AUTO(buf_done) struct buf b = BUF_NULL(POD_REASON_MAX);
        int r = 0;

        while (len > 0 && (s[len - 1] == '\n' || s[len - 1] == ' '))
                len--;
        for (size_t i = 0, n; i < len && r == 0; i += n) {
                n = utf8_length(s + i, len - i);
                if (n == 0)
                        r = buf_puts(&b, "\xef\xbf\xbd");
                else if (n == 1 && ((unsigned char)s[i] < 0x20 || s[i] == 0x7f))
                        r = buf_putc(&b, ' ');
                else
                        r = buf_append(&b, s + i, n);
                n = n > 0 ? n : 1;
        }
        return b.len > 0 ? buf_take(&b) : NULL;
}

/* Why and when: the mark says; without one it is when something was made in the directory last. */
static void read_aborted(const struct pod *p, struct pod_past *past)
{
        char bytes[4 * POD_REASON_MAX + 1];
        struct stat st;
        AUTO_CLOSE int mark = view_open_regular(p->fd, POD_MARK_ABORTED, &st);
        ssize_t n = mark < 0 ? 0 : pread(mark, bytes, sizeof(bytes) - 1, 0);

        past->aborted = true;
        if (mark >= 0 || fstat(p->fd, &st) == 0)
                past->aborted_at = fs_mtime(&st);
        past->reason = n > 0 ? clean_text(bytes, (size_t)n) : NULL;
        if (!past->reason)
                past->reason = xstrdup(KILLED);
}

/* Views do not look into pods that were never finished, whose files may be anything. Of these only this is told. */
static char *read_name(const struct pod *p)
{
        AUTO(view_reader_done) struct view_reader r = { 0 };
        AUTO(pod_view_freep) struct pod_view *v = xcalloc(1, sizeof(*v));
        struct reading rd = {
                .r = &r, .podfd = p->fd, .v = v, .want = POD_VIEW_MANIFEST, .lenient = true
        };

        view_reader_init(&r);
        view_read_manifest(&rd);
        return TAKE_PTR(v->name);
}

static void add_app(const struct pod_view *v, const struct pod_view_app *a,
                    struct pod_past_app *ret)
{
        *ret = (struct pod_past_app){
                .name = xstrdup(a->name),
                .image_id = xstrdup_null(a->image_id),
                .image_name = xstrdup_null(a->image_name),
                .started_at = a->started_at,
                .pid = a->main_pid,
                .exit_code = -1,
        };
        /* Its supervisor may have been killed before it could say that it made it, and may have left a clock that went back. */
        if (a->started_at > 0 && a->started_at < v->started_at)
                ret->started_at = v->started_at;
        if (ret->started_at == 0 || a->state != APP_EXITED)
                return;
        ret->ended = true;
        ret->finished_at = a->finished_at > 0 && a->finished_at < ret->started_at ? ret->started_at
                                                                                  : a->finished_at;
        ret->exit_code = a->exit_code;
        ret->signal = a->signal;
        ret->oom = a->oom;
}

static void add_end(const struct pod_view *v, struct pod_past *past)
{
        past->exited = true;
        past->finished_at = v->finished_at;
        for (size_t i = 0; past->finished_at > 0 && i < past->n_apps; i++)
                if (past->finished_at < past->apps[i].finished_at)
                        past->finished_at = past->apps[i].finished_at;
        if (past->finished_at > 0 && past->finished_at < past->started_at)
                past->finished_at = past->started_at;
        past->exit_code = v->has_exit_code ? v->exit_code : -1;
        past->signal = v->has_exit_code ? v->signal : 0;
        if (v->reason)
                past->reason = clean_text(v->reason, strlen(v->reason));
}

static void add_run(const struct pod_view *v, struct pod_past *past)
{
        past->started = v->started_at > 0;
        past->started_at = v->started_at;
        past->pid = v->pid;
        past->apps = v->n_apps > 0 ? xcalloc(v->n_apps, sizeof(*past->apps)) : NULL;
        for (; past->n_apps < v->n_apps; past->n_apps++)
                add_app(v, &v->apps[past->n_apps], &past->apps[past->n_apps]);
        if (v->state == POD_EXITED || v->dir == POD_DIR_EXITED_GARBAGE)
                add_end(v, past);
}

/* The order matters: `pod-created` is looked for after the view was read, which was whole, then. */
static bool says_nothing(const struct pod *p, const struct pod_view *v)
{
        if (v->dir == POD_DIR_EXITED_GARBAGE || v->dir == POD_DIR_GARBAGE)
                return faccessat(p->fd, "pod-created", F_OK, AT_SYMLINK_NOFOLLOW) < 0;
        /* It was removed while it was looked at. */
        return v->state == POD_DELETING || v->state == POD_EXITED_DELETING;
}

/* The directory's ctime is of the coarse clock, that is some milliseconds old, and the others are not. */
static nsec collected_at(const struct pod_view *v, const struct pod_past *past)
{
        const nsec before[] = { past->created_at, past->prepared_at, past->aborted_at,
                                past->started_at, past->finished_at };
        nsec at = v->gc_marked_at;

        for (size_t i = 0; i < ARRAY_LEN(before); i++)
                at = at < before[i] ? before[i] : at;
        for (size_t i = 0; i < past->n_apps; i++)
                at = at < past->apps[i].finished_at ? past->apps[i].finished_at : at;
        return at;
}

void pod_past_of(const struct pod *p, const struct pod_view *v, struct pod_past *ret)
{
        struct pod_past past = POD_PAST_NULL;

        past.uuid = v->uuid;
        if (!says_nothing(p, v)) {
                past.name = xstrdup_null(v->name);
                past.created_at = v->created_at;
                if (v->dir > POD_DIR_PREPARE)
                        past.prepared = mtime_of(p->fd, POD_MARK_PREPARED, &past.prepared_at);
                if (v->state == POD_ABORTED_PREPARE) {
                        (void)mtime_of(p->fd, "pod-created", &past.created_at);
                        past.name = read_name(p);
                }
                if (v->state == POD_ABORTED_PREPARE ||
                    (v->dir == POD_DIR_GARBAGE && !past.prepared))
                        read_aborted(p, &past);
                /* Being there is proof enough of it; carob before 0.2 left no mark. */
                past.prepared |= v->dir == POD_DIR_PREPARED;
                if (v->dir == POD_DIR_RUN || v->dir == POD_DIR_EXITED_GARBAGE)
                        add_run(v, &past);
                past.collected = v->dir == POD_DIR_EXITED_GARBAGE || v->dir == POD_DIR_GARBAGE;
                past.collected_at = past.collected ? collected_at(v, &past) : 0;
        }
        *ret = past;
}
