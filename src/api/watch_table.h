/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who watches what, by wd: a table with open addressing, 24 bytes and some air for each watch, since thousands of pods
 * have four of them each. A wd may have several slots, one for each owner that watches it. Pointers to slots
 * are good until the next change.
 */
#pragma once

#include <stddef.h>

#include "api/watch.h"

struct watch_slot {
        struct watch_owner *owner; /* borrowed; NULL: nobody any more */
        void *about;
        int wd; /* > 0; 0: the slot is free */
};

struct watch_table {
        struct watch_slot *slots; /* owned */
        size_t n_slots;           /* a power of two, or 0 */
        size_t n_used;
};

void watch_table_done(struct watch_table *t);
void watch_table_add(struct watch_table *t, struct watch_slot s);
void watch_table_erase(struct watch_table *t, struct watch_slot *s);
/* NULL: there is none. */
struct watch_slot *watch_table_find(const struct watch_table *t, int wd,
                                    const struct watch_owner *o, const void *about);
/* The slots of @wd, whoever owns them; @before NULL: the first one. NULL at the end. */
struct watch_slot *watch_table_next(const struct watch_table *t, int wd,
                                    const struct watch_slot *before);
size_t watch_table_owners(const struct watch_table *t, int wd); /* slots that have an owner */
