/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListPods with filters. Filters times pods may be hundreds of millions of questions: what is much is done in small
 * steps, between which others are served. Each pod is then told as it was at one moment after the call came.
 */
#pragma once

#include "api/jobs.h"
#include "api/pod_index.h"
#include "grpc/call.h"

/* Right after pod_index_sync, or from a waiter. The call is over before the end or later; @wanted lives as long as it. */
void pod_search(struct pod_index *pods, struct jobs *jobs, struct grpc_call *call,
                const V1alpha__ListPodsRequest *wanted);
