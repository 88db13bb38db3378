/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may have how many of the process's descriptors. Whatever clients make us open takes from one
 * share, so that those who follow logs cannot keep others from connecting, nor those who connect
 * the index from watching pods. The index has half (api/pod_index.h), and what is left over here
 * an eighth: listeners, images, a list that is being made.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct descriptor_share {
        size_t used;
        size_t max;
};

struct descriptors {
        struct descriptor_share connections; /* a quarter; only max is used */
        struct descriptor_share logs;        /* an eighth */
};

/* The shares of @limit descriptors in all (RLIMIT_NOFILE), none used yet. */
struct descriptors descriptors_split(size_t limit);

/* False, and nothing taken, when @n more are too many. */
bool descriptors_take(struct descriptor_share *share, size_t n);
void descriptors_give_back(struct descriptor_share *share, size_t n);
