/* SPDX-License-Identifier: Apache-2.0 */
#include "api/filter.h"

#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/mem.h"

/* A sorted list of strings borrowed from the request. */
struct set {
        const char **v; /* owned; the strings are not */
        size_t n;
};

struct pod_filter {
        const V1alpha__PodFilter *wanted; /* borrowed from the request */
        struct set ids;
        struct set cgroups;
};

struct pod_filters {
        size_t n;
        struct pod_filter filters[];
};

struct image_filter {
        const V1alpha__ImageFilter *wanted; /* borrowed from the request */
        struct set ids;
        struct set full_names;
        struct set base_names;
};

struct image_filters {
        size_t n;
        struct image_filter filters[];
};

static int compare(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void set_init(struct set *s, char *const *v, size_t n)
{
        s->n = n;
        if (n == 0)
                return;
        s->v = xcalloc(n, sizeof(*s->v));
        for (size_t i = 0; i < n; i++)
                s->v[i] = v[i];
        qsort(s->v, n, sizeof(*s->v), compare);
}

/* An empty set asks for nothing, so everything passes it. */
static bool set_passes(const struct set *s, const char *value)
{
        return s->n == 0 || bsearch(&value, s->v, s->n, sizeof(*s->v), compare);
}

static bool pairs_hold(V1alpha__KeyValue *const *pairs, size_t n, const V1alpha__KeyValue *wanted)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(pairs[i]->key, wanted->key) == 0)
                        return strcmp(pairs[i]->value, wanted->value) == 0;
        return false;
}

static bool pairs_hold_all(V1alpha__KeyValue *const *pairs, size_t n,
                           V1alpha__KeyValue *const *wanted, size_t n_wanted)
{
        for (size_t i = 0; i < n_wanted; i++)
                if (!pairs_hold(pairs, n, wanted[i]))
                        return false;
        return true;
}

static bool has_app(const V1alpha__Pod *pod, const char *name)
{
        for (size_t i = 0; i < pod->n_apps; i++)
                if (strcmp(pod->apps[i]->name, name) == 0)
                        return true;
        return false;
}

static bool has_image(const V1alpha__Pod *pod, const char *id)
{
        for (size_t i = 0; i < pod->n_apps; i++)
                if (pod->apps[i]->image && strcmp(pod->apps[i]->image->id, id) == 0)
                        return true;
        return false;
}

static bool has_network(const V1alpha__Pod *pod, const char *name)
{
        for (size_t i = 0; i < pod->n_networks; i++)
                if (strcmp(pod->networks[i]->name, name) == 0)
                        return true;
        return false;
}

static bool has_all(const V1alpha__Pod *pod, char *const *wanted, size_t n,
                    bool (*has)(const V1alpha__Pod *pod, const char *value))
{
        for (size_t i = 0; i < n; i++)
                if (!has(pod, wanted[i]))
                        return false;
        return true;
}

static bool state_passes(const V1alpha__PodFilter *f, V1alpha__PodState state)
{
        for (size_t i = 0; i < f->n_states; i++)
                if (f->states[i] == state)
                        return true;
        return f->n_states == 0;
}

bool cgroup_contains(const char *outer, const char *inner)
{
        size_t len = strlen(outer);

        if (len == 0 || strncmp(outer, inner, len) != 0)
                return false;
        return inner[len] == '\0' || (inner[len] == '/' && strcmp(outer, "/") != 0);
}

static bool sub_cgroups_pass(const V1alpha__PodFilter *f, const char *cgroup)
{
        for (size_t i = 0; i < f->n_pod_sub_cgroups; i++)
                if (cgroup_contains(cgroup, f->pod_sub_cgroups[i]))
                        return true;
        return f->n_pod_sub_cgroups == 0;
}

static bool pod_passes(const struct pod_filter *f, const V1alpha__Pod *pod)
{
        const V1alpha__PodFilter *w = f->wanted;

        return set_passes(&f->ids, pod->id) && state_passes(w, pod->state) &&
               set_passes(&f->cgroups, pod->cgroup) && sub_cgroups_pass(w, pod->cgroup) &&
               has_all(pod, w->app_names, w->n_app_names, has_app) &&
               has_all(pod, w->image_ids, w->n_image_ids, has_image) &&
               has_all(pod, w->network_names, w->n_network_names, has_network) &&
               pairs_hold_all(pod->annotations, pod->n_annotations, w->annotations,
                              w->n_annotations);
}

bool pod_filters_match(const struct pod_filters *filters, const V1alpha__Pod *pod)
{
        for (size_t i = 0; i < filters->n; i++)
                if (pod_passes(&filters->filters[i], pod))
                        return true;
        return filters->n == 0;
}

bool pod_filters_may_match(const struct pod_filters *filters, const char *id,
                           const V1alpha__PodState *state)
{
        for (size_t i = 0; i < filters->n; i++)
                if (set_passes(&filters->filters[i].ids, id) &&
                    (!state || state_passes(filters->filters[i].wanted, *state)))
                        return true;
        return filters->n == 0;
}

