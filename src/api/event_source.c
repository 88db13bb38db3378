/* SPDX-License-Identifier: Apache-2.0 */
#include "api/event_source.h"

#include <assert.h>
#include <stdlib.h>

#include "api/event_source_priv.h"
#include "util/mem.h"

void event_source_tell(const struct event_spec *spec, void *source)
{
        struct event_source *s = source;

        event_ring_put(s->ring, spec);
}

struct event_source *event_source_new(struct index *index, struct pod_index *pods,
                                      struct image_index *images, struct event_ring *ring,
                                      nsec since)
{
        struct event_source *s = xcalloc(1, sizeof(*s));

        s->index = index;
        s->pods = pods;
        s->images = images;
        s->ring = ring;
        event_pods_init(s, since);
        event_images_init(s, since);
        return s;
}

void event_source_free(struct event_source *s)
{
        if (!s)
                return;
        event_pods_done(s);
        event_images_done(s);
        free(s);
}

void event_source_listen(struct event_source *s, bool more)
{
        assert(more || s->listeners > 0);
        s->listeners += more ? 1 : (size_t)-1;
        pod_index_hurry(s->pods, s->listeners > 0);
}
