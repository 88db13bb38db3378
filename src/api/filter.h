/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PodFilter and ImageFilter of the v1alpha contract: pure functions on what a client would be shown.
 *
 * Fields of one filter are combined by AND, filters by OR; an empty field asks for nothing; no filters at all
 * let everything pass. Where the contract is silent, rkt's code decides: ids, names and values are compared
 * exactly; of several annotations with one key only the first counts; times that are not positive are unset.
 * Where rkt departed from the contract the contract stands: a cgroup contains another one only at a '/'.
 *
 * What one record costs is bounded by what the record and the filter hold, added, not multiplied; keywords apart.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "api/encoded.h"
#include "api/text_set.h"
#include "util/err.h"
#include "v1alpha/api.pb-c.h"

/* Prepared filters: long lists sorted, so that a thousand ids cost a search and not a walk. */
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

/* Filters remember what they saw of a record while they look at it, hence no const; nothing of it stays. */
bool pod_filters_match(struct pod_filters *filters, const struct encoded *pod);
bool image_filters_match(struct image_filters *filters, const struct encoded *image);
/* The one filter with the number @i of the request: who found a record by that filter's ids asks for no other. */
bool pod_filters_match_one(struct pod_filters *filters, size_t i, const struct encoded *pod);
bool image_filters_match_one(struct image_filters *filters, size_t i, const struct encoded *image);

/* The name of an image as clients are told it. Within @image. */
struct text image_encoded_name(const struct encoded *image);
/* As Go's path.Base: what follows the last '/', trailing ones not counted. Within @name. */
struct text image_base_name(struct text name);

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
