/* SPDX-License-Identifier: Apache-2.0 */
#include "api/text_set.h"

#include <stdlib.h>

#include "util/mem.h"

/* By length first: most texts differ there, and any order will do. */
static int compare(struct text a, struct text b)
{
        if (a.len != b.len)
                return a.len < b.len ? -1 : 1;
        return a.len == 0 ? 0 : memcmp(a.s, b.s, a.len);
}

static int compare_elements(const void *a, const void *b)
{
        return compare(*(const struct text *)a, *(const struct text *)b);
}

void text_set_init(struct text_set *set, char *const *v, size_t n)
{
        *set = TEXT_SET_NULL;
        if (n == 0)
                return;
        set->v = xcalloc(n, sizeof(*set->v));
        for (size_t i = 0; i < n; i++)
                set->v[i] = text_of(v[i]);
        qsort(set->v, n, sizeof(*set->v), compare_elements);
        for (size_t i = 0; i < n; i++)
                if (set->n == 0 || !text_equal(set->v[set->n - 1], set->v[i]))
                        set->v[set->n++] = set->v[i];
        set->seen = xcalloc(set->n, sizeof(*set->seen));
}

void text_set_done(struct text_set *set)
{
        free(set->v);
        free(set->seen);
        *set = TEXT_SET_NULL;
}

size_t text_set_find(const struct text_set *set, struct text value)
{
        size_t low = 0, high = set->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int r = compare(set->v[middle], value);

                if (r == 0)
                        return middle;
                if (r < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return set->n;
}

void text_set_begin(struct text_set *set)
{
        set->n_seen = 0;
        if (++set->round != 0 || set->n == 0)
                return;
        /* After 4,294,967,295 rounds old marks would look new. */
        memset(set->seen, 0, set->n * sizeof(*set->seen));
        set->round = 1;
}

void text_set_show(struct text_set *set, struct text value)
{
        size_t i = text_set_find(set, value);

        if (i == set->n || set->seen[i] == set->round)
                return;
        set->seen[i] = set->round;
        set->n_seen++;
}
