/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the images are kept up to date. A record comes and goes by one rename in images/records, and `carob` changes no
 * more than a list of names in one that is there; but who repairs a record by hand does it in place. So the directory
 * of each record is watched too, and a record is read again after any change in it, its directory's mode included.
 * `last-used` is touched by every pod and told to nobody.
 *
 * What is watched is watched before it is read: a change in between is read twice, never not at all.
 *
 * Two kinds of work: to list the names (scan), and to read a record (the queue). A scan has every record read again,
 * since it is what follows when nobody knows what happened. Records that could not get a watch are read again every
 * UNWATCHED_AGE, when somebody asks: nothing here runs while nobody does.
 */
#include "api/image_index_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <utlist.h>

#include "util/auto.h"
#include "util/fs.h"
#include "util/log.h"
#include "util/mem.h"

#define UNWATCHED_AGE (5 * NSEC_PER_SEC)

enum {
        INLINE_READS = 4, /* so few are read while the call waits for its turn anyway */
        RETRY_MS = 100,   /* after descriptors have run out */
        LOOK_AGAIN_MS =
                10, /* after the data directory went elsewhere, which the index is about to tell */
        MASK_DIR = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
                   IN_DELETE_SELF | IN_MOVE_SELF,
        MASK_RECORD = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_MODIFY |
                      IN_CLOSE_WRITE,
};

/* Numbers grow along the queue. What is in it already has not been read yet, and will not be read twice. */
static void enqueue_as(struct image_index *i, struct image_slot *slot, uint64_t number)
{
        slot->queued = true;
        slot->number = number;
        DL_APPEND(i->queue, slot);
        i->n_queued++;
}

static void enqueue(struct image_index *i, struct image_slot *slot)
{
        if (!slot->queued)
                enqueue_as(i, slot, pending_add(&i->pending));
}

static void dequeue(struct image_index *i, struct image_slot *slot)
{
        if (!slot->queued)
                return;
        slot->queued = false;
        DL_DELETE(i->queue, slot);
        i->n_queued--;
}

static void unwatch(struct image_index *i, void *about, int *wd)
{
        if (*wd > 0)
                watch_remove(i->watch, &i->owner, about, *wd);
        *wd = 0;
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

static void drop(struct image_index *i, struct image_slot *slot)
{
        dequeue(i, slot);
        set_unwatched(i, slot, false);
        unwatch(i, slot, &slot->wd);
        image_slot_free(i, slot);
}

static void drop_all(struct image_index *i)
{
        struct image_slot *slot, *next;

        HASH_ITER (hh, i->slots, slot, next)
                drop(i, slot);
}

static void need_scan(struct image_index *i)
{
        if (!i->attached)
                return;
        if (i->scan)
                return;
        i->scan = true;
        i->scan_number = pending_add(&i->pending);
        i->scan_began = time_monotonic();
}

/* Only who may enter images can watch it; whether we may is told here. Coming and going is the index's affair. */
static void on_data_event(struct image_index *i, const struct watch_event *ev)
{
        if (ev->mask & IN_IGNORED)
                i->data_wd = 0;
        if (ev->mask & IN_ATTRIB && strcmp(ev->name, "images") == 0)
                need_scan(i);
}

static void on_images_event(struct image_index *i, const struct watch_event *ev)
{
        if (ev->mask & IN_IGNORED)
                i->images_wd = 0;
        if (*ev->name == '\0' || strcmp(ev->name, "records") == 0)
                need_scan(i);
}

static void on_records_event(struct image_index *i, const struct watch_event *ev)
{
        if (ev->mask & IN_IGNORED)
                i->records_wd = 0;
        if (*ev->name == '\0')
                need_scan(i);
        else if (image_id_is_valid(ev->name))
                enqueue(i, image_slot_get(i, ev->name));
}

static void on_record_event(struct image_index *i, struct image_slot *slot,
                            const struct watch_event *ev)
{
        if (ev->mask & IN_IGNORED)
                slot->wd = 0;
        if (*ev->name == '\0' || strcmp(ev->name, "record.json") == 0 ||
            strcmp(ev->name, "manifest") == 0)
                enqueue(i, slot);
}

static struct image_index *of_owner(struct watch_owner *o)
{
        return OWNER_OF(o, struct image_index, owner);
}

static void on_event(struct watch_owner *o, void *about, const struct watch_event *ev)
{
        struct image_index *i = of_owner(o);

        if (!(ev->mask & (MASK_RECORD | MASK_DIR | IN_IGNORED | IN_UNMOUNT)))
                return; /* somebody else wanted to know */
        if (about == &i->data_wd)
                on_data_event(i, ev);
        else if (about == &i->images_wd)
                on_images_event(i, ev);
        else if (about == &i->records_wd)
                on_records_event(i, ev);
        else
                on_record_event(i, about, ev);
}

static void on_overflow(struct watch_owner *o)
{
        need_scan(of_owner(o));
}

static void on_drained(struct watch_owner *o)
{
        struct image_index *i = of_owner(o);

        if (i->scan || i->queue)
                jobs_add(i->jobs, &i->job);
}

/* Nothing is known, for a reason that @e tells. */
static void fail(struct image_index *i, const struct err *e)
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
                fail(i, e);
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
                enqueue_as(i, slot, i->scan_number);
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
        r = rewatch(i, &i->images_wd, &i->images_wd, data, "images", MASK_DIR);
        i->unfollowed |= r == -ENOSPC;
        images = fs_open_dir(data, "images");
        if (images < 0)
                return images;
        r = rewatch(i, &i->records_wd, &i->records_wd, images, "records", MASK_DIR);
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

static void drop_unlisted(struct image_index *i)
{
        struct image_slot *slot, *next;

        HASH_ITER (hh, i->slots, slot, next)
                if (!slot->listed)
                        drop(i, slot);
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
                fail(i, &e);
                drop_all(i);
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
        return rewatch(i, slot, &slot->wd, i->records_fd, slot->id, MASK_RECORD);
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

/* One piece of work. False: it cannot be done now. */
static bool work(struct image_index *i)
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
                need_scan(i); /* which says what is wrong with it */
                return true;
        }
        r = read_slot(i, slot, &e);
        if (r == -1)
                return !postpone(i, &e);
        i->failed = false;
        dequeue(i, slot);
        if (r == -ENOENT)
                drop(i, slot);
        return true;
}

