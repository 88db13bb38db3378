/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server reflection (grpc/grpc doc/server-reflection.md), v1 and v1alpha: clients such as grpcurl
 * learn what services there are, and the types of their messages.
 */
#pragma once

#include "grpc/service.h"

struct grpc_reflection;

/* Knows of its own two services. */
struct grpc_reflection *grpc_reflection_new(void);
/* After the server it was added to is freed. NULL is fine; returns NULL. */
struct grpc_reflection *grpc_reflection_free(struct grpc_reflection *r);
/* List @service (borrowed for the life of @r) and describe it, if it has descriptors. */
void grpc_reflection_add(struct grpc_reflection *r, const struct grpc_service *service);

/* For grpc_server_add_service, both with the struct grpc_reflection as context. */
extern const struct grpc_service grpc_reflection_v1_service;
extern const struct grpc_service grpc_reflection_v1alpha_service;
