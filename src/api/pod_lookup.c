/* SPDX-License-Identifier: Apache-2.0 */
#include "api/pod_lookup.h"

#include <stdlib.h>

#include "api/filter_priv.h"
#include "api/pod_index.h"
#include "util/mem.h"

struct pod_links {
        size_t n;
        struct lookup_node
                nodes[]; /* one for the state, one for the cgroup, and one for each app */
};

enum { LINK_STATE, LINK_CGROUP, LINK_APPS };

void pod_lookup_done(struct pod_lookup *l)
{
        lookup_done(&l->states);
        lookup_done(&l->cgroups);
        lookup_done(&l->apps);
}

static size_t count_apps(const struct pod_record *record)
{
        struct encoded_walk walk = encoded_before_manifest(&record->encoded);
        struct encoded_field f;
        size_t n = 0;

        while (encoded_next(&walk, &f))
                n += f.number == POD_APPS;
        return n;
}

static struct text state_text(const char *byte)
{
        return (struct text){ byte, 1 };
}

/* What clients are told is what is linked: filters compare the same. */
void pod_lookup_add(struct pod_lookup *l, struct pod_record *record)
{
        size_t n_apps = count_apps(record), n = LINK_APPS;
        struct encoded_walk walk = encoded_before_manifest(&record->encoded);
        struct text cgroup = message_text(encoded_after_manifest(&record->encoded), POD_CGROUP);
        char state = (char)record->api_state;
        struct pod_links *links;
        struct encoded_field f;

        links = xcalloc(1, sizeof(*links) + (LINK_APPS + n_apps) * sizeof(links->nodes[0]));
        lookup_add(&l->states, &links->nodes[LINK_STATE], state_text(&state), record);
        lookup_add(&l->cgroups, &links->nodes[LINK_CGROUP], cgroup, record);
        while (encoded_next(&walk, &f))
                if (f.number == POD_APPS)
                        lookup_add(&l->apps, &links->nodes[n++],
                                   message_text(encoded_within(&f), APP_NAME), record);
        links->n = n;
        record->links = links;
}

void pod_lookup_remove(struct pod_lookup *l, struct pod_record *record)
{
        struct pod_links *links = record->links;

        if (!links)
                return;
        lookup_remove(&l->states, &links->nodes[LINK_STATE]);
        lookup_remove(&l->cgroups, &links->nodes[LINK_CGROUP]);
        for (size_t k = LINK_APPS; k < links->n; k++)
                lookup_remove(&l->apps, &links->nodes[k]);
        free(links);
        record->links = NULL;
}

const struct lookup_node *pod_lookup_by_state(const struct pod_lookup *l, V1alpha__PodState state,
                                              size_t *ret_n)
{
        char byte = (char)state;

        if ((int)state < 0 || (int)state > INT8_MAX) { /* in no pod of ours */
                *ret_n = 0;
                return NULL;
        }
        return lookup_find(&l->states, state_text(&byte), ret_n);
}

const struct lookup_node *pod_lookup_by_cgroup(const struct pod_lookup *l, struct text cgroup,
                                               size_t *ret_n)
{
        return lookup_find(&l->cgroups, cgroup, ret_n);
}

const struct lookup_node *pod_lookup_by_app(const struct pod_lookup *l, struct text name,
                                            size_t *ret_n)
{
        return lookup_find(&l->apps, name, ret_n);
}
