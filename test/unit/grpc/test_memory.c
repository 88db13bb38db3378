/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/memory.h"

#include "test.h"

static void what_is_held_is_counted_twice(void **state)
{
        struct grpc_memory m = { .max = 400 };
        struct grpc_account a = { .memory = &m }, b = { .memory = &m };
        size_t x = 0, y = 0;

        (void)state;
        assert_true(grpc_account_set(&a, &x, 60));
        assert_true(grpc_account_set(&b, &y, 50));
        assert_int_equal(m.used, 110);
        assert_true(grpc_account_set(&a, &x, 10));
        assert_int_equal(a.charged, 10);
        assert_int_equal(m.used, 60);
        assert_true(grpc_account_set(&a, &x, 0));
        assert_true(grpc_account_set(&b, &y, 0));
        assert_int_equal(m.used, 0);
}

static void one_client_has_a_quarter(void **state)
{
        struct grpc_memory m = { .max = 400 };
        struct grpc_account a = { .memory = &m };
        size_t x = 0, y = 0;

        (void)state;
        assert_true(grpc_account_set(&a, &x, 60));
        assert_false(grpc_account_set(&a, &y, 41));
        assert_int_equal(y, 0);
        assert_true(grpc_account_set(&a, &y, 40));
        assert_int_equal(m.used, 100);
}

static void all_clients_have_the_whole(void **state)
{
        struct grpc_memory m = { .max = 400, .used = 350 };
        struct grpc_account a = { .memory = &m };
        size_t x = 0;

        (void)state;
        assert_false(grpc_account_set(&a, &x, 51));
        assert_true(grpc_account_set(&a, &x, 50));
        m.max = 10; /* lowered: nothing more, but less is always fine */
        assert_false(grpc_account_set(&a, &x, 51));
        assert_true(grpc_account_set(&a, &x, 49));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_held_is_counted_twice),
                cmocka_unit_test(one_client_has_a_quarter),
                cmocka_unit_test(all_clients_have_the_whole),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
