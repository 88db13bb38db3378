/* SPDX-License-Identifier: Apache-2.0 */
/* v1alpha.PublicAPI: the table of its methods, and what they share. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "api/descriptors.h"
#include "api/jobs.h"
#include "api/pod_index.h"
#include "grpc/call.h"
#include "grpc/service.h"

struct logs_watcher;

struct service {
        uv_loop_t *loop; /* borrowed */
        struct jobs jobs;
        struct pod_index *pods; /* borrowed */
        struct descriptors descriptors;
        size_t log_followers;             /* calls of GetLogs that follow a log */
        struct logs_watcher *log_watcher; /* of svc_logs.c; NULL before the first follower */
        uv_poll_t log_watcher_poll;
        const char *
                dir; /* borrowed, as are all strings here: the data directory as the user named it */
        const char *system_config_dir;
        const char *local_config_dir;
        const char *user_config_dir;
        const char *insecure_flags;
        bool trust_keys_from_https;
};

/* Its context is a struct service. */
extern const struct grpc_service service_public_api;

/* All GetLogs must have ended. The loop must run once more afterwards. */
void svc_logs_close(struct service *service);

/* The handlers (grpc_handler_fn), each in the file svc_<subject>.c. */
void svc_get_info(struct grpc_call *call, const ProtobufCMessage *request, void *ctx);
void svc_list_pods(struct grpc_call *call, const ProtobufCMessage *request, void *ctx);
void svc_inspect_pod(struct grpc_call *call, const ProtobufCMessage *request, void *ctx);
void svc_list_images(struct grpc_call *call, const ProtobufCMessage *request, void *ctx);
void svc_inspect_image(struct grpc_call *call, const ProtobufCMessage *request, void *ctx);
void svc_listen_events(struct grpc_call *call, const ProtobufCMessage *request, void *ctx);
void svc_get_logs(struct grpc_call *call, const ProtobufCMessage *request, void *ctx);
