/* SPDX-License-Identifier: Apache-2.0 */
/* The pods that filters let pass, found by what they name rather than by going through all pods. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "api/filter.h"
#include "api/pod_index.h"
#include "v1alpha/api.pb-c.h"

/* Would so few pods have to be looked at that this is the cheaper way? */
bool pod_narrow_is_cheap(const struct pod_index *pods, const V1alpha__ListPodsRequest *wanted);

/* In the order of ids, each once. *ret is to be freed, its records are borrowed; the number of them. */
size_t pod_narrow_find(const struct pod_index *pods, const V1alpha__ListPodsRequest *wanted,
                       struct pod_filters *filters, const struct pod_record ***ret);
