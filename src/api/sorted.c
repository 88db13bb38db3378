/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sorted.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

enum { FEW = 8 }; /* added since the last look: put in one by one */

void sorted_init(struct sorted *s, int (*compare)(const void *a, const void *b))
{
        *s = (struct sorted){ .compare = compare };
}

void sorted_done(struct sorted *s)
{
        free(s->v);
        s->v = NULL;
        s->n = s->n_sorted = s->cap = 0;
}

static size_t bound(const struct sorted *s, size_t n, const void *key,
                    int (*compare_key)(const void *key, const void *item))
{
        size_t low = 0;

        while (low < n) {
                size_t middle = low + (n - low) / 2;

                if (compare_key(key, s->v[middle]) > 0)
                        low = middle + 1;
                else
                        n = middle;
        }
        return low;
}

static int compare_elements(const void *a, const void *b, void *arg)
{
        const struct sorted *s = arg;

        return s->compare(*(void *const *)a, *(void *const *)b);
}

static void settle(struct sorted *s)
{
        if (s->n - s->n_sorted > FEW) {
                qsort_r(s->v, s->n, sizeof(*s->v), compare_elements, s);
                s->n_sorted = s->n;
        }
        for (; s->n_sorted < s->n; s->n_sorted++) {
                void *item = s->v[s->n_sorted];
                size_t at = bound(s, s->n_sorted, item, s->compare);

                memmove(&s->v[at + 1], &s->v[at], (s->n_sorted - at) * sizeof(*s->v));
                s->v[at] = item;
        }
}

void sorted_add(struct sorted *s, void *item)
{
        ARRAY_GROW(s->v, s->n, s->cap);
        s->v[s->n++] = item;
}

void sorted_remove(struct sorted *s, void *item)
{
        size_t at;

        settle(s);
        at = bound(s, s->n, item, s->compare);
        assert(at < s->n && s->v[at] == item);
        s->n--;
        s->n_sorted--;
        memmove(&s->v[at], &s->v[at + 1], (s->n - at) * sizeof(*s->v));
}

size_t sorted_count(const struct sorted *s)
{
        return s->n;
}

void *sorted_at(struct sorted *s, size_t i)
{
        settle(s);
        return s->v[i];
}

size_t sorted_lower_bound(struct sorted *s, const void *key,
                          int (*compare_key)(const void *key, const void *item))
{
        settle(s);
        return bound(s, s->n, key, compare_key);
}