/* As Go's path.Base: what follows the last '/', trailing ones not counted. */
static bool base_name_passes(const struct set *base_names, const char *name)
{
        size_t end = strlen(name), start;
        char *base;
        bool passes;

        if (base_names->n == 0)
                return true;
        while (end > 0 && name[end - 1] == '/')
                end--;
        start = end;
        while (start > 0 && name[start - 1] != '/')
                start--;
        base = xstrndup(name + start, end - start);
        passes = set_passes(base_names, base);
        free(base);
        return passes;
}

static bool prefix_passes(const V1alpha__ImageFilter *f, const char *name)
{
        for (size_t i = 0; i < f->n_prefixes; i++)
                if (strncmp(name, f->prefixes[i], strlen(f->prefixes[i])) == 0)
                        return true;
        return f->n_prefixes == 0;
}

static bool keyword_passes(const V1alpha__ImageFilter *f, const char *name)
{
        for (size_t i = 0; i < f->n_keywords; i++)
                if (strstr(name, f->keywords[i]))
                        return true;
        return f->n_keywords == 0;
}

static bool time_passes(const V1alpha__ImageFilter *f, int64_t imported)
{
        if (f->imported_after > 0 && imported <= f->imported_after)
                return false;
        return f->imported_before <= 0 || imported < f->imported_before;
}

static bool image_passes(const struct image_filter *f, const V1alpha__Image *image)
{
        const V1alpha__ImageFilter *w = f->wanted;

        return set_passes(&f->ids, image->id) && set_passes(&f->full_names, image->name) &&
               base_name_passes(&f->base_names, image->name) && prefix_passes(w, image->name) &&
               keyword_passes(w, image->name) && time_passes(w, image->import_timestamp) &&
               pairs_hold_all(image->labels, image->n_labels, w->labels, w->n_labels) &&
               pairs_hold_all(image->annotations, image->n_annotations, w->annotations,
                              w->n_annotations);
}

bool image_filters_match(const struct image_filters *filters, const V1alpha__Image *image)
{
        for (size_t i = 0; i < filters->n; i++)
                if (image_passes(&filters->filters[i], image))
                        return true;
        return filters->n == 0;
}

bool image_filters_may_match(const struct image_filters *filters, const char *id)
{
        for (size_t i = 0; i < filters->n; i++)
                if (set_passes(&filters->filters[i].ids, id))
                        return true;
        return filters->n == 0;
}

static int check_values(size_t n_values, struct err *e)
{
        if (n_values > LIMIT_FILTER_VALUES)
                return err_set(e, ERR_LIMIT, 0, "filters: %zu values, at most %u are allowed",
                               n_values, LIMIT_FILTER_VALUES);
        return 0;
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
        if (check_values(values, e) < 0)
                return -1;
        out = xcalloc(1, sizeof(*out) + n * sizeof(out->filters[0]));
        out->n = n;
        for (size_t i = 0; i < n; i++) {
                out->filters[i].wanted = filters[i];
                set_init(&out->filters[i].ids, filters[i]->ids, filters[i]->n_ids);
                set_init(&out->filters[i].cgroups, filters[i]->cgroups, filters[i]->n_cgroups);
        }
        *ret = out;
        return 0;
}

int image_filters_new(V1alpha__ImageFilter *const *filters, size_t n, struct image_filters **ret,
                      struct err *e)
{
        size_t values = n;
        struct image_filters *out;

        for (size_t i = 0; i < n; i++) {
                const V1alpha__ImageFilter *f = filters[i];

                values += f->n_ids + f->n_prefixes + f->n_base_names + f->n_keywords + f->n_labels +
                          f->n_annotations + f->n_full_names;
        }
        if (check_values(values, e) < 0)
                return -1;
        out = xcalloc(1, sizeof(*out) + n * sizeof(out->filters[0]));
        out->n = n;
        for (size_t i = 0; i < n; i++) {
                const V1alpha__ImageFilter *f = filters[i];

                out->filters[i].wanted = f;
                set_init(&out->filters[i].ids, f->ids, f->n_ids);
                set_init(&out->filters[i].full_names, f->full_names, f->n_full_names);
                set_init(&out->filters[i].base_names, f->base_names, f->n_base_names);
        }
        *ret = out;
        return 0;
}

struct pod_filters *pod_filters_free(struct pod_filters *filters)
{
        for (size_t i = 0; filters && i < filters->n; i++) {
                free(filters->filters[i].ids.v);
                free(filters->filters[i].cgroups.v);
        }
        free(filters);
        return NULL;
}

struct image_filters *image_filters_free(struct image_filters *filters)
{
        for (size_t i = 0; filters && i < filters->n; i++) {
                free(filters->filters[i].ids.v);
                free(filters->filters[i].full_names.v);
                free(filters->filters[i].base_names.v);
        }
        free(filters);
        return NULL;
}
