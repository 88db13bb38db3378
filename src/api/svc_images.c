/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListImages reads one image per step, as ListPods does with pods, and puts them in order at the end: oldest import
 * first, then by id. Records that cannot be read are left out: unlike a pod, which runs whatever its files say,
 * an image is nothing but its record.
 */
#include "api/service.h"

#include <stdlib.h>
#include <string.h>

#include "api/datadir.h"
#include "api/encode.h"
#include "api/filter.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"

/* An image that passed the filters; its encoding is a part of the reply. */
struct listed {
        nsec imported_at;
        const char *id; /* borrowed from list_images.ids */
        size_t at;
        size_t len;
};

struct list_images {
        struct job job;         /* first: the job is this object */
        struct jobs *jobs;      /* borrowed */
        struct grpc_call *call; /* borrowed until it is finished or cancelled */
        const char *dir;        /* borrowed */
        bool begun;             /* what is below is there */
        struct datadir data;
        struct image_filters *filters; /* owned; borrows from the request, which the call keeps */
        bool detail;
        struct strv ids;
        size_t next; /* of ids */
        struct buf reply;
        struct listed *listed; /* owned */
        size_t n_listed;
        size_t cap;
};

static void list_free(struct list_images *list)
{
        jobs_end(list->jobs, &list->job);
        datadir_done(&list->data);
        image_filters_free(list->filters);
        strv_done(&list->ids);
        buf_done(&list->reply);
        free(list->listed);
        free(list);
}

static bool list_fail(struct list_images *list, const struct err *e)
{
        struct grpc_call *call = list->call;

        list_free(list);
        grpc_call_finish_err(call, e);
        return false;
}

static int older_first(const void *a, const void *b)
{
        const struct listed *x = a, *y = b;

        if (x->imported_at != y->imported_at)
                return x->imported_at < y->imported_at ? -1 : 1;
        return strcmp(x->id, y->id);
}

static bool list_end(struct list_images *list)
{
        AUTO_FREE struct grpc_slice *slices = xcalloc(list->n_listed + 1, sizeof(*slices));
        struct grpc_call *call = list->call;

        if (list->n_listed > 0)
                qsort(list->listed, list->n_listed, sizeof(*list->listed), older_first);
        for (size_t i = 0; i < list->n_listed; i++) {
                slices[i].data = list->reply.data + list->listed[i].at;
                slices[i].len = list->listed[i].len;
        }
        (void)grpc_call_send_slices(call, slices, list->n_listed); /* the first is always taken */
        list_free(list);
        grpc_call_finish(call, GRPC_OK, "%s", "");
        return false;
}

static int add_image(struct list_images *list, const struct image_view *view, const char *id,
                     struct err *e)
{
        AUTO(encoded_done) struct encoded image = ENCODED_NULL;
        size_t at = list->reply.len, len;
        uint8_t *to;

        encoded_init_image(&image, view);
        if (!image_filters_match(list->filters, &image))
                return 0;
        len = encoded_len(&image, list->detail);
        if (buf_reserve(&list->reply, len, &to) < 0)
                return err_set(e, ERR_LIMIT, 0, "the list is over %u bytes: use filters",
                               LIMIT_API_REPLY_BYTES);
        (void)encoded_copy(&image, list->detail, to);
        buf_commit(&list->reply, len);
        ARRAY_GROW(list->listed, list->n_listed, list->cap);
        list->listed[list->n_listed++] =
                (struct listed){ view->record.imported_at, id, at, list->reply.len - at };
        return 0;
}

/* Not before the first step: those who wait for it hold nothing. */
static int list_begin(struct list_images *list, struct err *e)
{
        list->begun = true;
        if (datadir_open(list->dir, &list->data, e) < 0)
                return -1;
        return datadir_image_ids(&list->data, &list->ids, e);
}

static bool list_step(struct job *job)
{
        struct list_images *list = (struct list_images *)job;
        AUTO(image_view_done) struct image_view view = { 0 };
        const char *id;
        struct err e;

        if (!list->begun && list_begin(list, &e) < 0)
                return list_fail(list, &e);
        if (list->next == list->ids.n)
                return list_end(list);
        id = list->ids.v[list->next++];
        if (image_view_read(list->data.fd, id, &view, &e) < 0) {
                if (e.kind == ERR_NO_SPACE)
                        return list_fail(list, &e); /* it is not this record that is broken */
                log_debug("ListImages: %s", e.text);
                return true;
        }
        return add_image(list, &view, id, &e) < 0 ? list_fail(list, &e) : true;
}

static void list_cancelled(struct grpc_call *call, void *arg)
{
        (void)call;
        list_free(arg);
}

void svc_list_images(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        static const struct grpc_call_watch watch = { .on_cancel = list_cancelled };
        const V1alpha__ListImagesRequest *wanted = (const V1alpha__ListImagesRequest *)request;
        struct service *service = ctx;
        struct list_images *list = xcalloc(1, sizeof(*list));
        struct err e;

        list->job = (struct job){ .step = list_step, .heavy = true };
        list->dir = service->dir;
        list->jobs = &service->jobs;
        list->call = call;
        list->data = DATADIR_NULL;
        list->detail = wanted->detail;
        list->reply = BUF_NULL(LIMIT_API_REPLY_BYTES);
        if (image_filters_new(wanted->filters, wanted->n_filters, &list->filters, &e) < 0) {
                (void)list_fail(list, &e);
                return;
        }
        grpc_call_watch(call, &watch, list);
        jobs_add(&service->jobs, &list->job);
}

void svc_inspect_image(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        const V1alpha__InspectImageRequest *wanted = (const V1alpha__InspectImageRequest *)request;
        const struct service *service = ctx;
        AUTO(datadir_done) struct datadir data = DATADIR_NULL;
        AUTO(image_view_done) struct image_view view = { 0 };
        AUTO(encode_image_freep) V1alpha__Image *image = NULL;
        V1alpha__InspectImageResponse response;
        struct err e;

        if (datadir_open(service->dir, &data, &e) < 0 ||
            datadir_image_read(&data, wanted->id, &view, &e) < 0) {
                grpc_call_finish_err(call, &e);
                return;
        }
        v1alpha__inspect_image_response__init(&response);
        response.image = image = encode_image(&view, true);
        grpc_call_reply(call, &response.base);
}
