/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event is one block of memory: the struct, its strings and its encoding, so that letting go of the oldest is one free. The
 * places grow with what is told: a node on which nothing happens pays for none of the many that may be kept.
 */
#include "api/event_ring.h"

#include <stdlib.h>
#include <string.h>

#include "grpc/utf8.h"
#include "util/mem.h"

enum {
        PLACES_FIRST = 64,
        HEAD_MAX = 6,          /* tag, and a length of 32 bits */
        HEAD_TAG = 1 << 3 | 2, /* field 1, bytes that follow their length */
};

struct block {
        struct event event;
        size_t bytes; /* of all of this */
        char text[];  /* id, from, encoded */
};

struct event_ring {
        struct block **v; /* owned, as what they point at; a ring of @cap places */
        size_t cap;
        size_t head; /* place of the oldest */
        size_t n;
        size_t bytes;
        size_t max;
        uint64_t next; /* number */
        uint64_t by_type[V1ALPHA__EVENT_TYPE__EVENT_TYPE_IMAGE_REMOVED + 1];
        void (*on_put)(void *arg);
        void *on_put_arg;
};

struct event_ring *event_ring_new(size_t max)
{
        struct event_ring *r = xcalloc(1, sizeof(*r));

        r->max = max > 0 ? max : 1;
        r->next = 1;
        return r;
}

static struct block *place(const struct event_ring *r, size_t at)
{
        return r->v[(r->head + at) % r->cap];
}

static void drop_oldest(struct event_ring *r)
{
        struct block *b = place(r, 0);

        r->bytes -= b->bytes;
        free(b);
        r->head = (r->head + 1) % r->cap;
        r->n--;
}

void event_ring_free(struct event_ring *r)
{
        if (!r)
                return;
        while (r->n > 0)
                drop_oldest(r);
        free(r->v);
        free(r);
}

/* --- encoding */

/* What does not change anything when it is fit already, which is nearly always. */
static char *fit(const char *s, char **ret_owned)
{
        size_t len = strlen(s);

        *ret_owned = grpc_utf8_valid((const uint8_t *)s, len) ? NULL : grpc_utf8_clean(s, len);
        return *ret_owned ? *ret_owned : (char *)(uintptr_t)s;
}

static size_t put_head(uint8_t *at, size_t len)
{
        size_t n = 0;

        at[n++] = HEAD_TAG;
        for (; len >= 0x80; len >>= 7)
                at[n++] = (uint8_t)(len | 0x80);
        at[n++] = (uint8_t)len;
        return n;
}

/* The second that it happened in, also before the epoch. */
static int64_t seconds(nsec t)
{
        return t / NSEC_PER_SEC - (t % NSEC_PER_SEC < 0);
}

static struct block *block_of(const V1alpha__Event *e)
{
        size_t id_len = strlen(e->id) + 1, from_len = strlen(e->from) + 1;
        size_t packed = v1alpha__event__get_packed_size(e);
        uint8_t head[HEAD_MAX];
        size_t head_len = put_head(head, packed);
        size_t bytes = sizeof(struct block) + id_len + from_len + head_len + packed;
        struct block *b = xmalloc(bytes);
        uint8_t *encoded = (uint8_t *)b->text + id_len + from_len;

        b->bytes = bytes;
        memcpy(b->text, e->id, id_len);
        memcpy(b->text + id_len, e->from, from_len);
        memcpy(encoded, head, head_len);
        (void)v1alpha__event__pack(e, encoded + head_len);
        b->event = (struct event){ .type = e->type,
                                   .id = b->text,
                                   .from = b->text + id_len,
                                   .encoded = encoded,
                                   .len = head_len + packed };
        return b;
}

struct packing {
        V1alpha__KeyValue *pairs;   /* owned */
        V1alpha__KeyValue **places; /* owned; of those */
        char **owned;               /* two for each of the pairs, two of the event; NULL: was fit */
};

static struct block *encode(const struct event_spec *spec)
{
        struct packing p = {
                .pairs = xcalloc(spec->n_data + 1, sizeof(*p.pairs)),
                .places = xcalloc(spec->n_data + 1, sizeof(*p.places)),
                .owned = xcalloc(2 * spec->n_data + 2, sizeof(*p.owned)),
        };
        V1alpha__Event e; /* clang dislikes the casts of V1ALPHA__EVENT__INIT */
        size_t n = 0;
        struct block *b;

        v1alpha__event__init(&e);
        e.type = spec->type;
        e.id = fit(spec->id, &p.owned[n++]);
        e.from = fit(spec->from, &p.owned[n++]);
        e.time = seconds(spec->time);
        for (size_t i = 0; i < spec->n_data; i++) {
                v1alpha__key_value__init(&p.pairs[i]);
                p.pairs[i].key = fit(spec->data[i].key, &p.owned[n++]);
                p.pairs[i].value = fit(spec->data[i].value, &p.owned[n++]);
                p.places[i] = &p.pairs[i];
        }
        e.data = p.places;
        e.n_data = spec->n_data;
        b = block_of(&e);
        while (n > 0)
                free(p.owned[--n]);
        free(p.owned);
        free(p.places);
        free(p.pairs);
        return b;
}

/* --- the ring */

static void grow(struct event_ring *r)
{
        size_t cap = r->cap > 0 ? 2 * r->cap : PLACES_FIRST;
        struct block **v;

        if (cap > r->max)
                cap = r->max;
        v = xcalloc(cap, sizeof(struct block *));
        for (size_t i = 0; i < r->n; i++)
                v[i] = place(r, i);
        free(r->v);
        r->v = v;
        r->cap = cap;
        r->head = 0;
}

void event_ring_put(struct event_ring *r, const struct event_spec *spec)
{
        struct block *b = encode(spec);

        b->event.number = r->next++;
        b->event.time = spec->time;
        if ((size_t)spec->type < sizeof(r->by_type) / sizeof(r->by_type[0]))
                r->by_type[spec->type]++;
        while (r->n > 0 && (r->n >= r->max || r->bytes + b->bytes > r->max * EVENTS_BYTES_PER))
                drop_oldest(r);
        if (r->n == r->cap)
                grow(r);
        r->v[(r->head + r->n++) % r->cap] = b;
        r->bytes += b->bytes;
        if (r->on_put)
                r->on_put(r->on_put_arg);
}

uint64_t event_ring_first(const struct event_ring *r)
{
        return r->next - r->n;
}

uint64_t event_ring_next(const struct event_ring *r)
{
        return r->next;
}

const struct event *event_ring_at(const struct event_ring *r, uint64_t number)
{
        uint64_t first = event_ring_first(r);

        return number < first || number >= r->next ? NULL : &place(r, number - first)->event;
}

void event_ring_on_put(struct event_ring *r, void (*fn)(void *arg), void *arg)
{
        r->on_put = fn;
        r->on_put_arg = arg;
}

void event_ring_stats(const struct event_ring *r, struct event_ring_stats *ret)
{
        *ret = (struct event_ring_stats){ .told = r->next - 1, .kept = r->n, .bytes = r->bytes };
        memcpy(ret->by_type, r->by_type, sizeof(ret->by_type));
}
