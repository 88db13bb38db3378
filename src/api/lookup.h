/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which items have a text: the app "web", the name "coreos.com/etcd". Each item brings the node that links it, so that
 * adding and removing costs no search among those that share its text, however many they are.
 */
#pragma once

#include <stddef.h>

#include "api/text_set.h"

struct lookup_key;

struct lookup_node {
        void *item; /* borrowed; what is looked for */
        struct lookup_key *key;
        struct lookup_node *prev, *next;
};

struct lookup {
        struct lookup_key *keys; /* owned */
};

#define LOOKUP_NULL ((struct lookup){ 0 })

/* All nodes must have been removed. */
void lookup_done(struct lookup *l);

/* @node is borrowed until it is removed; @text for the call. */
void lookup_add(struct lookup *l, struct lookup_node *node, struct text text, void *item);
/* Nothing happens when @node (zeroed) was never added. */
void lookup_remove(struct lookup *l, struct lookup_node *node);

/* The first of those with @text, the others behind it by next, in no order; NULL: none. @ret_n may be NULL. */
const struct lookup_node *lookup_find(const struct lookup *l, struct text text, size_t *ret_n);
