/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/request_time.h"

static void seconds_become_nanoseconds(void **state)
{
        struct err e;
        nsec t;

        (void)state;
        assert_ok(request_time("since_time", 0, &t, &e), &e);
        assert_int_equal(t, 0);
        assert_ok(request_time("since_time", 12, &t, &e), &e);
        assert_int_equal(t, 12 * NSEC_PER_SEC);
}

static void what_is_too_late_is_the_end_of_time(void **state)
{
        struct err e;
        nsec t;

        (void)state;
        assert_ok(request_time("until_time", INT64_MAX / NSEC_PER_SEC, &t, &e), &e);
        assert_int_equal(t, INT64_MAX / NSEC_PER_SEC * NSEC_PER_SEC);
        assert_ok(request_time("until_time", INT64_MAX / NSEC_PER_SEC + 1, &t, &e), &e);
        assert_true(t == INT64_MAX);
        assert_ok(request_time("until_time", INT64_MAX, &t, &e), &e);
        assert_true(t == INT64_MAX);
}

static void negative_times_are_refused_by_name(void **state)
{
        struct err e;
        nsec t = 7;

        (void)state;
        assert_err(request_time("since_time", -1, &t, &e), &e, ERR_USAGE,
                   "since_time: -1 is negative");
        assert_err(request_time("until_time", INT64_MIN, &t, &e), &e, ERR_USAGE,
                   "until_time: -9223372036854775808 is negative");
        assert_int_equal(t, 7);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(seconds_become_nanoseconds),
                cmocka_unit_test(what_is_too_late_is_the_end_of_time),
                cmocka_unit_test(negative_times_are_refused_by_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
