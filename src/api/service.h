/* SPDX-License-Identifier: Apache-2.0 */
/* v1alpha.PublicAPI: the table of its methods, and what they share. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "api/descriptors.h"
#include "api/image_index.h"
#include "api/index.h"
#include "api/jobs.h"
#include "api/pod_index.h"
#include "grpc/call.h"
#include "grpc/service.h"
#include "logs/reader.h"

struct event_ring;
struct event_source;
struct logs_watcher;
struct subscribers;

struct service {
        uv_loop_t *loop; /* borrowed */
        struct jobs jobs;
        struct index *index; /* borrowed, as are the two that live in it */
        struct pod_index *pods;
        struct image_index *images;
        struct event_ring *events; /* borrowed, as are those that fill and empty it */
        struct event_source *event_source;
        struct subscribers *subscribers;
        struct descriptors descriptors;
        size_t log_followers;          /* calls of GetLogs that follow a log */
        struct logs_budget log_budget; /* of all readers of logs; its max is svc_logs.c's to set */
        struct logs_watcher *log_watcher; /* of svc_logs.c; NULL before the first follower */
        uv_poll_t log_watcher_poll;
        const char *
                dir; /* borrowed, as are all strings here: the data directory as the user named it */
        const char *system_config_dir;
        const char *local_config_dir;
        const char *user_config_dir;
        const char *insecure_flags;
        bool trust_keys_from_https;
        struct {
                uint8_t *data; /* owned; NULL: not made yet */
                size_t len;
                uint64_t looks; /* index_looks when it was made */
        } info;                 /* svc_info.c's: the reply of GetInfo */
};

void service_done(struct service *service); /* what it owns; jobs must be closed */

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
