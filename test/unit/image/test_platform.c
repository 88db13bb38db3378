/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "image/import/platform.h"

static struct platform of(const char *s)
{
        struct platform p;
        struct err e;

        assert_ok(platform_parse(s, &p, &e), &e);
        return p;
}

static void host_is_linux_with_an_architecture(void **state)
{
        struct platform p;
        (void)state;

        platform_host(&p);
        assert_string_equal(p.os, "linux");
        assert_true(p.arch[0] != 0);
}

static void two_or_three_fields_are_parsed(void **state)
{
        struct platform p = of("linux/arm/v7");
        (void)state;

        assert_string_equal(p.os, "linux");
        assert_string_equal(p.arch, "arm");
        assert_string_equal(p.variant, "v7");
        assert_string_equal(of("linux/amd64").variant, "");
}

static void other_forms_are_usage_errors(void **state)
{
        static const char *const bad[] = { "",
                                           "linux",
                                           "linux/",
                                           "/amd64",
                                           "a/b/c/d",
                                           "linux//v7",
                                           "linux/amd64/",
                                           "linux/0123456789012345678901234567890123456789" };
        (void)state;

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct platform p;
                struct err e;

                assert_int_equal(platform_parse(bad[i], &p, &e), -1);
                assert_int_equal(e.kind, ERR_USAGE);
                assert_non_null(strstr(e.text, "is not of the form os/arch[/variant]"));
        }
}

static void best_fit_wins(void **state)
{
        static const struct {
                const char *wanted, *arch, *better, *worse; /* variants */
        } rows[] = {
                { "linux/amd64", "amd64", "", "v1" },    { "linux/amd64/v3", "amd64", "v3", "" },
                { "linux/arm/v7", "arm", "v7", "v6" },   { "linux/arm/v7", "arm", "v6", "v5" },
                { "linux/arm64/v8", "arm64", "v8", "" }, { "linux/arm64", "arm64", "", "v8" },
                { "linux/arm/v7", "arm", "", "v6" },
        };
        (void)state;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct platform p = of(rows[i].wanted);
                int better = platform_score(&p, "linux", rows[i].arch, rows[i].better);
                int worse = platform_score(&p, "linux", rows[i].arch, rows[i].worse);

                assert_true(better > worse);
                assert_true(worse > 0);
        }
}

static void foreign_platforms_score_nothing(void **state)
{
        struct platform p = of("linux/arm/v6");
        (void)state;

        assert_int_equal(platform_score(&p, "linux", "arm", "v7"), 0);
        assert_int_equal(platform_score(&p, "linux", "arm64", "v6"), 0);
        assert_int_equal(platform_score(&p, "windows", "arm", "v6"), 0);
        assert_int_equal(platform_score(&p, NULL, NULL, NULL), 0);
        p = of("linux/amd64");
        assert_int_equal(platform_score(&p, "linux", "amd64", "v3"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(host_is_linux_with_an_architecture),
                cmocka_unit_test(two_or_three_fields_are_parsed),
                cmocka_unit_test(other_forms_are_usage_errors),
                cmocka_unit_test(best_fit_wins),
                cmocka_unit_test(foreign_platforms_score_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
