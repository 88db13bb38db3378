/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "supervisor/rules.h"

static const nsec grace = 10 * NSEC_PER_SEC;

static struct rules running(size_t n)
{
        struct rules r;

        rules_init(&r, n, grace);
        assert_int_equal(r.phase, RULES_STARTING);
        assert_int_equal(rules_started(&r), 0);
        assert_int_equal(r.phase, RULES_RUNNING);
        return r;
}

static void pod_ends_with_its_last_app(void **state)
{
        struct rules r = running(3);
        (void)state;

        assert_int_equal(rules_app_ended(&r, 0, 0, 1), 0);
        assert_int_equal(rules_app_ended(&r, 0, 0, 2), 0);
        assert_int_equal(r.phase, RULES_RUNNING);
        assert_int_equal(rules_app_ended(&r, 0, 0, 3), RULES_END);
        assert_int_equal(r.phase, RULES_ENDED);
        assert_int_equal(r.exit_code, 0);
}

static void first_failure_stops_the_pod_and_stays_its_status(void **state)
{
        struct rules r = running(3);
        (void)state;

        assert_int_equal(rules_app_ended(&r, 7, 0, 5), RULES_TERM);
        assert_int_equal(r.phase, RULES_STOPPING);
        assert_int_equal(r.deadline, 5 + grace);
        assert_int_equal(rules_app_ended(&r, 143, 15, 6), 0);
        assert_int_equal(rules_app_ended(&r, 1, 0, 7), RULES_END);
        assert_int_equal(r.exit_code, 7);
        assert_int_equal(r.signal, 0);
}

static void failure_of_the_last_app_needs_no_term(void **state)
{
        struct rules r = running(1);
        (void)state;

        assert_int_equal(rules_app_ended(&r, 137, 9, 1), RULES_END);
        assert_int_equal(r.exit_code, 137);
        assert_int_equal(r.signal, 9);
}

static void grace_period_ends_with_kill_once(void **state)
{
        struct rules r = running(1);
        (void)state;

        assert_int_equal(rules_tick(&r, INT64_MAX), 0);
        assert_int_equal(rules_stop(&r, false, -1, 100), RULES_TERM);
        assert_int_equal(rules_tick(&r, 100 + grace - 1), 0);
        assert_int_equal(rules_tick(&r, 100 + grace), RULES_KILL);
        assert_int_equal(rules_tick(&r, INT64_MAX), 0);
        assert_int_equal(rules_stop(&r, true, -1, 200), 0);
        assert_int_equal(rules_app_ended(&r, 137, 9, 300), RULES_END);
}

static void stopping_again_can_only_shorten_the_wait(void **state)
{
        struct rules r = running(1);
        (void)state;

        assert_int_equal(rules_stop(&r, false, 1000, 0), RULES_TERM);
        assert_int_equal(rules_stop(&r, false, 5000, 0), 0);
        assert_int_equal(r.deadline, 1000);
        assert_int_equal(rules_stop(&r, false, 100, 0), 0);
        assert_int_equal(r.deadline, 100);
        assert_int_equal(rules_stop(&r, false, 0, 0), RULES_KILL);
}

static void force_kills_at_once(void **state)
{
        struct rules r = running(2);
        (void)state;

        assert_int_equal(rules_stop(&r, true, -1, 0), RULES_KILL);
        assert_int_equal(rules_app_ended(&r, 137, 9, 1), 0);
        assert_int_equal(rules_app_ended(&r, 137, 9, 1), RULES_END);
        assert_int_equal(r.exit_code, 137);
}

static void graceful_end_after_stop_is_status_zero(void **state)
{
        struct rules r = running(1);
        (void)state;

        assert_int_equal(rules_stop(&r, false, -1, 0), RULES_TERM);
        assert_int_equal(rules_app_ended(&r, 0, 0, 1), RULES_END);
        assert_int_equal(r.exit_code, 0);
}

static void our_failure_is_254_unless_an_app_was_first(void **state)
{
        struct rules r;
        (void)state;

        rules_init(&r, 2, grace);
        assert_int_equal(rules_fail(&r), RULES_KILL);
        assert_int_equal(rules_fail(&r), 0);
        assert_int_equal(rules_started(&r), 0);
        assert_int_equal(r.phase, RULES_KILLING);
        assert_int_equal(rules_app_dropped(&r), 0);
        assert_int_equal(rules_app_ended(&r, 137, 9, 1), RULES_END);
        assert_int_equal(r.exit_code, RULES_OUR_FAILURE);

        r = running(2);
        (void)rules_app_ended(&r, 3, 0, 1);
        assert_int_equal(rules_fail(&r), RULES_KILL);
        assert_int_equal(r.exit_code, 3);
}

static void failure_before_there_are_apps_ends_at_once(void **state)
{
        struct rules r;
        (void)state;

        rules_init(&r, 0, grace);
        (void)rules_fail(&r);
        assert_int_equal(rules_app_dropped(&r), RULES_END);
        assert_int_equal(rules_app_dropped(&r), 0);
        assert_int_equal(rules_fail(&r), 0);
        assert_int_equal(rules_stop(&r, false, -1, 0), 0);
        assert_int_equal(r.exit_code, RULES_OUR_FAILURE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pod_ends_with_its_last_app),
                cmocka_unit_test(first_failure_stops_the_pod_and_stays_its_status),
                cmocka_unit_test(failure_of_the_last_app_needs_no_term),
                cmocka_unit_test(grace_period_ends_with_kill_once),
                cmocka_unit_test(stopping_again_can_only_shorten_the_wait),
                cmocka_unit_test(force_kills_at_once),
                cmocka_unit_test(graceful_end_after_stop_is_status_zero),
                cmocka_unit_test(our_failure_is_254_unless_an_app_was_first),
                cmocka_unit_test(failure_before_there_are_apps_ends_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
