/* SPDX-License-Identifier: Apache-2.0 */
/* The places lie side by side with their keys, so that a search touches little memory besides its own steps. */
#include <string.h>

#include "api/pod_index_priv.h"
#include "util/mem.h"

static unsigned digit(char c)
{
        return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

/* Dashes stand at the same places in all ids, so leaving them out keeps the order. A short one is filled up with zeros. */
uint64_t pod_table_key(const char *uuid)
{
        uint64_t key = 0;
        unsigned n = 0;

        for (; *uuid != '\0' && n < 16; uuid++)
                if (*uuid != '-') {
                        key = key << 4 | digit(*uuid);
                        n++;
                }
        return n == 0 ? 0 : key << 4 * (16 - n);
}

size_t pod_table_lower(const struct pod_table *t, const char *prefix)
{
        uint64_t key = pod_table_key(prefix);
        size_t low = 0, high = t->n;

        while (low < high) {
                size_t mid = low + (high - low) / 2;
                const struct pod_place *at = &t->v[mid];

                if (at->key < key || (at->key == key && strcmp(at->entry->uuid.text, prefix) < 0))
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

struct pod_entry *pod_table_get(const struct pod_table *t, const char *uuid)
{
        size_t at = pod_table_lower(t, uuid);

        return at < t->n && strcmp(t->v[at].entry->uuid.text, uuid) == 0 ? t->v[at].entry : NULL;
}

void pod_table_insert(struct pod_table *t, struct pod_entry *entry)
{
        size_t at = pod_table_lower(t, entry->uuid.text);

        ARRAY_GROW(t->v, t->n, t->cap);
        memmove(&t->v[at + 1], &t->v[at], (t->n - at) * sizeof(*t->v));
        t->v[at] = (struct pod_place){ .key = entry->key, .entry = entry };
        t->n++;
}

void pod_table_remove(struct pod_table *t, const struct pod_entry *entry)
{
        size_t at = pod_table_lower(t, entry->uuid.text);

        t->n--;
        memmove(&t->v[at], &t->v[at + 1], (t->n - at) * sizeof(*t->v));
}
