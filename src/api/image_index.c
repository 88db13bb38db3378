/* SPDX-License-Identifier: Apache-2.0 */
#include "api/image_index.h"

#include <stdlib.h>
#include <string.h>

#include "api/filter.h"
#include "api/image_index_priv.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"

enum { LISTS_MS = 2000 }; /* a list that nobody asked for in this time is forgotten */

static int by_id(const void *a, const void *b)
{
        const struct image_slot *x = a, *y = b;

        return strcmp(x->id, y->id);
}

int image_index_compare(const struct image_entry *a, const struct image_entry *b)
{
        if (a->imported_at != b->imported_at)
                return a->imported_at < b->imported_at ? -1 : 1;
        return strcmp(a->id, b->id);
}

static int by_age(const void *a, const void *b)
{
        return image_index_compare(a, b);
}

static void drop_lists(struct image_index *i)
{
        for (size_t detail = 0; detail < ARRAY_LEN(i->lists); detail++)
                i->lists[detail] = grpc_blob_unref(i->lists[detail]);
}

/* Whoever asks for lists does so again and again; when nobody does, their memory is worth more. */
static void on_drop(uv_timer_t *timer)
{
        struct image_index *i = timer->data;

        if (i->lists_used != i->lists_seen)
                (void)uv_timer_start(timer, on_drop, LISTS_MS, 0);
        else
                drop_lists(i);
        i->lists_seen = i->lists_used;
}

static void changed(struct image_index *i)
{
        i->generation++;
        i->stats.changes++;
        drop_lists(i);
}

/* The name as clients are told it: what look-ups find is what filters compare. */
static struct text entry_name(const struct image_entry *entry)
{
        return image_encoded_name(&entry->encoded);
}

static void entry_remove(struct image_index *i, struct image_entry *entry)
{
        sorted_remove(&i->ages, entry);
        lookup_remove(&i->names, &entry->by_name);
        lookup_remove(&i->base_names, &entry->by_base_name);
        encoded_done(&entry->encoded);
        free(entry);
}

static void entry_add(struct image_index *i, struct image_entry *entry)
{
        struct text name = entry_name(entry);

        sorted_add(&i->ages, entry);
        lookup_add(&i->names, &entry->by_name, name, entry);
        lookup_add(&i->base_names, &entry->by_base_name, image_base_name(name), entry);
}

static bool same(const struct image_entry *a, const struct image_entry *b)
{
        if (!a || !b)
                return a == b;
        return a->imported_at == b->imported_at && encoded_equal(&a->encoded, &b->encoded);
}

void image_slot_set_consume(struct image_index *i, struct image_slot *slot,
                            struct image_entry *entry)
{
        if (same(slot->entry, entry)) {
                if (entry)
                        encoded_done(&entry->encoded);
                free(entry);
                return;
        }
        if (slot->entry)
                entry_remove(i, slot->entry);
        slot->entry = entry;
        if (entry)
                entry_add(i, entry);
        changed(i);
}

struct image_slot *image_slot_get(struct image_index *i, const char *id)
{
        struct image_slot *slot;

        HASH_FIND_STR(i->slots, id, slot);
        if (slot)
                return slot;
        slot = xcalloc(1, sizeof(*slot));
        memcpy(slot->id, id, IMAGE_ID_LEN);
        HASH_ADD_STR(i->slots, id, slot);
        sorted_add(&i->ids, slot);
        return slot;
}

void image_slot_free(struct image_index *i, struct image_slot *slot)
{
        image_slot_set_consume(i, slot, NULL);
        sorted_remove(&i->ids, slot);
        HASH_DEL(i->slots, slot);
        free(slot->problem);
        free(slot);
}

struct image_index *image_index_new(uv_loop_t *loop, struct jobs *jobs, struct index *index)
{
        struct image_index *i = xcalloc(1, sizeof(*i));

        i->loop = loop;
        i->jobs = jobs;
        i->index = index;
        i->watch = index_watch(index);
        sorted_init(&i->ids, by_id);
        sorted_init(&i->ages, by_age);
        (void)uv_timer_init(loop, &i->drop);
        uv_unref((uv_handle_t *)&i->drop);
        i->drop.data = i;
        image_follow_init(i);
        return i;
}

static void closed(uv_handle_t *handle)
{
        struct image_index *i = handle->data;

        if (--i->handles == 0)
                free(i);
}

void image_index_free(struct image_index *i)
{
        struct image_slot *slot, *next;

        if (!i)
                return;
        image_follow_done(i);
        HASH_ITER (hh, i->slots, slot, next)
                image_slot_free(i, slot);
        sorted_done(&i->ids);
        sorted_done(&i->ages);
        lookup_done(&i->names);
        lookup_done(&i->base_names);
        drop_lists(i);
        i->handles = 2;
        uv_close((uv_handle_t *)&i->retry, closed);
        uv_close((uv_handle_t *)&i->drop, closed);
}

struct index_part *image_index_part(struct image_index *i)
{
        return &i->part;
}

int image_index_check(const struct image_index *i, struct err *e)
{
        if (!i->failed)
                return 0;
        *e = i->failure;
        return -1;
}

size_t image_index_count(const struct image_index *i)
{
        return sorted_count(&i->ages);
}

const struct image_entry *image_index_at(struct image_index *i, size_t at)
{
        return sorted_at(&i->ages, at);
}

