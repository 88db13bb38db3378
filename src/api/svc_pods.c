/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answered from the index, at once nearly always. When something has just changed that was not read yet the call waits
 * until it was, and answers then, whatever happens meanwhile.
 */
#include "api/service.h"

#include <stdlib.h>

#include "api/pod_index.h"
#include "api/pod_search.h"
#include "util/auto.h"
#include "util/mem.h"

/* A call that waits. */
struct pods_call {
        struct waiter waiter; /* first: the waiter is this object */
        struct service *service;
        struct grpc_call *call;          /* borrowed until it is finished or cancelled */
        const ProtobufCMessage *request; /* borrowed from the call */
        void (*answer)(struct service *service, struct grpc_call *call,
                       const ProtobufCMessage *request);
};

static void waited(struct waiter *waiter)
{
        struct pods_call *c = (struct pods_call *)waiter;
        struct pods_call was = *c;

        free(c);
        was.answer(was.service, was.call, was.request);
}

static void cancelled(struct grpc_call *call, void *arg)
{
        struct pods_call *c = arg;

        (void)call;
        pod_index_cancel(c->service->pods, &c->waiter);
        free(c);
}

static void
answer_when_known(struct service *service, struct grpc_call *call, const ProtobufCMessage *request,
                  void (*answer)(struct service *, struct grpc_call *, const ProtobufCMessage *))
{
        static const struct grpc_call_watch watch = { .on_cancel = cancelled };
        struct pods_call *c;

        if (pod_index_sync(service->pods)) {
                answer(service, call, request);
                return;
        }
        c = xcalloc(1, sizeof(*c));
        *c = (struct pods_call){ .waiter.fn = waited,
                                 .service = service,
                                 .call = call,
                                 .request = request,
                                 .answer = answer };
        grpc_call_watch(call, &watch, c);
        pod_index_wait(service->pods, &c->waiter);
}

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
        answer_when_known(ctx, call, request, list_pods);
}

void svc_inspect_pod(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        answer_when_known(ctx, call, request, inspect_pod);
}
