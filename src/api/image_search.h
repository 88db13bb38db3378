/* SPDX-License-Identifier: Apache-2.0 */
/* ListImages with filters: at once when few images need a look, else in steps, so that nobody waits for it. */
#pragma once

#include "api/image_index.h"
#include "api/jobs.h"
#include "grpc/call.h"
#include "v1alpha/api.pb-c.h"

/* Answers the call. @wanted is the call's own request. The index is up to date. */
void image_search(struct image_index *images, struct jobs *jobs, struct grpc_call *call,
                  const V1alpha__ListImagesRequest *wanted);
