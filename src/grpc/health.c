/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc/grpc doc/health-checking.md. A watcher is its call, the status it heard last, and nothing
 * else: the name it asked for stays in its request, which lives as long as the call. Changes are
 * rare and watchers are few bytes, so a change looks at all of them.
 */
#include "grpc/health.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/call.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/health/v1/health.set.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"

enum {
        SERVICE_UNKNOWN = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN,
        NAME_MAX_BYTES = LIMIT_GRPC_PATH_BYTES, /* longer than any method's path: no such service */
};

struct watcher {
        struct grpc_health *health; /* borrowed */
        struct watcher *prev, *next;
        struct grpc_call *call;
        const char *service; /* borrowed from the call's request */
        int told;            /* -1: nothing yet */
};

struct grpc_health {
        struct {
                const char *service; /* borrowed */
                enum grpc_health_status status;
        } services[GRPC_HEALTH_SERVICES_MAX];
        size_t n_services;
        struct watcher *watchers; /* owned by their calls */
        size_t n_watchers;
        bool shut_down;
};

struct grpc_health *grpc_health_new(void)
{
        struct grpc_health *h = xcalloc(1, sizeof(*h));

        grpc_health_set(h, "", GRPC_HEALTH_SERVING);
        return h;
}

struct grpc_health *grpc_health_free(struct grpc_health *h)
{
        assert(!h || !h->watchers);
        free(h);
        return NULL;
}

static int status_of(const struct grpc_health *h, const char *service)
{
        for (size_t i = 0; i < h->n_services; i++)
                if (strcmp(h->services[i].service, service) == 0)
                        return (int)h->services[i].status;
        return SERVICE_UNKNOWN;
}

static void forget(struct watcher *w)
{
        *(w->prev ? &w->prev->next : &w->health->watchers) = w->next;
        if (w->next)
                w->next->prev = w->prev;
        w->health->n_watchers--;
        free(w);
}

static void on_cancel(struct grpc_call *call, void *arg)
{
        (void)call;
        forget(arg);
}

static Grpc__Health__V1__HealthCheckResponse response(int status)
{
        Grpc__Health__V1__HealthCheckResponse r = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

        r.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)status;
        return r;
}

/* May end the call, and the watcher with it. */
static void tell(struct watcher *w)
{
        struct grpc_call *call = w->call;
        int status = status_of(w->health, w->service);
        Grpc__Health__V1__HealthCheckResponse r = response(status);
        bool told = true;

        if (status != w->told)
                told = grpc_call_send(call, &r.base) != GRPC_SEND_REFUSED;
        w->told = status;
        if (told && !w->health->shut_down)
                return;
        forget(w);
        /* Refused: it does not read what it watches for, or memory is short. It may come again. */
        if (told)
                grpc_call_finish(call, GRPC_UNAVAILABLE, "the server is stopping");
        else
                grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED, "no room for another status");
}

static void tell_all(const struct grpc_health *h)
{
        struct watcher *next;

        for (struct watcher *w = h->watchers; w; w = next) {
                next = w->next;
                tell(w);
        }
}

static void put(struct grpc_health *h, const char *service, enum grpc_health_status status)
{
        size_t i = 0;

        while (i < h->n_services && strcmp(h->services[i].service, service) != 0)
                i++;
        assert(i < GRPC_HEALTH_SERVICES_MAX);
        if (i == h->n_services)
                h->n_services++;
        h->services[i].service = service;
        h->services[i].status = status;
}

void grpc_health_set(struct grpc_health *h, const char *service, enum grpc_health_status status)
{
        put(h, service, h->shut_down ? GRPC_HEALTH_NOT_SERVING : status);
        tell_all(h);
}

void grpc_health_shutdown(struct grpc_health *h)
{
        h->shut_down = true;
        for (size_t i = 0; i < h->n_services; i++)
                h->services[i].status = GRPC_HEALTH_NOT_SERVING;
        tell_all(h);
}

size_t grpc_health_watchers(const struct grpc_health *h)
{
        return h->n_watchers;
}

/* False: the call is answered already. */
static bool name_is_sane(struct grpc_call *call, const char *service)
{
        if (strlen(service) <= NAME_MAX_BYTES)
                return true;
        grpc_call_finish(call, GRPC_INVALID_ARGUMENT, "the name of a service has at most %d bytes",
                         NAME_MAX_BYTES);
        return false;
}

static void check(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        const char *service = ((const Grpc__Health__V1__HealthCheckRequest *)request)->service;
        int status = status_of(ctx, service);
        Grpc__Health__V1__HealthCheckResponse r = response(status);

        if (!name_is_sane(call, service))
                return;
        if (status == SERVICE_UNKNOWN) {
                grpc_call_finish(call, GRPC_NOT_FOUND, "unknown service %s", service);
                return;
        }
        grpc_call_reply(call, &r.base);
}

static void list(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        const struct grpc_health *h = ctx;
        Grpc__Health__V1__HealthListResponse r = GRPC__HEALTH__V1__HEALTH_LIST_RESPONSE__INIT;
        Grpc__Health__V1__HealthCheckResponse values[GRPC_HEALTH_SERVICES_MAX];
        Grpc__Health__V1__HealthListResponse__StatusesEntry entries[GRPC_HEALTH_SERVICES_MAX],
                *at[GRPC_HEALTH_SERVICES_MAX];

        (void)request;
        for (size_t i = 0; i < h->n_services; i++) {
                values[i] = response((int)h->services[i].status);
                grpc__health__v1__health_list_response__statuses_entry__init(&entries[i]);
                entries[i].key = (char *)(uintptr_t)h->services[i].service; /* only read */
                entries[i].value = &values[i];
                at[i] = &entries[i];
        }
        r.statuses = at;
        r.n_statuses = h->n_services;
        grpc_call_reply(call, &r.base);
}

static void watch(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        static const struct grpc_call_watch callbacks = { .on_cancel = on_cancel };
        const char *service = ((const Grpc__Health__V1__HealthCheckRequest *)request)->service;
        struct grpc_health *h = ctx;
        struct watcher *w;

        if (!name_is_sane(call, service))
                return;
        w = xcalloc(1, sizeof(*w));
        *w = (struct watcher){ h, NULL, h->watchers, call, service, -1 };
        if (w->next)
                w->next->prev = w;
        h->watchers = w;
        h->n_watchers++;
        grpc_call_watch(call, &callbacks, w);
        tell(w);
}

static const struct grpc_method methods[] = {
        { .name = "Check",
          .input = &grpc__health__v1__health_check_request__descriptor,
          .handler = check },
        { .name = "List",
          .input = &grpc__health__v1__health_list_request__descriptor,
          .handler = list },
        { .name = "Watch",
          .input = &grpc__health__v1__health_check_request__descriptor,
          .handler = watch,
          .server_streaming = true },
};

const struct grpc_service grpc_health_service = {
        .name = "grpc.health.v1.Health",
        .methods = methods,
        .n_methods = ARRAY_LEN(methods),
        .descriptors = grpc_health_set_data,
        .descriptors_len = sizeof(grpc_health_set_data),
};
