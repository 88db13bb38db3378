/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>

#include "util/time.h"

/* 2026-11-23 15:50:01.5 UTC */
#define SAMPLE (INT64_C(1795449001) * NSEC_PER_SEC + 500 * NSEC_PER_MSEC)

static void set_zone(const char *tz)
{
        assert_int_equal(setenv("TZ", tz, 1), 0);
        tzset();
}

static void go_format_trims_the_fraction(void **state)
{
        char s[TIME_TEXT_MAX];

        (void)state;
        set_zone("UTC");
        time_format_go(SAMPLE, 1, s);
        assert_string_equal(s, "2026-11-23 15:50:01.5 +0000 UTC");
        time_format_go(SAMPLE - 500 * NSEC_PER_MSEC, 1, s);
        assert_string_equal(s, "2026-11-23 15:50:01 +0000 UTC");
        time_format_go(SAMPLE + 123456, NSEC_PER_MSEC, s);
        assert_string_equal(s, "2026-11-23 15:50:01.5 +0000 UTC");
        time_format_go(SAMPLE + 123456, NSEC_PER_USEC, s);
        assert_string_equal(s, "2026-11-23 15:50:01.500123 +0000 UTC");
}

static void go_format_knows_zones_with_and_without_a_name(void **state)
{
        char s[TIME_TEXT_MAX];

        (void)state;
        set_zone("CET-1");
        time_format_go(SAMPLE, 1, s);
        assert_string_equal(s, "2026-11-23 16:50:01.5 +0100 CET");
        set_zone("<+03>-3");
        time_format_go(SAMPLE, 1, s);
        assert_string_equal(s, "2026-11-23 18:50:01.5 +0300 +03");
        set_zone("UTC");
}

static void go_format_of_many_times_is_the_same(void **state)
{
        static const nsec steps[] = { 0,
                                      1,
                                      999,
                                      1000,
                                      123456,
                                      500 * NSEC_PER_MSEC,
                                      NSEC_PER_SEC - 1,
                                      NSEC_PER_SEC,
                                      3600 * NSEC_PER_SEC };
        static const nsec units[] = { 1, NSEC_PER_USEC, NSEC_PER_MSEC };
        /* Before the epoch, and around both changes of the clocks of 2026. */
        static const nsec from[] = { -5 * NSEC_PER_SEC, 1774745999 * NSEC_PER_SEC,
                                     1792889999 * NSEC_PER_SEC };
        char one[TIME_TEXT_MAX], many[TIME_TEXT_MAX];
        struct time_go g = { 0 };

        (void)state;
        set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
        for (size_t i = 0; i < ARRAY_LEN(from) * 1000; i++) {
                nsec t = from[i / 1000] + (nsec)(i % 1000) * steps[i % ARRAY_LEN(steps)];

                time_format_go(t, units[i % ARRAY_LEN(units)], one);
                time_format_go_next(&g, t, units[i % ARRAY_LEN(units)], many);
                assert_string_equal(many, one);
        }
        set_zone("UTC");
}

static void rfc3339_round_trip(void **state)
{
        static const nsec samples[] = { 0, SAMPLE, SAMPLE + 1, 951782400 * NSEC_PER_SEC,
                                        INT64_C(9183110400) * NSEC_PER_SEC };
        char s[TIME_TEXT_MAX];
        nsec back;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
                time_format_rfc3339(samples[i], s);
                assert_int_equal(strlen(s), 30);
                assert_int_equal(time_parse_rfc3339(s, strlen(s), &back), 0);
                assert_true(back == samples[i]);
        }
        time_format_rfc3339(SAMPLE, s);
        assert_string_equal(s, "2026-11-23T15:50:01.500000000Z");
}

static void rfc3339_is_strict(void **state)
{
        static const char *const bad[] = {
                "",
                "2026",
                "2026-11-23",
                "2026-11-23T15:50:01",
                "2026-11-23 15:50:01Z",
                "2026-13-23T15:50:01Z",
                "2026-11-32T15:50:01Z",
                "2026-11-23T24:50:01Z",
                "2026-11-23T15:50:01.Z",
                "2026-11-23T15:50:01Zx",
                "1969-11-23T15:50:01Z",
                "2262-11-23T15:50:01Z",
                "2026-11-23T15:50:01+2500",
        };
        nsec t = 42;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(time_parse_rfc3339(bad[i], strlen(bad[i]), &t), -EINVAL);
        assert_true(t == 42);
        assert_int_equal(time_parse_rfc3339("2026-11-23T17:50:01.5+02:00", 27, &t), 0);
        assert_true(t == SAMPLE);
}

static void durations(void **state)
{
        nsec t;

        (void)state;
        assert_int_equal(time_parse_duration("1h30m", &t), 0);
        assert_true(t == 5400 * NSEC_PER_SEC);
        assert_int_equal(time_parse_duration("500ms", &t), 0);
        assert_true(t == 500 * NSEC_PER_MSEC);
        assert_int_equal(time_parse_duration("1.5s", &t), 0);
        assert_true(t == 1500 * NSEC_PER_MSEC);
        assert_int_equal(time_parse_duration("0.5h", &t), 0);
        assert_true(t == 1800 * NSEC_PER_SEC);
        assert_int_equal(time_parse_duration("0", &t), 0);
        assert_true(t == 0);
        assert_int_equal(time_parse_duration("30", &t), -EINVAL);
        assert_int_equal(time_parse_duration("", &t), -EINVAL);
        assert_int_equal(time_parse_duration("-1s", &t), -EINVAL);
        assert_int_equal(time_parse_duration("1parsec", &t), -EINVAL);
        assert_int_equal(time_parse_duration("99999999999h", &t), -ERANGE);
}

static void ages_in_words(void **state)
{
        char s[TIME_TEXT_MAX];

        (void)state;
        time_format_ago(SAMPLE, SAMPLE + 12 * 60 * NSEC_PER_SEC, s);
        assert_string_equal(s, "12 minutes ago");
        time_format_ago(SAMPLE, SAMPLE + NSEC_PER_SEC, s);
        assert_string_equal(s, "1 second ago");
        time_format_ago(SAMPLE, SAMPLE, s);
        assert_string_equal(s, "now");
        time_format_ago(SAMPLE, SAMPLE - 90 * NSEC_PER_SEC, s);
        assert_string_equal(s, "1 minute from now");
        time_format_ago(0, SAMPLE, s);
        assert_string_equal(s, "a long while ago");
}

static void the_coarse_clock_is_not_ahead(void **state)
{
        nsec coarse, fine;

        (void)state;
        coarse = time_now_coarse();
        fine = time_now();
        assert_true(coarse <= fine);
        assert_true(fine - coarse < 10 * NSEC_PER_SEC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(go_format_trims_the_fraction),
                cmocka_unit_test(go_format_knows_zones_with_and_without_a_name),
                cmocka_unit_test(go_format_of_many_times_is_the_same),
                cmocka_unit_test(rfc3339_round_trip),
                cmocka_unit_test(rfc3339_is_strict),
                cmocka_unit_test(durations),
                cmocka_unit_test(ages_in_words),
                cmocka_unit_test(the_coarse_clock_is_not_ahead),
        };
        return cmocka_run_group_tests_name("util/time", tests, NULL, NULL);
}
