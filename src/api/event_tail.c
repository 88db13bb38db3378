/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "api/event_source_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/log.h"
#include "util/mem.h"

void event_tail_init(struct event_tail *t, struct index *index, const char *name, nsec since)
{
        *t = (struct event_tail){ .index = index, .name = name, .since = since };
}

void event_tail_done(struct event_tail *t)
{
        free(t->finished.keys);
        t->finished.keys = NULL;
}

/* Nothing was written since the time from which on we tell: then what is in there is not read at all. */
static bool is_old(const struct event_tail *t, int data_fd)
{
        struct stat st;

        return fstatat(data_fd, t->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && fs_mtime(&st) < t->since;
}

static void begin(struct event_tail *t, int data_fd)
{
        struct err e;

        t->baseline = true;
        t->place = LEDGER_START;
        if (is_old(t, data_fd) && ledger_end(data_fd, t->name, &t->place, &e) < 0)
                log_warning_limited("%s: %s", t->name, e.text);
}

bool event_tail_attached(struct event_tail *t, int data_fd)
{
        bool had = t->ino != 0;
        struct stat st;

        t->present = data_fd >= 0 && fstat(data_fd, &st) == 0;
        if (!t->present || (t->ino == st.st_ino && t->dev == st.st_dev))
                return false;
        t->dev = st.st_dev;
        t->ino = st.st_ino;
        if (had)
                t->since = time_now_coarse();
        begin(t, data_fd);
        return had;
}

void event_tail_read(struct event_tail *t, int data_fd,
                     void (*fn)(const char *line, size_t len, void *arg), void *arg)
{
        AUTO_CLOSE int own = data_fd >= 0 ? -1 : index_open(t->index);
        bool gap = false;
        struct err e;

        if (data_fd < 0)
                data_fd = own;
        if (data_fd < 0)
                return;
        if (ledger_read(data_fd, t->name, &t->place, fn, arg, &gap, &e) < 0)
                log_warning_limited("%s: %s", t->name, e.text);
        if (gap)
                log_warning_limited("%s: more was removed than it remembers: some of it is told "
                                    "without times, or not at all",
                                    t->name);
}

struct event_look event_tail_look(const struct event_tail *t, bool first)
{
        return (struct event_look){ .now = time_now(),
                                    .baseline = first && t->baseline,
                                    .since = t->since };
}

/* --- what is finished */

/* FNV-1a. */
uint64_t event_key(const char *text, uint64_t more)
{
        uint64_t key = UINT64_C(0xcbf29ce484222325) ^ more;

        for (; *text; text++)
                key = (key ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
        return key ? key : 1;
}

bool event_finished_has(const struct finished *f, uint64_t key)
{
        bool found = false;

        for (size_t i = 0; f->keys && i < FINISHED_MAX; i++)
                found |= f->keys[i] == key;
        return found;
}

void event_finished_add(struct finished *f, uint64_t key)
{
        if (!f->keys)
                f->keys = xcalloc(FINISHED_MAX, sizeof(*f->keys));
        if (event_finished_has(f, key))
                return;
        f->keys[f->next] = key;
        f->next = (f->next + 1) % FINISHED_MAX;
}
