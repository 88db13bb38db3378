/* SPDX-License-Identifier: Apache-2.0 */
/* Which pods are in a state, in a cgroup, have an app of a name: what filters ask for most. */
#pragma once

#include "api/encoded.h"
#include "api/lookup.h"
#include "v1alpha/api.pb-c.h"

struct pod_record;
struct pod_links;

struct pod_lookup {
        struct lookup states; /* by one byte, the state's number */
        struct lookup cgroups;
        struct lookup apps;
};

/* All pods must have been removed. */
void pod_lookup_done(struct pod_lookup *l);

/* @record is borrowed until it is removed; what it is found by is kept in record->links. */
void pod_lookup_add(struct pod_lookup *l, struct pod_record *record);
/* Nothing happens when it was never added. */
void pod_lookup_remove(struct pod_lookup *l, struct pod_record *record);

/*
 * The items are struct pod_record: as lookup_find. Each pod is there once, but for one that has several apps of a name.
 */
const struct lookup_node *pod_lookup_by_state(const struct pod_lookup *l, V1alpha__PodState state,
                                              size_t *ret_n);
const struct lookup_node *pod_lookup_by_cgroup(const struct pod_lookup *l, struct text cgroup,
                                               size_t *ret_n);
const struct lookup_node *pod_lookup_by_app(const struct pod_lookup *l, struct text name,
                                            size_t *ret_n);
