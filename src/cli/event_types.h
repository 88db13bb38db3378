/* SPDX-License-Identifier: Apache-2.0 */
/* Types of events as people write them: "pod-started" for EVENT_TYPE_POD_STARTED. The contract's list is the only one. */
#pragma once

#include <stddef.h>

#include "util/err.h"
#include "v1alpha/api.pb-c.h"

enum { EVENT_TYPES_MAX = 64, EVENT_TYPE_NAME_MAX = 40 };

/* "pod-started"; "type-12" for one that is newer than we are. */
void event_type_name(V1alpha__EventType type, char ret[static EVENT_TYPE_NAME_MAX]);
size_t event_type_width(void); /* of the longest name */

struct event_types {
        V1alpha__EventType v[EVENT_TYPES_MAX];
        size_t n; /* 0: all */
};

/*
 * For an option table, into a struct event_types: adds one or more, separated by commas: names, the contract's names, in
 * either case, or the first word of names ("pod": all about pods). Errors: ERR_USAGE, listing what there is.
 */
int event_types_call(void *dest, const char *value, struct err *e);

/* @fn for each word that event_types_call takes: the kinds, then the names. */
void event_types_each(void (*fn)(const char *word, void *arg), void *arg);
