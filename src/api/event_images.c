/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image is known by its id and the time of its import: the same id may be removed and imported again between two looks.
 *
 * A line of the ledger is written a moment before the image goes, and whoever wrote it may have been killed in between. So of an
 * image that is still there the line is only noted, and told when it is gone.
 */
#include <stdlib.h>
#include <string.h>

#include "api/event_source_priv.h"
#include "util/auto.h"
#include "util/log.h"
#include "util/mem.h"

static struct event_source *of_follower(struct image_follower *f)
{
        return OWNER_OF(f, struct event_source, image_follower);
}

static void tell_imported(struct event_source *s, const struct image_past *past, bool first)
{
        struct event_look look = event_tail_look(&s->image_tail, first);

        event_derive_imported(past, &look, event_source_tell, s);
}

static void tell_removed(struct event_source *s, const struct image_past *past, bool first)
{
        struct event_look look = event_tail_look(&s->image_tail, first);

        event_derive_removed(past, &look, event_source_tell, s);
        event_finished_add(&s->image_tail.finished,
                           event_key(past->id, (uint64_t)past->imported_at));
}

/* The import that was told is over. @last: what was known of it; NULL: nothing. */
static void end(struct event_source *s, const char *id, struct image_told *told,
                const struct encoded *last)
{
        AUTO(image_past_done) struct image_past past = IMAGE_PAST_NULL;

        if (told->imported_at == 0)
                return;
        event_derive_image_of(id, last, &past);
        past.imported_at = told->imported_at;
        past.removed_at = told->removed_at;
        tell_removed(s, &past, false);
        told->imported_at = told->removed_at = 0;
}

/* --- last words */

static struct image_told *told_of(struct event_source *s, const char *id)
{
        struct image_told *told = image_index_told(s->images, id);
        struct event_lost_image *lost;

        if (told && told->seen)
                return told;
        HASH_FIND_STR(s->lost_images, id, lost);
        return lost ? &lost->told : told;
}

/* It came and went, and nobody has seen it. */
static void tell_whole(struct event_source *s, const struct image_past *past, bool first)
{
        uint64_t key = event_key(past->id, (uint64_t)past->imported_at);

        if (event_finished_has(&s->image_tail.finished, key))
                return;
        tell_imported(s, past, first);
        tell_removed(s, past, first);
}

static void last_words(struct event_source *s, const struct image_past *past)
{
        struct image_told *told = told_of(s, past->id);

        if (told && told->other)
                *told = (struct image_told){ .seen = false };
        if (told && told->imported_at == past->imported_at && past->imported_at != 0)
                told->removed_at = past->removed_at;
        else if (!told || told->imported_at == 0)
                tell_whole(s, past, !told || !told->seen);
        else if (told->imported_at < past->imported_at) {
                const struct image_entry *entry = image_index_get(s->images, past->id);

                end(s, past->id, told, entry ? &entry->encoded : NULL);
                tell_whole(s, past, false);
        }
}

static void on_line(const char *line, size_t len, void *arg)
{
        AUTO(image_past_done) struct image_past past = IMAGE_PAST_NULL;
        struct err e;

        if (image_past_parse(line, len, &past, &e) < 0)
                log_warning_limited("images/" IMAGE_LEDGER ": a line that is no image: %s", e.text);
        else
                last_words(arg, &past);
}

static void read_ledger(struct event_source *s)
{
        event_tail_read(&s->image_tail, -1, on_line, s);
}

/* --- images that could not be read for a while */

static void forget_lost(struct event_source *s, struct event_lost_image *lost)
{
        HASH_DEL(s->lost_images, lost);
        free(lost);
}

static void on_lost(struct image_follower *f, const struct image_sight *sight)
{
        struct event_source *s = of_follower(f);
        struct event_lost_image *lost;

        if (!sight->told->seen || sight->told->other)
                return;
        HASH_FIND_STR(s->lost_images, sight->id, lost);
        if (lost)
                forget_lost(s, lost);
        lost = xcalloc(1, sizeof(*lost));
        memcpy(lost->id, sight->id, sizeof(lost->id));
        lost->told = *sight->told;
        HASH_ADD_STR(s->lost_images, id, lost);
}

static void recall(struct event_source *s, const char *id, struct image_told *told)
{
        struct event_lost_image *lost;

        HASH_FIND_STR(s->lost_images, id, lost);
        if (!lost)
                return;
        if (!told->seen)
                *told = lost->told;
        forget_lost(s, lost);
}

static void settle_lost(struct event_source *s)
{
        struct event_lost_image *lost, *next;

        HASH_ITER (hh, s->lost_images, lost, next) {
                struct image_told *told = image_index_told(s->images, lost->id);

                if (told) {
                        recall(s, lost->id, told);
                        continue;
                }
                end(s, lost->id, &lost->told, NULL);
                forget_lost(s, lost);
        }
}

static void forget_all_lost(struct event_source *s)
{
        struct event_lost_image *lost, *next;

        HASH_ITER (hh, s->lost_images, lost, next)
                forget_lost(s, lost);
}

/* --- what the index sees */

static void make_other(struct image_told *told)
{
        *told = (struct image_told){ .other = true };
}

static void on_attached(struct image_follower *f, int data_fd)
{
        struct event_source *s = of_follower(f);

        if (!event_tail_attached(&s->image_tail, data_fd))
                return;
        forget_all_lost(s);
        image_index_each_told(s->images, make_other);
}

static void on_scanned(struct image_follower *f)
{
        struct event_source *s = of_follower(f);
        struct err e;

        if (!s->image_tail.present || image_index_check(s->images, &e) < 0)
                return;
        read_ledger(s);
        settle_lost(s);
        s->image_tail.baseline = false;
}

static struct image_past past_of(const struct image_record *record)
{
        return (struct image_past){ .id = record->id, /* borrowed, all of it */
                                    .name = record->name,
                                    .version = record->version,
                                    .format = record->format,
                                    .size = record->size,
                                    .imported_at = record->imported_at };
}

/* 0 is for those that were not told. */
static nsec import_of(const struct image_record *record)
{
        return record->imported_at != 0 ? record->imported_at : 1;
}

static void on_seen(struct image_follower *f, const struct image_sight *sight,
                    const struct image_record *record)
{
        struct event_source *s = of_follower(f);
        struct image_told *told = sight->told;
        struct image_past past = past_of(record);
        bool first;

        if (told->other)
                *told = (struct image_told){ .seen = false };
        if (s->lost_images)
                recall(s, sight->id, told);
        first = !told->seen;
        if (told->imported_at != import_of(record)) {
                read_ledger(s);
                end(s, sight->id, told, sight->last);
                tell_imported(s, &past, first);
                told->imported_at = import_of(record);
        }
        told->seen = true;
}

static void on_gone(struct image_follower *f, const struct image_sight *sight)
{
        struct event_source *s = of_follower(f);

        if (sight->told->other)
                return;
        if (s->lost_images)
                recall(s, sight->id, sight->told);
        read_ledger(s);
        end(s, sight->id, sight->told, sight->last);
}

void event_images_init(struct event_source *s, nsec since)
{
        event_tail_init(&s->image_tail, s->index, "images/" IMAGE_LEDGER, since);
        s->image_follower = (struct image_follower){ .attached = on_attached,
                                                     .scanned = on_scanned,
                                                     .seen = on_seen,
                                                     .gone = on_gone,
                                                     .lost = on_lost };
        image_index_follow(s->images, &s->image_follower);
}

void event_images_done(struct event_source *s)
{
        image_index_follow(s->images, NULL);
        forget_all_lost(s);
        event_tail_done(&s->image_tail);
}
