/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of images are listed and read. What is watched is watched before it is read: a change in between is read
 * twice, never not at all.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api/image_index_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/log.h"
#include "util/mem.h"

enum {
        RETRY_MS = 100, /* after descriptors have run out */
        LOOK_AGAIN_MS =
                10, /* after the data directory went elsewhere, which the index is about to tell */
};

static void unwatch(struct image_index *i, void *about, int *wd)
{
        if (*wd > 0)
                watch_remove(i->watch, &i->owner, about, *wd);
        *wd = 0;
}

void image_slot_unwatch(struct image_index *i, struct image_slot *slot)
{
        unwatch(i, slot, &slot->wd);
}

/* Watch (again) what is there now under that name; *wd is of this one alone afterwards. 0 or -errno. */
static int rewatch(struct image_index *i, void *about, int *wd, int dirfd, const char *name,
                   uint32_t mask)
{
        int now = watch_add(i->watch, &i->owner, about, dirfd, name, mask);

        if (now != *wd)
                unwatch(i, about, wd);
        *wd = now > 0 ? now : 0;
        return now > 0 ? 0 : now;
}

static void set_unwatched(struct image_index *i, struct image_slot *slot, bool unwatched)
{
        i->n_unwatched += unwatched;
        i->n_unwatched -= slot->unwatched;
        slot->unwatched = unwatched;
}

static struct image_sight sight_of(struct image_slot *slot)
{
        return (struct image_sight){ .id = slot->id,
                                     .told = &slot->told,
                                     .last = slot->entry ? &slot->entry->encoded : NULL };
}

static void drop(struct image_index *i, struct image_slot *slot)
{
        image_slot_dequeue(i, slot);
        set_unwatched(i, slot, false);
        image_slot_unwatch(i, slot);
        image_slot_free(i, slot);
}

void image_slots_drop(struct image_index *i)
{
        struct image_slot *slot, *next;

        HASH_ITER (hh, i->slots, slot, next) {
                struct image_sight sight = sight_of(slot);

                if (i->follower)
                        i->follower->lost(i->follower, &sight);
                drop(i, slot);
        }
}

void image_index_fail(struct image_index *i, const struct err *e)
{
        if (!i->failed || strcmp(i->failure.text, e->text) != 0)
                log_warning("images: %s", e->text);
        i->failed = true;
        i->failure = *e;
}

static void on_retry(uv_timer_t *timer)
{
        struct image_index *i = timer->data;

        jobs_add(i->jobs, &i->job);
}

/*
 * It cannot be done now, and will be tried again. When there is no descriptor to read with, whoever waits is told so, since
 * nobody knows how long that will last; else it is a matter of a moment.
 */
static bool postpone(struct image_index *i, const struct err *e)
{
        if (e->kind == ERR_NO_SPACE)
                image_index_fail(i, e);
        else if (e->kind != ERR_UNAVAILABLE)
                return false;
        (void)uv_timer_start(&i->retry, on_retry,
                             e->kind == ERR_NO_SPACE ? RETRY_MS : LOOK_AGAIN_MS, 0);
        return true;
}

static int add_name(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        struct image_index *i = arg;
        struct image_slot *slot;

        (void)dirfd;
        (void)d_type;
        if (!image_id_is_valid(name))
                return 0;
        slot = image_slot_get(i, name);
        slot->listed = true;
        if (!slot->queued)
                image_slot_enqueue(i, slot, i->scan_number);
        return 0;
}

/* images/records opened for reading and watched on the way there: -ENOENT when there is none, or -errno. */
static int open_records(struct image_index *i)
{
        AUTO_CLOSE int data = index_open(i->index);
        AUTO_CLOSE int images = -1;
        int r;

        if (data < 0)
                return data;
        r = rewatch(i, &i->data_wd, &i->data_wd, data, ".", IN_ATTRIB);
        i->unfollowed = r == -ENOSPC;
        r = rewatch(i, &i->images_wd, &i->images_wd, data, "images", IMAGE_WATCH_DIR);
        i->unfollowed |= r == -ENOSPC;
        images = fs_open_dir(data, "images");
        if (images < 0)
                return images;
        r = rewatch(i, &i->records_wd, &i->records_wd, images, "records", IMAGE_WATCH_DIR);
        i->unfollowed |= r == -ENOSPC;
        return fs_open_dir(images, "records");
}

static int cannot_read(struct image_index *i, int r, struct err *e)
{
        return err_set(e, r == -ESTALE ? ERR_UNAVAILABLE : ERR_INTERNAL, -r,
                       "read images/records of data directory %s", index_path(i->index));
}

static int list_records(struct image_index *i, struct err *e)
{
        int r;

        closep(&i->records_fd);
        for (struct image_slot *slot = i->slots; slot; slot = slot->hh.next)
                slot->listed = false;
        i->records_fd = open_records(i);
        r = i->records_fd < 0 ? i->records_fd : fs_each(i->records_fd, add_name, i);
        /* A directory that is removed while it is read is as good as none. */
        return r < 0 && r != -ENOENT ? cannot_read(i, r, e) : 0;
}

