/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/service.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

void grpc_router_add(struct grpc_router *r, const struct grpc_service *service, void *ctx)
{
        ARRAY_GROW(r->routes, r->n_routes, r->cap);
        r->routes[r->n_routes++] = (struct grpc_route){ service, ctx };
}

void grpc_router_done(struct grpc_router *r)
{
        free(r->routes);
        *r = (struct grpc_router){ 0 };
}

static bool equal(const char *name, const char *p, size_t len)
{
        return strlen(name) == len && memcmp(name, p, len) == 0;
}

static const struct grpc_method *find_method(const struct grpc_service *s, const char *name,
                                             size_t len)
{
        for (size_t i = 0; i < s->n_methods; i++)
                if (equal(s->methods[i].name, name, len))
                        return &s->methods[i];
        return NULL;
}

enum grpc_route_result grpc_router_find(const struct grpc_router *r, const char *path, size_t len,
                                        struct grpc_target *ret)
{
        const char *slash = len > 1 && path[0] == '/' ? memrchr(path + 1, '/', len - 1) : NULL;
        size_t service_len;

        if (!slash)
                return GRPC_ROUTE_MALFORMED;
        service_len = (size_t)(slash - path) - 1;
        for (size_t i = 0; i < r->n_routes; i++) {
                const struct grpc_route *route = &r->routes[i];
                const struct grpc_method *method;

                if (!equal(route->service->name, path + 1, service_len))
                        continue;
                method = find_method(route->service, slash + 1, len - service_len - 2);
                if (!method)
                        return GRPC_ROUTE_NO_METHOD;
                *ret = (struct grpc_target){ route->service, method, route->ctx };
                return GRPC_ROUTE_FOUND;
        }
        return GRPC_ROUTE_NO_SERVICE;
}
