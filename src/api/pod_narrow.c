/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of the fields of one filter all must hold, so any of them that has a look-up finds all pods that may pass, and the one that
 * finds fewest does it best. What is found is matched against that filter.
 */
#include "api/pod_narrow.h"

#include <stdlib.h>
#include <string.h>

#include "api/cgroup_path.h"
#include "util/mem.h"

enum {
        LOOK_UPS_MAX = 2048, /* more than so many are not done at once */
        LOOK_UPS_FEW = 64,   /* so few are never worth a thought */
        PODS_PER_LOOK_UP =
                4, /* a look-up with all that follows costs as much as passing by so many pods */
        /* Of a longer path not every outer one is looked up: its slashes times its bytes are too much. */
        CGROUP_MAX = 512,
};

typedef void (*visit_fn)(const struct pod_record *record, void *arg);

/* One way to find the pods of a filter: how many it has to look at, or (with @visit) a visit to each of them. */
typedef size_t (*way_fn)(const struct pod_index *pods, const V1alpha__PodFilter *f, visit_fn visit,
                         void *arg);

static size_t visit_all(const struct lookup_node *node, size_t n, visit_fn visit, void *arg)
{
        for (; visit && node; node = node->next)
                visit(node->item, arg);
        return n;
}

static size_t by_ids(const struct pod_index *pods, const V1alpha__PodFilter *f, visit_fn visit,
                     void *arg)
{
        for (size_t i = 0; visit && i < f->n_ids; i++) {
                const struct pod_record *record =
                        uuid_is_valid(f->ids[i]) ? pod_index_get(pods, f->ids[i]) : NULL;

                if (record)
                        visit(record, arg);
        }
        return f->n_ids;
}

static size_t by_states(const struct pod_index *pods, const V1alpha__PodFilter *f, visit_fn visit,
                        void *arg)
{
        size_t sum = f->n_states, n;

        for (size_t i = 0; i < f->n_states; i++) {
                const struct lookup_node *node =
                        pod_lookup_by_state(pod_index_lookup(pods), f->states[i], &n);

                sum += visit_all(node, n, visit, arg);
        }
        return sum;
}

static size_t by_cgroup(const struct pod_index *pods, struct text cgroup, visit_fn visit, void *arg)
{
        size_t n;
        const struct lookup_node *node = pod_lookup_by_cgroup(pod_index_lookup(pods), cgroup, &n);

        return visit_all(node, n, visit, arg);
}

static size_t by_cgroups(const struct pod_index *pods, const V1alpha__PodFilter *f, visit_fn visit,
                         void *arg)
{
        size_t sum = f->n_cgroups;

        for (size_t i = 0; i < f->n_cgroups; i++)
                sum += by_cgroup(pods, text_of(f->cgroups[i]), visit, arg);
        return sum;
}

static size_t by_sub_cgroups(const struct pod_index *pods, const V1alpha__PodFilter *f,
                             visit_fn visit, void *arg)
{
        size_t sum = f->n_pod_sub_cgroups;

        for (size_t i = 0; i < f->n_pod_sub_cgroups && sum <= LOOK_UPS_MAX; i++) {
                struct text cgroup = text_of(f->pod_sub_cgroups[i]);

                if (cgroup.len > CGROUP_MAX)
                        return LOOK_UPS_MAX + 1;
                for (; cgroup.len > 0; cgroup = cgroup_path_outer(cgroup))
                        sum += 1 + by_cgroup(pods, cgroup, visit, arg);
        }
        return sum;
}

/* Of the apps, all of which a pod must have, the one that fewest pods have. */
static size_t by_apps(const struct pod_index *pods, const V1alpha__PodFilter *f, visit_fn visit,
                      void *arg)
{
        const struct lookup_node *least = NULL;
        size_t n_least = SIZE_MAX, n;

        for (size_t i = 0; i < f->n_app_names; i++) {
                const struct lookup_node *node =
                        pod_lookup_by_app(pod_index_lookup(pods), text_of(f->app_names[i]), &n);

                if (n >= n_least)
                        continue;
                least = node;
                n_least = n;
        }
        return visit_all(least, n_least, visit, arg) + f->n_app_names;
}

/* The cheapest way for this filter, NULL: there is none. */
static way_fn best_way(const struct pod_index *pods, const V1alpha__PodFilter *f, size_t *ret_cost)
{
        const struct {
                size_t n;
                way_fn way;
        } ways[] = {
                { f->n_ids, by_ids },
                { f->n_cgroups, by_cgroups },
                { f->n_pod_sub_cgroups, by_sub_cgroups },
                { f->n_app_names, by_apps },
                { f->n_states, by_states },
        };
        way_fn best = NULL;

        *ret_cost = SIZE_MAX;
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
                size_t cost = ways[i].n ? ways[i].way(pods, f, NULL, NULL) : SIZE_MAX;

                if (cost >= *ret_cost)
                        continue;
                *ret_cost = cost;
                best = ways[i].way;
        }
        return best;
}

bool pod_narrow_is_cheap(const struct pod_index *pods, const V1alpha__ListPodsRequest *wanted)
{
        size_t max = pod_index_count(pods) / PODS_PER_LOOK_UP * wanted->n_filters, sum = 0;

        if (max < LOOK_UPS_FEW)
                max = LOOK_UPS_FEW;
        if (max > LOOK_UPS_MAX)
                max = LOOK_UPS_MAX;
        for (size_t i = 0; i < wanted->n_filters; i++) {
                size_t cost;

                if (!best_way(pods, wanted->filters[i], &cost) || cost > max - sum)
                        return false;
                sum += cost;
        }
        return true;
}

struct found {
        struct pod_filters *filters;
        size_t filter; /* that what is visited was found for */
        const struct pod_record **v;
        size_t n;
        size_t cap;
};

static void add_if_matching(const struct pod_record *record, void *arg)
{
        struct found *f = arg;

        if (!pod_filters_match_one(f->filters, f->filter, &record->encoded))
                return;
        ARRAY_GROW(f->v, f->n, f->cap);
        f->v[f->n++] = record;
}

static int by_id(const void *a, const void *b)
{
        const struct pod_record *x = *(const struct pod_record *const *)a;
        const struct pod_record *y = *(const struct pod_record *const *)b;

        return strcmp(x->uuid.text, y->uuid.text);
}

size_t pod_narrow_find(const struct pod_index *pods, const V1alpha__ListPodsRequest *wanted,
                       struct pod_filters *filters, const struct pod_record ***ret)
{
        struct found f = { .filters = filters };
        size_t kept = 0, cost;

        for (; f.filter < wanted->n_filters; f.filter++) {
                const V1alpha__PodFilter *filter = wanted->filters[f.filter];
                way_fn way = best_way(pods, filter, &cost);

                if (way)
                        (void)way(pods, filter, add_if_matching, &f);
        }
        if (f.n > 0)
                qsort(f.v, f.n, sizeof(f.v[0]), by_id);
        for (size_t i = 0; i < f.n; i++)
                if (kept == 0 || f.v[kept - 1] != f.v[i])
                        f.v[kept++] = f.v[i];
        *ret = f.v;
        return kept;
}