static void is_gone(struct image_index *i, struct image_slot *slot)
{
        struct image_sight sight = sight_of(slot);

        if (i->follower)
                i->follower->gone(i->follower, &sight);
        drop(i, slot);
}

static void drop_unlisted(struct image_index *i)
{
        struct image_slot *slot, *next;

        HASH_ITER (hh, i->slots, slot, next)
                if (!slot->listed)
                        is_gone(i, slot);
}

/* What was found by the scan is part of it: who waits for the scan waits for all that is in the queue now. */
static void number_as_scan(struct image_index *i)
{
        struct image_slot *slot;

        DL_FOREACH (i->queue, slot)
                if (slot->number > i->scan_number)
                        slot->number = i->scan_number;
}

static void scan(struct image_index *i)
{
        struct err e;

        i->looked_at = time_monotonic();
        if (list_records(i, &e) < 0) {
                if (postpone(i, &e))
                        return;
                image_index_fail(i, &e);
                image_slots_drop(i);
        } else {
                i->failed = false;
                drop_unlisted(i);
        }
        number_as_scan(i);
        i->scan = false;
        i->scanning = true;
}

static void set_problem(struct image_index *i, struct image_slot *slot, const struct err *e)
{
        image_slot_set_consume(i, slot, NULL);
        slot->problem_kind = e->kind;
        if (slot->problem && strcmp(slot->problem, e->text) == 0)
                return; /* said already */
        free(slot->problem);
        slot->problem = xstrdup(e->text);
        log_warning_limited("image %s is left out: %s", slot->id, e->text);
}

static void set_image(struct image_index *i, struct image_slot *slot, const struct image_view *view)
{
        struct image_entry *entry = xcalloc(1, sizeof(*entry));
        struct image_sight sight = sight_of(slot);

        if (i->follower)
                i->follower->seen(i->follower, &sight, &view->record);
        encoded_init_image(&entry->encoded, view);
        memcpy(entry->id, slot->id, sizeof(entry->id));
        entry->imported_at = view->record.imported_at;
        free(slot->problem);
        slot->problem = NULL;
        image_slot_set_consume(i, slot, entry);
}

/* Pods change all the time, records hardly ever in place: half of the watches is for pods alone. */
static bool may_watch(const struct image_index *i, const struct image_slot *slot)
{
        struct watch_stats stats;

        watch_stats(i->watch, &stats);
        return slot->wd > 0 || watch_room(i->watch) > stats.max_watches / 2;
}

static int watch_record(struct image_index *i, struct image_slot *slot)
{
        if (!may_watch(i, slot))
                return -ENOSPC;
        return rewatch(i, slot, &slot->wd, i->records_fd, slot->id, IMAGE_WATCH_RECORD);
}

/* 0; -ENOENT: it is gone; -1: no descriptor. */
static int read_slot(struct image_index *i, struct image_slot *slot, struct err *e)
{
        AUTO(image_view_done) struct image_view view = { 0 };

        set_unwatched(i, slot, watch_record(i, slot) == -ENOSPC);
        i->stats.reads++;
        if (image_view_read_at(i->records_fd, slot->id, &view, e) == 0)
                set_image(i, slot, &view);
        else if (e->kind == ERR_NO_SPACE)
                return -1;
        else if (e->kind == ERR_NOT_FOUND)
                return -ENOENT;
        else
                set_problem(i, slot, e);
        return 0;
}

static int reopen_records(struct image_index *i, struct err *e)
{
        if (i->records_fd >= 0)
                return 0;
        i->records_fd = open_records(i);
        if (i->records_fd >= 0 || i->records_fd == -ENOENT)
                return 0;
        return cannot_read(i, i->records_fd, e);
}

bool image_read_next(struct image_index *i)
{
        struct image_slot *slot = i->queue;
        struct err e;
        int r;

        if (i->scan) {
                scan(i);
                return !i->scan;
        }
        if (reopen_records(i, &e) < 0) {
                if (postpone(i, &e))
                        return false;
                image_index_need_scan(i); /* which says what is wrong with it */
                return true;
        }
        r = read_slot(i, slot, &e);
        if (r == -1)
                return !postpone(i, &e);
        i->failed = false;
        image_slot_dequeue(i, slot);
        if (r == -ENOENT)
                is_gone(i, slot);
        return true;
}

void image_read_rest(struct image_index *i)
{
        closep(&i->records_fd);
        if (!i->scanning)
                return;
        i->scanning = false;
        i->stats.scans++;
        i->stats.last_scan_ns = time_monotonic() - i->scan_began;
        if (i->follower)
                i->follower->scanned(i->follower);
}

void image_read_unwatch(struct image_index *i)
{
        unwatch(i, &i->data_wd, &i->data_wd);
        unwatch(i, &i->images_wd, &i->images_wd);
        unwatch(i, &i->records_wd, &i->records_wd);
}