static bool idle(const struct image_index *i)
{
        return !i->scan && !i->queue;
}

/* All is read: let go of what was needed for it. */
static void rest(struct image_index *i)
{
        closep(&i->records_fd);
        if (!i->scanning)
                return;
        i->scanning = false;
        i->stats.scans++;
        i->stats.last_scan_ns = time_monotonic() - i->scan_began;
}

/* The number of the first work that is not done. */
static uint64_t oldest(const struct image_index *i)
{
        uint64_t number = i->queue ? i->queue->number : UINT64_MAX;

        return i->scan && i->scan_number < number ? i->scan_number : number;
}

static bool step(struct job *job)
{
        struct image_index *i = OWNER_OF(job, struct image_index, job);
        bool done = idle(i) || work(i);

        if (idle(i))
                rest(i);
        if (!done && i->failed) {
                /* No descriptors: waiting for them could take for ever. image_index_check tells. */
                pending_done(&i->pending, UINT64_MAX);
                return false;
        }
        pending_done(&i->pending, oldest(i));
        return done && !idle(i);
}

/* What has no watch must be looked at from time to time. */
static void look_again(struct image_index *i)
{
        nsec now;

        if (!i->unfollowed && i->n_unwatched == 0)
                return;
        now = time_monotonic();
        if (now - i->looked_at < UNWATCHED_AGE)
                return;
        i->looked_at = now;
        if (i->unfollowed)
                need_scan(i);
        for (struct image_slot *slot = i->slots; slot; slot = slot->hh.next)
                if (slot->unwatched)
                        enqueue(i, slot);
}

bool image_index_sync(struct image_index *i)
{
        index_sync(i->index);
        look_again(i);
        if (uv_is_active((uv_handle_t *)&i->retry))
                return i->failed;
        for (unsigned n = 0; n < INLINE_READS && !i->scan && i->queue; n++)
                if (!work(i))
                        return i->failed;
        if (idle(i)) {
                rest(i);
                return true;
        }
        jobs_add(i->jobs, &i->job);
        return false;
}

void image_index_wait(struct image_index *i, struct waiter *w)
{
        pending_wait(&i->pending, w);
}

void image_index_cancel(struct image_index *i, struct waiter *w)
{
        pending_cancel(&i->pending, w);
}

/* The directories above the records. */
static void unwatch_all(struct image_index *i)
{
        unwatch(i, &i->data_wd, &i->data_wd);
        unwatch(i, &i->images_wd, &i->images_wd);
        unwatch(i, &i->records_wd, &i->records_wd);
}

static void attach(struct index_part *part, int data_fd, const struct err *why)
{
        struct image_index *i = (struct image_index *)part;

        i->attached = data_fd >= 0;
        if (i->attached) {
                need_scan(i);
                jobs_add(i->jobs, &i->job);
                return;
        }
        i->scan = false;
        unwatch_all(i);
        closep(&i->records_fd);
        drop_all(i);
        i->failed = false;
        if (why)
                fail(i, why);
        jobs_add(i->jobs, &i->job); /* those who wait learn of it */
}

void image_follow_init(struct image_index *i)
{
        i->part = (struct index_part){ .attach = attach, .name = "images" };
        i->owner = (struct watch_owner){ .on_event = on_event,
                                         .on_overflow = on_overflow,
                                         .on_drained = on_drained };
        i->job.step = step;
        i->records_fd = -1;
        (void)uv_timer_init(i->loop, &i->retry);
        uv_unref((uv_handle_t *)&i->retry);
        i->retry.data = i;
        watch_register(i->watch, &i->owner);
}

void image_follow_done(struct image_index *i)
{
        struct image_slot *slot;

        jobs_end(i->jobs, &i->job);
        unwatch_all(i);
        for (slot = i->slots; slot; slot = slot->hh.next) {
                dequeue(i, slot);
                unwatch(i, slot, &slot->wd);
        }
        watch_unregister(i->watch, &i->owner);
        closep(&i->records_fd);
}
