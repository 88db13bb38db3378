/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the images are kept up to date. A record comes and goes by one rename in images/records, and `carob` changes no
 * more than a list of names in one that is there; but who repairs a record by hand does it in place. So the directory
 * of each record is watched too, and a record is read again after any change in it, its directory's mode included.
 * `last-used` is touched by every pod and told to nobody.
 *
 * Two kinds of work (image_read.c does it): to list the names (scan), and to read a record (the queue). A scan has every
 * record read again, since it is what follows when nobody knows what happened. Records that could not get a watch are
 * read again every UNWATCHED_AGE, when somebody asks: nothing here runs while nobody does.
 */
#include <string.h>
#include <sys/inotify.h>
#include <utlist.h>

#include "api/image_index_priv.h"
#include "util/auto.h"

#define UNWATCHED_AGE (5 * NSEC_PER_SEC)

enum { INLINE_READS = 4 }; /* so few are read while the call waits for its turn anyway */

void image_slot_enqueue(struct image_index *i, struct image_slot *slot, uint64_t number)
{
        slot->queued = true;
        slot->number = number;
        DL_APPEND(i->queue, slot);
        i->n_queued++;
}

static void enqueue(struct image_index *i, struct image_slot *slot)
{
        if (!slot->queued)
                image_slot_enqueue(i, slot, pending_add(&i->pending));
}

void image_slot_dequeue(struct image_index *i, struct image_slot *slot)
{
        if (!slot->queued)
                return;
        slot->queued = false;
        DL_DELETE(i->queue, slot);
        i->n_queued--;
}

void image_index_need_scan(struct image_index *i)
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
                image_index_need_scan(i);
}

static void on_images_event(struct image_index *i, const struct watch_event *ev)
{
        if (ev->mask & IN_IGNORED)
                i->images_wd = 0;
        if (*ev->name == '\0' || strcmp(ev->name, "records") == 0)
                image_index_need_scan(i);
}

static void on_records_event(struct image_index *i, const struct watch_event *ev)
{
        if (ev->mask & IN_IGNORED)
                i->records_wd = 0;
        if (*ev->name == '\0')
                image_index_need_scan(i);
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

        if (!(ev->mask & (IMAGE_WATCH_RECORD | IMAGE_WATCH_DIR | IN_IGNORED | IN_UNMOUNT)))
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
        image_index_need_scan(of_owner(o));
}

static void on_drained(struct watch_owner *o)
{
        struct image_index *i = of_owner(o);

        if (i->scan || i->queue)
                jobs_add(i->jobs, &i->job);
}

static bool idle(const struct image_index *i)
{
        return !i->scan && !i->queue;
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
        bool done = idle(i) || image_read_next(i);

        if (idle(i))
                image_read_rest(i);
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
                image_index_need_scan(i);
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
                if (!image_read_next(i))
                        return i->failed;
        if (idle(i)) {
                image_read_rest(i);
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

static void attach(struct index_part *part, int data_fd, const struct err *why)
{
        struct image_index *i = (struct image_index *)part;

        i->attached = data_fd >= 0;
        if (i->follower)
                i->follower->attached(i->follower, data_fd);
        if (i->attached) {
                image_index_need_scan(i);
                jobs_add(i->jobs, &i->job);
                return;
        }
        i->scan = false;
        image_read_unwatch(i);
        closep(&i->records_fd);
        image_slots_drop(i);
        i->failed = false;
        if (why)
                image_index_fail(i, why);
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
        image_read_unwatch(i);
        for (slot = i->slots; slot; slot = slot->hh.next) {
                image_slot_dequeue(i, slot);
                image_slot_unwatch(i, slot);
        }
        watch_unregister(i->watch, &i->owner);
        closep(&i->records_fd);
}
