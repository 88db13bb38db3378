/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PodFilter and ImageFilter of the v1alpha contract: pure functions on what a client would be shown.
 *
 * Fields of one filter are combined by AND, filters by OR; an empty field asks for nothing; no filters at all
 * let everything pass. Where the contract is silent, rkt's code decides: ids, names and values are compared
 * exactly; of several annotations with one key only the first counts; times that are not positive are unset.
 * Where rkt departed from the contract the contract stands: a cgroup contains another one only at a '/'.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"
#include "v1alpha/api.pb-c.h"

/* Prepared filters: the long lists sorted, so that a thousand ids cost a look-up and not a walk. */
struct pod_filters;
struct image_filters;

/*
 * Prepare the filters of a request. They are borrowed: the request must outlive the result.
 * Errors: ERR_LIMIT when all filters together hold more than LIMIT_FILTER_VALUES values.
 */
int pod_filters_new(V1alpha__PodFilter *const *filters, size_t n, struct pod_filters **ret,
                    struct err *e);
int image_filters_new(V1alpha__ImageFilter *const *filters, size_t n, struct image_filters **ret,
                      struct err *e);

bool pod_filters_match(const struct pod_filters *filters, const V1alpha__Pod *pod);
/*
 * Could a pod of which only this much is known match? Whoever is refused here need not be read at all, which
 * is most pods of most requests: clients ask for what runs. @state NULL: not known either.
 */
bool pod_filters_may_match(const struct pod_filters *filters, const char *id,
                           const V1alpha__PodState *state);
bool image_filters_match(const struct image_filters *filters, const V1alpha__Image *image);
/* The same for an image of which only the id is known. */
bool image_filters_may_match(const struct image_filters *filters, const char *id);

struct pod_filters *pod_filters_free(struct pod_filters *filters); /* accepts NULL, returns NULL */
struct image_filters *
image_filters_free(struct image_filters *filters); /* accepts NULL, returns NULL */

static inline void pod_filters_freep(struct pod_filters **filters)
{
        pod_filters_free(*filters);
}

static inline void image_filters_freep(struct image_filters **filters)
{
        image_filters_free(*filters);
}

/*
 * Does the cgroup @outer contain @inner, or is it the same one? "/a/b" contains "/a/b" and "/a/b/c", but not
 * "/a/bc". The root cgroup contains only itself here: a pod that sits in it would answer for every
 * process of the machine otherwise. An empty @outer contains nothing.
 */
bool cgroup_contains(const char *outer, const char *inner);
