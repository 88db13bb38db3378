/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/service.h"
#include "v1alpha/api.pb-c.h"

static void the_table_serves_the_whole_contract(void **state)
{
        const ProtobufCServiceDescriptor *contract = &v1alpha__public_api__descriptor;

        (void)state;
        assert_string_equal(service_public_api.name, contract->name);
        assert_int_equal(service_public_api.n_methods, contract->n_methods);
        for (size_t i = 0; i < contract->n_methods; i++) {
                const struct grpc_method *ours = &service_public_api.methods[i];

                assert_string_equal(ours->name, contract->methods[i].name);
                assert_ptr_equal(ours->input, contract->methods[i].input);
                assert_non_null(ours->handler);
                assert_false(ours->client_streaming);
        }
}

static void only_events_and_logs_are_streams(void **state)
{
        (void)state;
        for (size_t i = 0; i < service_public_api.n_methods; i++) {
                const struct grpc_method *m = &service_public_api.methods[i];

                assert_int_equal(m->server_streaming,
                                 m->handler == svc_listen_events || m->handler == svc_get_logs);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_table_serves_the_whole_contract),
                cmocka_unit_test(only_events_and_logs_are_streams),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
