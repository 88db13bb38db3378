/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the indexes see to events. For every pod and image it is remembered which of its events were told; what has happened to
 * it (pod/past.h) less what was told is news. So each event is told once, in order, however often or seldom
 * somebody looked: a pod that came and went between two looks is in the ledger of removed pods.
 *
 * What happened before the start is not told: on the first look at everything only what is not older than @since.
 */
#pragma once

#include <stdbool.h>

#include "api/event_ring.h"
#include "api/image_index.h"
#include "api/pod_index.h"

struct event_source;

/*
 * All borrowed. Before the indexes are attached for the first time (index_start). @since: time_now_coarse() for "from now
 * on", 0 for all that the disk tells.
 */
struct event_source *event_source_new(struct index *index, struct pod_index *pods,
                                      struct image_index *images, struct event_ring *ring,
                                      nsec since);
/* Before the indexes are freed. NULL is fine. */
void event_source_free(struct event_source *s);

/* Somebody listens: what happens shall be read at once, rather than when things have calmed down. Counted. */
void event_source_listen(struct event_source *s, bool more);
