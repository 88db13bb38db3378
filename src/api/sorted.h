/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pointers kept in order. Many may be added at once at the price of one sort, a single one at the price of moving what is
 * behind it.
 */
#pragma once

#include <stddef.h>

struct sorted {
        void **v; /* owned; what they point at is borrowed */
        size_t n;
        size_t cap;
        size_t n_sorted; /* of the first; the rest was added since the last look */
        int (*compare)(const void *a, const void *b); /* of two items; never 0 for different ones */
};

void sorted_init(struct sorted *s, int (*compare)(const void *a, const void *b));
void sorted_done(struct sorted *s);

void sorted_add(struct sorted *s, void *item);
/* @item must be among them, and still compare as it did. */
void sorted_remove(struct sorted *s, void *item);

size_t sorted_count(const struct sorted *s);
void *sorted_at(struct sorted *s, size_t i);
/* How many come before @key, which @compare_key compares with an item: where to begin. */
size_t sorted_lower_bound(struct sorted *s, const void *key,
                          int (*compare_key)(const void *key, const void *item));
