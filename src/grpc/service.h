/* SPDX-License-Identifier: Apache-2.0 */
/* What a server serves: tables of services and methods. They are borrowed for the server's life. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct grpc_call;

/*
 * Answers one call. Runs on the loop and must not block. For a method without client streaming,
 * @request is the one message, checked (grpc/wire_check.h) and owned by the call: it stays until
 * the call ends. For client streaming it is NULL and messages come by grpc_call_watch. The handler,
 * now or in a later turn, sends replies and calls grpc_call_finish exactly once, unless the call is
 * cancelled first (grpc/call.h).
 */
typedef void (*grpc_handler_fn)(struct grpc_call *call, const ProtobufCMessage *request, void *ctx);

struct grpc_method {
        const char *name;                        /* "ListPods" */
        const ProtobufCMessageDescriptor *input; /* type of the request */
        grpc_handler_fn handler;
        bool client_streaming;
        bool server_streaming; /* without it the handler sends exactly one reply before GRPC_OK */
        /*
         * The handler reads the request's metadata. What nobody reads is not kept: calls without
         * this cost nothing for it, and clients cannot make us hold it.
         */
        bool metadata;
};

struct grpc_service {
        const char *name; /* full name: "v1alpha.PublicAPI" */
        const struct grpc_method *methods;
        size_t n_methods;
        /*
         * FileDescriptorSet of the file that declares the service and of all it imports, for server
         * reflection (grpc/reflection.h). NULL: it is listed, and nothing is told of it.
         */
        const uint8_t *descriptors;
        size_t descriptors_len;
};

/* The services of one server, each with the context its handlers get. */
struct grpc_router {
        struct grpc_route {
                const struct grpc_service *service; /* borrowed */
                void *ctx;                          /* borrowed */
        } * routes;                                 /* owned */
        size_t n_routes;
        size_t cap;
};

enum grpc_route_result {
        GRPC_ROUTE_FOUND,
        GRPC_ROUTE_MALFORMED, /* not "/service/method" */
        GRPC_ROUTE_NO_SERVICE,
        GRPC_ROUTE_NO_METHOD,
};

void grpc_router_add(struct grpc_router *r, const struct grpc_service *service, void *ctx);
void grpc_router_done(struct grpc_router *r);
struct grpc_target {
        const struct grpc_service *service;
        const struct grpc_method *method;
        void *ctx;
};
/* Exact and case-sensitive. *ret is written only when found. */
enum grpc_route_result grpc_router_find(const struct grpc_router *r, const char *path, size_t len,
                                        struct grpc_target *ret);
