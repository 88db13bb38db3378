/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/guard.h"

#include "test.h"

static void resets_are_allowed_in_a_burst_and_at_a_rate(void **state)
{
        struct grpc_guard g;
        nsec now = 1000 * NSEC_PER_SEC;

        (void)state;
        grpc_guard_init(&g);
        for (int i = 0; i < GRPC_GUARD_RESETS; i++)
                assert_true(grpc_guard_reset(&g, now));
        assert_false(grpc_guard_reset(&g, now));
        now += 2 * NSEC_PER_SEC;
        for (int i = 0; i < 2 * GRPC_GUARD_RESET_RATE; i++)
                assert_true(grpc_guard_reset(&g, now));
        assert_false(grpc_guard_reset(&g, now));
        now += INT64_C(1000000000) * NSEC_PER_SEC; /* never more than the burst */
        for (int i = 0; i < GRPC_GUARD_RESETS; i++)
                assert_true(grpc_guard_reset(&g, now));
        assert_false(grpc_guard_reset(&g, now));
}

static void skipped_stream_ids_cannot_be_used_later(void **state)
{
        struct grpc_guard g;

        (void)state;
        grpc_guard_init(&g);
        assert_true(grpc_guard_stream(&g, 1));
        assert_true(grpc_guard_stream(&g, 3));
        assert_true(grpc_guard_stream(&g, 9));
        assert_false(grpc_guard_stream(&g, 5));
        assert_false(grpc_guard_stream(&g, 7));
        /* Late frames of streams that were used: trailers, perhaps. */
        assert_true(grpc_guard_stream(&g, 1));
        assert_true(grpc_guard_stream(&g, 3));
        assert_true(grpc_guard_stream(&g, 9));
        assert_true(grpc_guard_stream(&g, 11));
        assert_false(grpc_guard_stream(&g, 7));
}

static void first_stream_may_have_any_id(void **state)
{
        struct grpc_guard g;

        (void)state;
        grpc_guard_init(&g);
        assert_true(grpc_guard_stream(&g, INT32_MAX));
        assert_true(grpc_guard_stream(&g, INT32_MAX));
        assert_false(grpc_guard_stream(&g, 1));
        assert_false(grpc_guard_stream(&g, INT32_MAX - 2));
}

static void of_many_gaps_the_latest_are_known(void **state)
{
        struct grpc_guard g;

        (void)state;
        grpc_guard_init(&g);
        for (int32_t id = 3; id < 403; id += 4)
                assert_true(grpc_guard_stream(&g, id));
        for (int32_t i = 0; i < GRPC_GUARD_GAPS; i++)
                assert_false(grpc_guard_stream(&g, 397 - 4 * i));
        assert_true(grpc_guard_stream(&g, 1)); /* forgotten: never a false alarm */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(resets_are_allowed_in_a_burst_and_at_a_rate),
                cmocka_unit_test(skipped_stream_ids_cannot_be_used_later),
                cmocka_unit_test(first_stream_may_have_any_id),
                cmocka_unit_test(of_many_gaps_the_latest_are_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
