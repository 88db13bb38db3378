/* SPDX-License-Identifier: Apache-2.0 */
#include "api/service.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util/version.h"
#include "v1alpha/api.pb-c.h"

/* Generated messages hold their strings without const; packing a message changes none of them. */
static char *borrow(const char *s)
{
        char *out;

        memcpy(&out, &s, sizeof(out));
        return out;
}

void svc_get_info(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        const struct service *service = ctx;
        char dir[PATH_MAX];
        V1alpha__GlobalFlags flags;
        V1alpha__Info info;
        V1alpha__GetInfoResponse response;

        (void)request;
        v1alpha__global_flags__init(&flags);
        v1alpha__info__init(&info);
        v1alpha__get_info_response__init(&response);
        /* Clients build paths and command lines from it, so it is told as it is, without symlinks. */
        flags.dir = realpath(service->dir, dir) ? dir : borrow(service->dir);
        flags.system_config_dir = borrow(service->system_config_dir);
        flags.local_config_dir = borrow(service->local_config_dir);
        flags.user_config_dir = borrow(service->user_config_dir);
        flags.insecure_flags = borrow(service->insecure_flags);
        flags.trust_keys_from_https = service->trust_keys_from_https;
        info.rkt_version = borrow(CAROB_RKT_VERSION);
        info.appc_version = borrow(CAROB_APPC_VERSION);
        info.api_version = borrow(CAROB_API_VERSION);
        info.global_flags = &flags;
        response.info = &info;
        grpc_call_reply(call, &response.base);
}
