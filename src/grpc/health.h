/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc.health.v1.Health: whether services can be called, for probes (Check, List) and for clients
 * that balance (Watch). "" names the server as a whole.
 */
#pragma once

#include "grpc/service.h"

/* Numbers are the wire's (proto/grpc/health/v1/health.proto). */
enum grpc_health_status {
        GRPC_HEALTH_UNKNOWN = 0,
        GRPC_HEALTH_SERVING = 1,
        GRPC_HEALTH_NOT_SERVING = 2,
};

struct grpc_health;

/* The server as a whole serves; no service is known yet. */
struct grpc_health *grpc_health_new(void);
/* After the server it was added to is freed: no call is left then. NULL is fine; returns NULL. */
struct grpc_health *grpc_health_free(struct grpc_health *h);

/*
 * From now on @service (borrowed for the life of @h) has this status. Whoever watches it is told,
 * when it is another one than before. At most GRPC_HEALTH_SERVICES_MAX names; more are our own
 * mistake.
 */
void grpc_health_set(struct grpc_health *h, const char *service, enum grpc_health_status status);
/*
 * The server is about to stop: all is NOT_SERVING for ever, watchers are told, and their calls end
 * with UNAVAILABLE, so that nobody waits for them. Call it before grpc_server_stop.
 */
void grpc_health_shutdown(struct grpc_health *h);
/* Calls of Watch that are open. */
size_t grpc_health_watchers(const struct grpc_health *h);

/* What List may have in one reply. */
enum { GRPC_HEALTH_SERVICES_MAX = 100 };

/* For grpc_server_add_service, with the struct grpc_health as context. */
extern const struct grpc_service grpc_health_service;
