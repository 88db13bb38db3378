/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/moment.h"

#define NOW (INT64_C(1795473389) * NSEC_PER_SEC + 5)

static void moments_are_times_and_spans_from_now(void **state)
{
        static const struct {
                const char *text;
                nsec want;
        } good[] = {
                { "2026-11-23T22:36:29.000000007Z", INT64_C(1795473389) * NSEC_PER_SEC + 7 },
                { "2026-11-23T23:36:29+01:00", INT64_C(1795473389) * NSEC_PER_SEC },
                { "1970-01-01T00:00:00Z", 1 },
                { "0", NOW },
                { "+0", NOW },
                { "1h30m", NOW - 5400 * NSEC_PER_SEC },
                { "250ms", NOW - 250 * NSEC_PER_MSEC },
                { "+10m", NOW + 600 * NSEC_PER_SEC },
                { "1000000h", 1 }, /* before there was time */
                { "+2000000h", NOW + 7200000000 * NSEC_PER_SEC },
                { "+2562047h", INT64_MAX },
        };
        struct err e;
        nsec t;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
                assert_ok(moment_parse(good[i].text, NOW, &t, &e), &e);
                assert_int_equal(t, good[i].want);
        }
}

static void other_words_are_refused(void **state)
{
        static const char *const bad[] = {
                "",           "yesterday",          "10", "+", "-10m", "+-1m", "++1m", "1m ", " 1m",
                "2026-11-23", "2026-11-23T22:36:29"
        };
        struct err e;
        nsec t = 42;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                assert_int_equal(moment_parse(bad[i], NOW, &t, &e), -1);
                assert_int_equal(e.kind, ERR_USAGE);
                assert_non_null(strstr(e.text, "is neither a time"));
        }
        assert_int_equal(t, 42);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(moments_are_times_and_spans_from_now),
                cmocka_unit_test(other_words_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
