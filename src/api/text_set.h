/* SPDX-License-Identifier: Apache-2.0 */
/* The values of one field of a filter: sorted, each once, compared byte by byte. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A piece of text that ends by its length. */
struct text {
        const char *s; /* borrowed; may be NULL when len is 0 */
        size_t len;
};

static inline struct text text_of(const char *s)
{
        return (struct text){ s, strlen(s) };
}

static inline bool text_equal(struct text a, struct text b)
{
        return a.len == b.len && (a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

struct text_set {
        struct text *v; /* owned; the texts are borrowed */
        size_t n;
        uint32_t *seen; /* owned; the round in which each was met last */
        uint32_t round;
        size_t n_seen; /* in this round */
};

#define TEXT_SET_NULL ((struct text_set){ 0 })

/* The strings are borrowed and must outlive the set. */
void text_set_init(struct text_set *set, char *const *v, size_t n);
void text_set_done(struct text_set *set);

/* Where @value is in v, or n. */
size_t text_set_find(const struct text_set *set, struct text value);

/* An empty set asks for nothing: anything passes it. */
static inline bool text_set_passes(const struct text_set *set, struct text value)
{
        return set->n == 0 || text_set_find(set, value) < set->n;
}

/*
 * Are all values of the set among others? Begin, show it the others, ask. What is shown costs one search, however many
 * values are asked for.
 */
void text_set_begin(struct text_set *set);
void text_set_show(struct text_set *set, struct text value);

static inline bool text_set_all_seen(const struct text_set *set)
{
        return set->n_seen == set->n;
}
