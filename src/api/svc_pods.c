/* SPDX-License-Identifier: Apache-2.0 */
/* Answered from the index. */
#include "api/service.h"

#include "api/pod_index.h"
#include "api/pod_search.h"
#include "api/when_known.h"
#include "util/auto.h"

static void list_pods(struct service *service, struct grpc_call *call,
                      const ProtobufCMessage *request)
{
        const V1alpha__ListPodsRequest *wanted = (const V1alpha__ListPodsRequest *)request;
        AUTO(grpc_blob_unrefp) struct grpc_blob *all = NULL;
        struct err e;

        if (pod_index_check(service->pods, &e) < 0 ||
            (wanted->n_filters == 0 && !(all = pod_index_list(service->pods, wanted->detail, &e))))
                grpc_call_finish_err(call, &e);
        else if (all)
                grpc_call_reply_shared(call, all);
        else
                pod_search(service->pods, &service->jobs, call, wanted);
}

static void inspect_pod(struct service *service, struct grpc_call *call,
                        const ProtobufCMessage *request)
{
        const V1alpha__InspectPodRequest *wanted = (const V1alpha__InspectPodRequest *)request;
        const struct pod_record *r;
        struct grpc_slice slice;
        struct err e;

        if (pod_index_check(service->pods, &e) < 0 ||
            pod_index_find(service->pods, wanted->id, &r, &e) < 0) {
                grpc_call_finish_err(call, &e);
                return;
        }
        slice = (struct grpc_slice){ .data = r->encoded.data, .len = r->encoded.len };
        grpc_call_reply_slices(call, &slice, 1);
}

void svc_list_pods(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        answer_when_known(ctx, call, request, &known_by_pods, list_pods);
}

void svc_inspect_pod(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        struct service *service = ctx;

        if (pod_index_sync_for(service->pods, ((const V1alpha__InspectPodRequest *)request)->id))
                inspect_pod(service, call, request);
        else
                answer_when_known(service, call, request, &known_by_pods, inspect_pod);
}
