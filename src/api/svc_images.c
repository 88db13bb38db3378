/* SPDX-License-Identifier: Apache-2.0 */
/* Answered from the index. */
#include "api/service.h"

#include "api/image_search.h"
#include "api/when_known.h"
#include "util/auto.h"

static void list_images(struct service *service, struct grpc_call *call,
                        const ProtobufCMessage *request)
{
        const V1alpha__ListImagesRequest *wanted = (const V1alpha__ListImagesRequest *)request;
        AUTO(grpc_blob_unrefp) struct grpc_blob *all = NULL;
        struct err e;

        if (image_index_check(service->images, &e) < 0 ||
            (wanted->n_filters == 0 &&
             !(all = image_index_list(service->images, wanted->detail, &e))))
                grpc_call_finish_err(call, &e);
        else if (all)
                grpc_call_reply_shared(call, all);
        else
                image_search(service->images, &service->jobs, call, wanted);
}

static void inspect_image(struct service *service, struct grpc_call *call,
                          const ProtobufCMessage *request)
{
        const V1alpha__InspectImageRequest *wanted = (const V1alpha__InspectImageRequest *)request;
        const struct image_entry *image;
        struct grpc_slice slice;
        struct err e;

        if (image_index_check(service->images, &e) < 0 ||
            image_index_find(service->images, wanted->id, &image, &e) < 0) {
                grpc_call_finish_err(call, &e);
                return;
        }
        slice = (struct grpc_slice){ .data = image->encoded.data, .len = image->encoded.len };
        grpc_call_reply_slices(call, &slice, 1);
}

void svc_list_images(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        answer_when_known(ctx, call, request, &known_by_images, list_images);
}

void svc_inspect_image(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        answer_when_known(ctx, call, request, &known_by_images, inspect_image);
}
