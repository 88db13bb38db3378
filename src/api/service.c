/* SPDX-License-Identifier: Apache-2.0 */
#include "api/service.h"

#include <stdlib.h>

#include "util/auto.h"
#include "v1alpha/api.pb-c.h"
#include "v1alpha/api.set.h"

static const struct grpc_method methods[] = {
        { .name = "GetInfo",
          .input = &v1alpha__get_info_request__descriptor,
          .handler = svc_get_info },
        { .name = "ListPods",
          .input = &v1alpha__list_pods_request__descriptor,
          .handler = svc_list_pods },
        { .name = "InspectPod",
          .input = &v1alpha__inspect_pod_request__descriptor,
          .handler = svc_inspect_pod },
        { .name = "ListImages",
          .input = &v1alpha__list_images_request__descriptor,
          .handler = svc_list_images },
        { .name = "InspectImage",
          .input = &v1alpha__inspect_image_request__descriptor,
          .handler = svc_inspect_image },
        { .name = "ListenEvents",
          .input = &v1alpha__listen_events_request__descriptor,
          .handler = svc_listen_events,
          .server_streaming = true,
          .metadata = true },
        { .name = "GetLogs",
          .input = &v1alpha__get_logs_request__descriptor,
          .handler = svc_get_logs,
          .server_streaming = true },
};

const struct grpc_service service_public_api = {
        .name = "v1alpha.PublicAPI",
        .methods = methods,
        .n_methods = ARRAY_LEN(methods),
        .descriptors = v1alpha_api_set_data,
        .descriptors_len = sizeof(v1alpha_api_set_data),
};

void service_done(struct service *service)
{
        free(service->info.data);
        service->info.data = NULL;
}
