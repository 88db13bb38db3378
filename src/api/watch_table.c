/* SPDX-License-Identifier: Apache-2.0 */
#include "api/watch_table.h"

#include <stdint.h>
#include <stdlib.h>

#include "util/auto.h"
#include "util/mem.h"

static size_t home(const struct watch_table *t, int wd)
{
        return (size_t)((uint32_t)wd * 2654435769u) &
               (t->n_slots - 1); /* Knuth: the golden ratio */
}

static size_t after(const struct watch_table *t, size_t i)
{
        return (i + 1) & (t->n_slots - 1);
}

static void insert(struct watch_table *t, struct watch_slot s)
{
        size_t i = home(t, s.wd);

        while (t->slots[i].wd != 0)
                i = after(t, i);
        t->slots[i] = s;
}

void watch_table_add(struct watch_table *t, struct watch_slot s)
{
        if ((t->n_used + 1) * 4 > t->n_slots * 3) {
                AUTO_FREE struct watch_slot *old = t->slots;
                size_t n = t->n_slots;

                t->n_slots = n ? 2 * n : 64;
                t->slots = xcalloc(t->n_slots, sizeof(*t->slots));
                for (size_t i = 0; i < n; i++)
                        if (old[i].wd != 0)
                                insert(t, old[i]);
        }
        insert(t, s);
        t->n_used++;
}

struct watch_slot *watch_table_next(const struct watch_table *t, int wd,
                                    const struct watch_slot *before)
{
        size_t i;

        if (t->n_slots == 0)
                return NULL;
        i = before ? after(t, (size_t)(before - t->slots)) : home(t, wd);
        while (t->slots[i].wd != 0 && t->slots[i].wd != wd)
                i = after(t, i);
        return t->slots[i].wd == wd ? &t->slots[i] : NULL;
}

struct watch_slot *watch_table_find(const struct watch_table *t, int wd,
                                    const struct watch_owner *o, const void *about)
{
        for (struct watch_slot *s = NULL; (s = watch_table_next(t, wd, s));)
                if (s->owner == o && s->about == about)
                        return s;
        return NULL;
}

size_t watch_table_owners(const struct watch_table *t, int wd)
{
        size_t n = 0;

        for (struct watch_slot *s = NULL; (s = watch_table_next(t, wd, s));)
                n += s->owner != NULL;
        return n;
}

/* What follows in the chain moves up, so that no look-up ends too early. */
void watch_table_erase(struct watch_table *t, struct watch_slot *s)
{
        size_t hole = (size_t)(s - t->slots);

        for (size_t i = after(t, hole); t->slots[i].wd != 0; i = after(t, i)) {
                size_t from_home = (i - home(t, t->slots[i].wd)) & (t->n_slots - 1);

                if (from_home < ((i - hole) & (t->n_slots - 1)))
                        continue; /* it would come to lie before its home */
                t->slots[hole] = t->slots[i];
                hole = i;
        }
        t->slots[hole] = (struct watch_slot){ .wd = 0 };
        t->n_used--;
}

void watch_table_done(struct watch_table *t)
{
        free(t->slots);
        *t = (struct watch_table){ .slots = NULL };
}
