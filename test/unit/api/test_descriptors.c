/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/descriptors.h"
#include "util/limits.h"

static void shares_leave_half_to_the_index_and_something_over(void **state)
{
        static const size_t limits[] = { 256, 1024, 4096, 20000, 524288, (size_t)1 << 40 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
                struct descriptors d = descriptors_split(limits[i]);

                assert_true(d.connections.max <= LIMIT_GRPC_CONNECTIONS);
                assert_true(d.connections.max + d.logs.max <= limits[i] / 8 * 3);
                assert_true(d.connections.used == 0 && d.logs.used == 0);
        }
        assert_int_equal(descriptors_split(1024).connections.max, 256);
        assert_int_equal(descriptors_split(1024).logs.max, 128);
        assert_int_equal(descriptors_split(524288).connections.max, LIMIT_GRPC_CONNECTIONS);
}

static void even_a_tiny_limit_has_something_for_each(void **state)
{
        struct descriptors d = descriptors_split(0);

        (void)state;
        assert_true(d.connections.max > 0 && d.logs.max > 0);
}

static void what_is_taken_is_missing_until_it_comes_back(void **state)
{
        struct descriptor_share share = { .max = 10 };

        (void)state;
        assert_true(descriptors_take(&share, 7));
        assert_false(descriptors_take(&share, 4));
        assert_false(descriptors_take(&share, (size_t)-1));
        assert_true(descriptors_take(&share, 3));
        assert_false(descriptors_take(&share, 1));
        descriptors_give_back(&share, 7);
        assert_true(descriptors_take(&share, 7));
        assert_int_equal(share.used, 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(shares_leave_half_to_the_index_and_something_over),
                cmocka_unit_test(even_a_tiny_limit_has_something_for_each),
                cmocka_unit_test(what_is_taken_is_missing_until_it_comes_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
