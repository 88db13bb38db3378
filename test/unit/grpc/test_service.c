/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/service.h"

#include "test.h"

static const struct grpc_method one_methods[] = { { .name = "A" }, { .name = "B" } };
static const struct grpc_method two_methods[] = { { .name = "A" } };
static const struct grpc_service one = { .name = "pkg.One",
                                         .methods = one_methods,
                                         .n_methods = 2 };
static const struct grpc_service two = { .name = "pkg.Two",
                                         .methods = two_methods,
                                         .n_methods = 1 };

static void paths_lead_where_the_table_says(void **state)
{
        static const struct {
                const char *path;
                enum grpc_route_result result;
                const struct grpc_method *method;
        } table[] = {
                { "/pkg.One/A", GRPC_ROUTE_FOUND, &one_methods[0] },
                { "/pkg.One/B", GRPC_ROUTE_FOUND, &one_methods[1] },
                { "/pkg.Two/A", GRPC_ROUTE_FOUND, &two_methods[0] },
                { "/pkg.Two/B", GRPC_ROUTE_NO_METHOD, NULL },
                { "/pkg.One/", GRPC_ROUTE_NO_METHOD, NULL },
                { "/pkg.one/A", GRPC_ROUTE_NO_SERVICE, NULL },
                { "/pkg.One/A/B", GRPC_ROUTE_NO_SERVICE, NULL },
                { "//A", GRPC_ROUTE_NO_SERVICE, NULL },
                { "/", GRPC_ROUTE_MALFORMED, NULL },
                { "", GRPC_ROUTE_MALFORMED, NULL },
                { "/x", GRPC_ROUTE_MALFORMED, NULL },
                { "pkg.One/A", GRPC_ROUTE_MALFORMED, NULL },
        };
        struct grpc_router r = { 0 };

        (void)state;
        grpc_router_add(&r, &one, &r);
        grpc_router_add(&r, &two, NULL);
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct grpc_target t = { NULL, NULL, NULL };

                assert_int_equal(grpc_router_find(&r, table[i].path, strlen(table[i].path), &t),
                                 table[i].result);
                assert_ptr_equal(t.method, table[i].method);
                assert_ptr_equal(t.service, i < 2 ? &one : i == 2 ? &two : NULL);
                assert_ptr_equal(t.ctx, i < 2 ? &r : NULL);
        }
        grpc_router_done(&r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(paths_lead_where_the_table_says),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
