/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListPods reads one pod per step: thousands of pods take a while, and nobody else shall wait for them. A pod
 * that is removed meanwhile is left out, one that appears meanwhile may be missing: the list of ids is taken once.
 */
#include "api/service.h"

#include <stdlib.h>
#include <string.h>

#include "api/encode.h"
#include "api/filter.h"
#include "api/datadir.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"

struct list_pods {
        struct job job;         /* first: the job is this object */
        struct jobs *jobs;      /* borrowed */
        struct grpc_call *call; /* borrowed until it is finished or cancelled */
        const char *dir;        /* borrowed */
        bool begun;             /* what is below is there */
        struct datadir data;
        struct pod_filters *filters; /* owned; borrows from the request, which the call keeps */
        bool detail;
        struct strv ids;
        size_t next; /* of ids */
        struct buf reply;
};

static void list_free(struct list_pods *list)
{
        jobs_end(list->jobs, &list->job);
        datadir_done(&list->data);
        pod_filters_free(list->filters);
        strv_done(&list->ids);
        buf_done(&list->reply);
        free(list);
}

static bool list_fail(struct list_pods *list, const struct err *e)
{
        struct grpc_call *call = list->call;

        list_free(list);
        grpc_call_finish_err(call, e);
        return false;
}

static bool list_end(struct list_pods *list)
{
        struct grpc_slice all = { .data = list->reply.data, .len = list->reply.len };
        struct grpc_call *call = list->call;

        (void)grpc_call_send_slices(call, &all, 1); /* the first reply is always taken */
        list_free(list);
        grpc_call_finish(call, GRPC_OK, "%s", "");
        return false;
}

static int add_pod(struct list_pods *list, const struct encoded *pod, struct err *e)
{
        size_t len = encoded_len(pod, list->detail);
        uint8_t *at;

        if (!pod_filters_match(list->filters, pod))
                return 0;
        if (buf_reserve(&list->reply, len, &at) < 0)
                return err_set(e, ERR_LIMIT, 0, "the list is over %u bytes: use filters",
                               LIMIT_API_REPLY_BYTES);
        (void)encoded_copy(pod, list->detail, at);
        buf_commit(&list->reply, len);
        return 0;
}

static int add_next(struct list_pods *list, const char *id, struct err *e)
{
        AUTO(pod_view_freep) struct pod_view *view = NULL;
        AUTO(encoded_done) struct encoded pod = ENCODED_NULL;
        struct uuid uuid;
        int r = pod_view_read(&list->data.pods, id, POD_VIEW_ALL, &view, e);

        if (r < 0 && e->kind == ERR_NOT_FOUND)
                return 0;
        if (r < 0 && e->kind == ERR_NO_SPACE)
                return -1; /* it is not this pod that is broken */
        memcpy(uuid.text, id, sizeof(uuid.text));
        if (r < 0)
                encoded_init_unreadable_pod(&pod, &uuid);
        else
                encoded_init_pod(&pod, view);
        return add_pod(list, &pod, e);
}

/* Not before the first step: those who wait for it hold nothing. */
static int list_begin(struct list_pods *list, struct err *e)
{
        list->begun = true;
        if (datadir_open(list->dir, &list->data, e) < 0)
                return -1;
        return datadir_pod_ids(&list->data, &list->ids, e);
}

static bool list_step(struct job *job)
{
        struct list_pods *list = (struct list_pods *)job;
        struct err e;

        if (!list->begun && list_begin(list, &e) < 0)
                return list_fail(list, &e);
        if (list->next == list->ids.n)
                return list_end(list);
        if (add_next(list, list->ids.v[list->next++], &e) < 0)
                return list_fail(list, &e);
        return true;
}

static void list_cancelled(struct grpc_call *call, void *arg)
{
        (void)call;
        list_free(arg);
}

void svc_list_pods(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        static const struct grpc_call_watch watch = { .on_cancel = list_cancelled };
        const V1alpha__ListPodsRequest *wanted = (const V1alpha__ListPodsRequest *)request;
        struct service *service = ctx;
        struct list_pods *list = xcalloc(1, sizeof(*list));
        struct err e;

        list->job = (struct job){ .step = list_step, .heavy = true };
        list->dir = service->dir;
        list->jobs = &service->jobs;
        list->call = call;
        list->data = DATADIR_NULL;
        list->detail = wanted->detail;
        list->reply = BUF_NULL(LIMIT_API_REPLY_BYTES);
        if (pod_filters_new(wanted->filters, wanted->n_filters, &list->filters, &e) < 0) {
                (void)list_fail(list, &e);
                return;
        }
        grpc_call_watch(call, &watch, list);
        jobs_add(&service->jobs, &list->job);
}

void svc_inspect_pod(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        const V1alpha__InspectPodRequest *wanted = (const V1alpha__InspectPodRequest *)request;
        const struct service *service = ctx;
        AUTO(datadir_done) struct datadir data = DATADIR_NULL;
        AUTO(pod_view_freep) struct pod_view *view = NULL;
        AUTO(encode_pod_freep) V1alpha__Pod *pod = NULL;
        V1alpha__InspectPodResponse response;
        struct err e;

        if (datadir_open(service->dir, &data, &e) < 0 ||
            datadir_pod_read(&data, wanted->id, POD_VIEW_ALL, &view, &e) < 0) {
                grpc_call_finish_err(call, &e);
                return;
        }
        v1alpha__inspect_pod_response__init(&response);
        response.pod = pod = encode_pod(view, true);
        grpc_call_reply(call, &response.base);
}
