/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All of the answer but one thing is known when the service starts: where the data directory really is. That is looked
 * up again only when the index had reason to look.
 */
#include "api/service.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/index.h"
#include "grpc/utf8.h"
#include "util/auto.h"
#include "util/mem.h"
#include "util/version.h"
#include "v1alpha/api.pb-c.h"

/* Generated messages hold their strings without const; packing a message changes none of them. */
static char *borrow(const char *s)
{
        char *out;

        memcpy(&out, &s, sizeof(out));
        return out;
}

/* A path may be any bytes; a reply with a byte that is not UTF-8 would be refused. */
static char *path_text(const char *path)
{
        return grpc_utf8_clean(path, strlen(path));
}

static void make_info(struct service *service)
{
        char real[PATH_MAX];
        AUTO_FREE char *dir = path_text(realpath(service->dir, real) ? real : service->dir);
        AUTO_FREE char *system_dir = path_text(service->system_config_dir);
        AUTO_FREE char *local_dir = path_text(service->local_config_dir);
        AUTO_FREE char *user_dir = path_text(service->user_config_dir);
        AUTO_FREE char *insecure = path_text(service->insecure_flags);
        V1alpha__GlobalFlags flags;
        V1alpha__Info info;
        V1alpha__GetInfoResponse response;

        v1alpha__global_flags__init(&flags);
        v1alpha__info__init(&info);
        v1alpha__get_info_response__init(&response);
        /* Clients build paths and command lines from it, so it is told as it is, without symlinks. */
        flags.dir = dir;
        flags.system_config_dir = system_dir;
        flags.local_config_dir = local_dir;
        flags.user_config_dir = user_dir;
        flags.insecure_flags = insecure;
        flags.trust_keys_from_https = service->trust_keys_from_https;
        info.rkt_version = borrow(CAROB_RKT_VERSION);
        info.appc_version = borrow(CAROB_APPC_VERSION);
        info.api_version = borrow(CAROB_API_VERSION);
        info.global_flags = &flags;
        response.info = &info;
        free(service->info.data);
        service->info.data = xmalloc(v1alpha__get_info_response__get_packed_size(&response));
        service->info.len = v1alpha__get_info_response__pack(&response, service->info.data);
}

void svc_get_info(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        struct service *service = ctx;
        struct grpc_slice slice;
        uint64_t looks;

        (void)request;
        index_sync(service->index);
        looks = index_looks(service->index);
        if (!service->info.data || service->info.looks != looks)
                make_info(service);
        service->info.looks = looks;
        slice = (struct grpc_slice){ .data = service->info.data, .len = service->info.len };
        grpc_call_reply_slices(call, &slice, 1);
}
