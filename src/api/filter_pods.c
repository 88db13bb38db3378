/* SPDX-License-Identifier: Apache-2.0 */
/* The cheap and selective comes first: id and state lie at the beginning of every pod. */
#include "api/filter.h"

#include <stdlib.h>

#include "api/cgroup_path.h"
#include "api/filter_priv.h"
#include "util/mem.h"

enum { STATES_MAX = 64 };

struct pod_filter {
        uint64_t states; /* a bit for each; a state that no pod can have has none */
        bool any_state;
        struct text_set ids, cgroups, app_names, image_ids, networks;
        struct cgroup_set sub_cgroups;
        struct pairs annotations;
};

struct pod_filters {
        size_t n;
        struct pod_filter filters[];
};

/* What is read of a pod for all filters: what most of them ask for. */
struct facts {
        struct text id;
        uint64_t state;
        struct text cgroup;
        struct encoded_walk apps;        /* and networks, from there on */
        struct encoded_walk annotations; /* and what follows them */
};

static void facts_read(struct facts *ret, const struct encoded *pod)
{
        struct encoded_walk walk = encoded_before_manifest(pod);
        struct encoded_field f;

        *ret = (struct facts){ .annotations = encoded_after_manifest(pod) };
        for (ret->apps = walk; encoded_next(&walk, &f) && f.number < POD_APPS; ret->apps = walk) {
                if (f.number == POD_ID)
                        ret->id = field_text(&f);
                else if (f.number == POD_STATE)
                        ret->state = f.value;
        }
        ret->cgroup = message_text(ret->annotations, POD_CGROUP);
}

static bool state_passes(const struct pod_filter *f, uint64_t state)
{
        return f->any_state || (state < STATES_MAX && (f->states >> state & 1));
}

static void show_app(struct pod_filter *f, struct encoded_walk app)
{
        struct encoded_field member;

        while (encoded_next(&app, &member)) {
                if (member.number == APP_NAME)
                        text_set_show(&f->app_names, field_text(&member));
                else if (member.number == APP_IMAGE)
                        text_set_show(&f->image_ids,
                                      message_text(encoded_within(&member), IMAGE_ID));
        }
}

static bool apps_and_networks_pass(struct pod_filter *f, struct encoded_walk walk)
{
        struct encoded_field field;

        if (f->app_names.n == 0 && f->image_ids.n == 0 && f->networks.n == 0)
                return true;
        text_set_begin(&f->app_names);
        text_set_begin(&f->image_ids);
        text_set_begin(&f->networks);
        while (encoded_next(&walk, &field)) {
                if (field.number == POD_APPS)
                        show_app(f, encoded_within(&field));
                else if (field.number == POD_NETWORKS)
                        text_set_show(&f->networks,
                                      message_text(encoded_within(&field), NETWORK_NAME));
        }
        return text_set_all_seen(&f->app_names) && text_set_all_seen(&f->image_ids) &&
               text_set_all_seen(&f->networks);
}

static bool passes(struct pod_filter *f, const struct facts *pod)
{
        return state_passes(f, pod->state) && text_set_passes(&f->ids, pod->id) &&
               text_set_passes(&f->cgroups, pod->cgroup) &&
               cgroup_set_passes(&f->sub_cgroups, pod->cgroup) &&
               apps_and_networks_pass(f, pod->apps) &&
               pairs_pass(&f->annotations, pod->annotations, POD_ANNOTATIONS);
}

bool pod_filters_match(struct pod_filters *filters, const struct encoded *pod)
{
        struct facts facts;

        if (filters->n == 0)
                return true;
        facts_read(&facts, pod);
        for (size_t i = 0; i < filters->n; i++)
                if (passes(&filters->filters[i], &facts))
                        return true;
        return false;
}

bool pod_filters_match_one(struct pod_filters *filters, size_t i, const struct encoded *pod)
{
        struct facts facts;

        facts_read(&facts, pod);
        return passes(&filters->filters[i], &facts);
}

static void filter_init(struct pod_filter *f, const V1alpha__PodFilter *wanted)
{
        f->any_state = wanted->n_states == 0;
        for (size_t i = 0; i < wanted->n_states; i++)
                if (wanted->states[i] >= 0 && (uint64_t)wanted->states[i] < STATES_MAX)
                        f->states |= (uint64_t)1 << wanted->states[i];
        cgroup_set_init(&f->sub_cgroups, wanted->pod_sub_cgroups, wanted->n_pod_sub_cgroups);
        text_set_init(&f->ids, wanted->ids, wanted->n_ids);
        text_set_init(&f->cgroups, wanted->cgroups, wanted->n_cgroups);
        text_set_init(&f->app_names, wanted->app_names, wanted->n_app_names);
        text_set_init(&f->image_ids, wanted->image_ids, wanted->n_image_ids);
        text_set_init(&f->networks, wanted->network_names, wanted->n_network_names);
        pairs_init(&f->annotations, wanted->annotations, wanted->n_annotations);
}

int pod_filters_new(V1alpha__PodFilter *const *filters, size_t n, struct pod_filters **ret,
                    struct err *e)
{
        size_t values = n;
        struct pod_filters *out;

        for (size_t i = 0; i < n; i++) {
                const V1alpha__PodFilter *f = filters[i];

                values += f->n_ids + f->n_states + f->n_app_names + f->n_image_ids +
                          f->n_network_names + f->n_annotations + f->n_cgroups +
                          f->n_pod_sub_cgroups;
        }
        if (filter_check_values(values, e) < 0)
                return -1;
        out = xcalloc(1, sizeof(*out) + n * sizeof(out->filters[0]));
        out->n = n;
        for (size_t i = 0; i < n; i++)
                filter_init(&out->filters[i], filters[i]);
        *ret = out;
        return 0;
}

struct pod_filters *pod_filters_free(struct pod_filters *filters)
{
        for (size_t i = 0; filters && i < filters->n; i++) {
                struct pod_filter *f = &filters->filters[i];

                text_set_done(&f->ids);
                text_set_done(&f->cgroups);
                text_set_done(&f->app_names);
                text_set_done(&f->image_ids);
                text_set_done(&f->networks);
                cgroup_set_done(&f->sub_cgroups);
                pairs_done(&f->annotations);
        }
        free(filters);
        return NULL;
}