size_t image_index_before(struct image_index *i, nsec imported_at, const char *id)
{
        struct image_entry key = { .imported_at = imported_at };

        memcpy(key.id, id, sizeof(key.id));
        return sorted_lower_bound(&i->ages, &key, by_age);
}

const struct image_entry *image_index_get(const struct image_index *i, const char *id)
{
        struct image_slot *slot;

        HASH_FIND_STR(i->slots, id, slot);
        return slot ? slot->entry : NULL;
}

static int check_prefix(const char *prefix, struct err *e)
{
        enum { HEX_MIN = 2, HEX_MAX = 128 };
        size_t n;

        if (*prefix == '\0')
                return err_set(e, ERR_USAGE, 0, "no image id given");
        if (strncmp(prefix, "sha512-", 7) == 0) {
                n = strspn(prefix + 7, "0123456789abcdef");
                if (prefix[7 + n] == '\0' && n >= HEX_MIN && n <= HEX_MAX)
                        return 0;
        }
        return err_set(e, ERR_USAGE, 0,
                       "image id \"%.200s\": not \"sha512-\" and at least 2 lower-case hex digits",
                       prefix);
}

static int compare_id(const void *key, const void *item)
{
        const struct image_slot *slot = item;

        return strcmp(key, slot->id);
}

static int entry_of(const struct image_slot *slot, const char *prefix,
                    const struct image_entry **ret, struct err *e)
{
        if (!slot->entry)
                return err_set(e, slot->problem_kind, 0, "image \"%s\": %s", prefix,
                               slot->problem ? slot->problem : "not read");
        *ret = slot->entry;
        return 0;
}

int image_index_find(struct image_index *i, const char *prefix, const struct image_entry **ret,
                     struct err *e)
{
        char id[IMAGE_ID_LEN + 1] = "";
        size_t first, len, n = 0;

        if (check_prefix(prefix, e) < 0)
                return -1;
        len = strnlen(prefix, IMAGE_ID_LEN);
        memcpy(id, prefix, len);
        first = sorted_lower_bound(&i->ids, id, compare_id);
        while (first + n < sorted_count(&i->ids)) {
                const struct image_slot *slot = sorted_at(&i->ids, first + n);

                if (strncmp(slot->id, id, len) != 0)
                        break;
                n++;
        }
        if (n == 0)
                return err_set(e, ERR_NOT_FOUND, 0, "image \"%s\" is not in the store", prefix);
        if (n > 1)
                return err_set(e, ERR_AMBIGUOUS, 0, "image id \"%s\": ambiguous, %zu images match",
                               prefix, n);
        return entry_of(sorted_at(&i->ids, first), prefix, ret, e);
}

const struct lookup_node *image_index_by_name(const struct image_index *i, struct text name,
                                              size_t *ret_n)
{
        return lookup_find(&i->names, name, ret_n);
}

const struct lookup_node *image_index_by_base_name(const struct image_index *i, struct text name,
                                                   size_t *ret_n)
{
        return lookup_find(&i->base_names, name, ret_n);
}

static struct grpc_blob *list_new(struct image_index *i, bool detail, struct err *e)
{
        size_t n = image_index_count(i), len = 0;
        struct grpc_blob *blob;
        uint8_t *at;

        for (size_t k = 0; k < n; k++)
                len += encoded_len(&image_index_at(i, k)->encoded, detail);
        if (len > LIMIT_API_REPLY_BYTES) {
                (void)err_set(
                        e, ERR_LIMIT, 0,
                        "the list of %zu images is %zu bytes, at most %u are sent: use filters%s",
                        n, len, LIMIT_API_REPLY_BYTES, detail ? ", or ask without detail" : "");
                return NULL;
        }
        blob = grpc_blob_new(len);
        at = blob->data;
        for (size_t k = 0; k < n; k++)
                at = encoded_copy(&image_index_at(i, k)->encoded, detail, at);
        return blob;
}

struct grpc_blob *image_index_list(struct image_index *i, bool detail, struct err *e)
{
        i->lists_used++;
        if (!i->lists[detail])
                i->lists[detail] = list_new(i, detail, e);
        if (!uv_is_active((uv_handle_t *)&i->drop))
                (void)uv_timer_start(&i->drop, on_drop, LISTS_MS, 0);
        return i->lists[detail] ? grpc_blob_ref(i->lists[detail]) : NULL;
}

void image_index_follow(struct image_index *i, struct image_follower *f)
{
        i->follower = f;
}

struct image_told *image_index_told(const struct image_index *i, const char *id)
{
        struct image_slot *slot;

        HASH_FIND_STR(i->slots, id, slot);
        return slot ? &slot->told : NULL;
}

void image_index_each_told(const struct image_index *i, void (*fn)(struct image_told *told))
{
        for (struct image_slot *slot = i->slots; slot; slot = slot->hh.next)
                fn(&slot->told);
}

uint64_t image_index_generation(const struct image_index *i)
{
        return i->generation;
}

void image_index_stats(const struct image_index *i, struct image_index_stats *ret)
{
        *ret = i->stats;
        ret->images = image_index_count(i);
        ret->pending = i->n_queued;
        ret->unwatched = i->n_unwatched;
        ret->broken = 0;
        for (const struct image_slot *slot = i->slots; slot; slot = slot->hh.next)
                ret->broken += slot->problem != NULL;
}
