/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answered from the index, at once nearly always. When something has just changed that was not read yet the call waits
 * until it was, and answers then, whatever happens meanwhile.
 */
#include "api/service.h"

#include <stdlib.h>

#include "api/encoded.h"
#include "api/filter.h"
#include "api/pod_index.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"

/* A call that waits. */
struct pods_call {
        struct waiter waiter; /* first: the waiter is this object */
        struct pod_index *pods;
        struct grpc_call *call;          /* borrowed until it is finished or cancelled */
        const ProtobufCMessage *request; /* borrowed from the call */
        void (*answer)(struct pod_index *pods, struct grpc_call *call,
                       const ProtobufCMessage *request);
};

static void waited(struct waiter *waiter)
{
        struct pods_call *c = (struct pods_call *)waiter;
        struct pods_call was = *c;

        free(c);
        was.answer(was.pods, was.call, was.request);
}

static void cancelled(struct grpc_call *call, void *arg)
{
        struct pods_call *c = arg;

        (void)call;
        pod_index_cancel(c->pods, &c->waiter);
        free(c);
}

static void
answer_when_known(struct pod_index *pods, struct grpc_call *call, const ProtobufCMessage *request,
                  void (*answer)(struct pod_index *, struct grpc_call *, const ProtobufCMessage *))
{
        static const struct grpc_call_watch watch = { .on_cancel = cancelled };
        struct pods_call *c;

        if (pod_index_sync(pods)) {
                answer(pods, call, request);
                return;
        }
        c = xcalloc(1, sizeof(*c));
        *c = (struct pods_call){ .waiter.fn = waited,
                                 .pods = pods,
                                 .call = call,
                                 .request = request,
                                 .answer = answer };
        grpc_call_watch(call, &watch, c);
        pod_index_wait(pods, &c->waiter);
}

static int filtered(const struct pod_index *pods, const V1alpha__ListPodsRequest *wanted,
                    struct buf *out, struct err *e)
{
        AUTO(pod_filters_freep) struct pod_filters *filters = NULL;
        const struct pod_record *r;

        if (pod_filters_new(wanted->filters, wanted->n_filters, &filters, e) < 0)
                return -1;
        for (size_t at = 0; (r = pod_index_next(pods, &at));) {
                size_t len = encoded_len(&r->encoded, wanted->detail);
                uint8_t *to;

                if (!pod_filters_match(filters, &r->encoded))
                        continue;
                if (buf_reserve(out, len, &to) < 0)
                        return err_set(e, ERR_LIMIT, 0, "the list is over %u bytes: use filters",
                                       LIMIT_API_REPLY_BYTES);
                (void)encoded_copy(&r->encoded, wanted->detail, to);
                buf_commit(out, len);
        }
        return 0;
}

static void list_pods(struct pod_index *pods, struct grpc_call *call,
                      const ProtobufCMessage *request)
{
        const V1alpha__ListPodsRequest *wanted = (const V1alpha__ListPodsRequest *)request;
        AUTO(grpc_blob_unrefp) struct grpc_blob *all = NULL;
        AUTO(buf_done) struct buf some = BUF_NULL(LIMIT_API_REPLY_BYTES);
        struct grpc_slice slice;
        struct err e;

        if (pod_index_check(pods, &e) < 0 ||
            (wanted->n_filters == 0 && !(all = pod_index_list(pods, wanted->detail, &e))) ||
            (wanted->n_filters > 0 && filtered(pods, wanted, &some, &e) < 0)) {
                grpc_call_finish_err(call, &e);
                return;
        }
        if (all) {
                grpc_call_reply_shared(call, all);
                return;
        }
        slice = (struct grpc_slice){ .data = some.data, .len = some.len };
        (void)grpc_call_send_slices(call, &slice, 1);
        grpc_call_finish(call, GRPC_OK, "%s", "");
}

static void inspect_pod(struct pod_index *pods, struct grpc_call *call,
                        const ProtobufCMessage *request)
{
        const V1alpha__InspectPodRequest *wanted = (const V1alpha__InspectPodRequest *)request;
        const struct pod_record *r;
        struct grpc_slice slice;
        struct err e;

        if (pod_index_check(pods, &e) < 0 || pod_index_find(pods, wanted->id, &r, &e) < 0) {
                grpc_call_finish_err(call, &e);
                return;
        }
        slice = (struct grpc_slice){ .data = r->encoded.data, .len = r->encoded.len };
        (void)grpc_call_send_slices(call, &slice, 1);
        grpc_call_finish(call, GRPC_OK, "%s", "");
}

void svc_list_pods(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        answer_when_known(((struct service *)ctx)->pods, call, request, list_pods);
}

void svc_inspect_pod(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        answer_when_known(((struct service *)ctx)->pods, call, request, inspect_pod);
}
