/* SPDX-License-Identifier: Apache-2.0 */
#include "api/service.h"

#include <errno.h>

#include "api/encode.h"
#include "api/filter.h"
#include "api/datadir.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/log.h"

/* The images that pass, oldest import first and ids in order among equals, as elements of the reply. */
static int add_images(const struct image_view_list *images, const struct image_filters *filters,
                      bool detail, struct buf *reply, struct err *e)
{
        for (size_t i = 0; i < images->n; i++) {
                AUTO(encode_image_freep)
                V1alpha__Image *image = encode_image(&images->v[i], detail);

                if (image_filters_match(filters, image) &&
                    encode_list_item(reply, &image->base) < 0)
                        return err_set(e, ERR_LIMIT, 0, "the list is over %u bytes: use filters",
                                       LIMIT_API_REPLY_BYTES);
        }
        for (size_t i = 0; i < images->problems.n; i++)
                log_debug("ListImages: %s", images->problems.v[i]);
        return 0;
}

void svc_list_images(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        const V1alpha__ListImagesRequest *wanted = (const V1alpha__ListImagesRequest *)request;
        const struct service *service = ctx;
        AUTO(datadir_done) struct datadir data = DATADIR_NULL;
        AUTO(image_view_list_done) struct image_view_list images = IMAGE_VIEW_LIST_NULL;
        AUTO(image_filters_freep) struct image_filters *filters = NULL;
        AUTO(buf_done) struct buf reply = BUF_NULL(LIMIT_API_REPLY_BYTES);
        struct err e;

        if (image_filters_new(wanted->filters, wanted->n_filters, &filters, &e) < 0 ||
            datadir_open(service->dir, &data, &e) < 0 ||
            (data.fd >= 0 && image_view_list(data.fd, &images, &e) < 0) ||
            add_images(&images, filters, wanted->detail, &reply, &e) < 0) {
                grpc_call_finish_err(call, &e);
                return;
        }
        (void)grpc_call_send_slices(call, &(struct grpc_slice){ reply.data, reply.len }, 1);
        grpc_call_finish(call, GRPC_OK, "%s", "");
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
