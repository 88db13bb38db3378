/* SPDX-License-Identifier: Apache-2.0 */
#include "api/when_known.h"

#include <stdlib.h>

#include "api/image_index.h"
#include "api/pod_index.h"
#include "util/mem.h"

/* A call that waits. */
struct waiting {
        struct waiter waiter; /* first: the waiter is this object */
        struct service *service;
        struct grpc_call *call;          /* borrowed until it is finished or cancelled */
        const ProtobufCMessage *request; /* borrowed from the call */
        const struct known_by *by;
        answer_fn answer;
};

static void waited(struct waiter *waiter)
{
        struct waiting *w = (struct waiting *)waiter;
        struct waiting was = *w;

        free(w);
        grpc_call_watch(was.call, NULL, NULL);
        was.answer(was.service, was.call, was.request);
}

static void cancelled(struct grpc_call *call, void *arg)
{
        struct waiting *w = arg;

        (void)call;
        w->by->cancel(w->service, &w->waiter);
        free(w);
}

void answer_when_known(struct service *service, struct grpc_call *call,
                       const ProtobufCMessage *request, const struct known_by *by, answer_fn answer)
{
        static const struct grpc_call_watch watch = { .on_cancel = cancelled };
        struct waiting *w;

        if (by->sync(service)) {
                answer(service, call, request);
                return;
        }
        w = xcalloc(1, sizeof(*w));
        *w = (struct waiting){ .waiter.fn = waited,
                               .service = service,
                               .call = call,
                               .request = request,
                               .by = by,
                               .answer = answer };
        grpc_call_watch(call, &watch, w);
        by->wait(service, &w->waiter);
}

static bool pods_sync(struct service *service)
{
        return pod_index_sync(service->pods);
}

static void pods_wait(struct service *service, struct waiter *w)
{
        pod_index_wait(service->pods, w);
}

static void pods_cancel(struct service *service, struct waiter *w)
{
        pod_index_cancel(service->pods, w);
}

static bool images_sync(struct service *service)
{
        return image_index_sync(service->images);
}

static void images_wait(struct service *service, struct waiter *w)
{
        image_index_wait(service->images, w);
}

static void images_cancel(struct service *service, struct waiter *w)
{
        image_index_cancel(service->images, w);
}

const struct known_by known_by_pods = { pods_sync, pods_wait, pods_cancel };
const struct known_by known_by_images = { images_sync, images_wait, images_cancel };
