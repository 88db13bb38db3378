/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "api/text_set.h"

/*
 * Does the cgroup @outer contain @inner, or is it the same one? "/a/b" contains "/a/b" and "/a/b/c", but not
 * "/a/bc". The root cgroup contains only itself here: a pod that sits in it would answer for every
 * process of the machine otherwise. An empty @outer contains nothing.
 */
bool cgroup_path_contains(struct text outer, struct text inner);

/*
 * The next shorter cgroup that contains @path by the rule above, for look-ups from the inside out: "/a/b/c", "/a/b", "/a",
 * and then nothing (length 0).
 */
struct text cgroup_path_outer(struct text path);

/* Paths, of which any will do. */
struct cgroup_set {
        struct text *v; /* owned; the texts are borrowed; in the order of their bytes */
        size_t n;
};

/* The strings are borrowed and must outlive the set. */
void cgroup_set_init(struct cgroup_set *set, char *const *v, size_t n);
void cgroup_set_done(struct cgroup_set *set);
/* Does @outer contain one of them? An empty set asks for nothing: anything passes it. Two searches, however many they are. */
bool cgroup_set_passes(const struct cgroup_set *set, struct text outer);
