/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>

#include "util/parse.h"

static void integers_are_whole_strings_in_range(void **state)
{
        int64_t v = 7;
        uint64_t u = 7;

        (void)state;
        assert_int_equal(parse_i64("-12", -20, 20, &v), 0);
        assert_int_equal(v, -12);
        static const char *const bad[] = { "", " 1", "1 ", "0x10", "+1", "1.0", "--1", "-", "1e3" };
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(parse_i64(bad[i], INT64_MIN, INT64_MAX, &v), -EINVAL);
        assert_int_equal(parse_i64("21", -20, 20, &v), -ERANGE);
        assert_int_equal(parse_i64("99999999999999999999", INT64_MIN, INT64_MAX, &v), -ERANGE);
        assert_int_equal(v, -12);
        assert_int_equal(parse_u64("18446744073709551615", 0, UINT64_MAX, &u), 0);
        assert_true(u == UINT64_MAX);
        assert_int_equal(parse_u64("-1", 0, UINT64_MAX, &u), -EINVAL);
}

static void octal_modes(void **state)
{
        unsigned m;

        (void)state;
        assert_int_equal(parse_octal("0755", 07777, &m), 0);
        assert_int_equal(m, 0755);
        assert_int_equal(parse_octal("8", 07777, &m), -EINVAL);
        assert_int_equal(parse_octal("10000", 07777, &m), -ERANGE);
}

static void quantities(void **state)
{
        static const struct {
                const char *text;
                int64_t milli;
        } good[] = {
                { "1", 1000 },
                { "0", 0 },
                { "500m", 500 },
                { "1.5", 1500 },
                { "64Mi", 67108864000 },
                { "2k", 2000000 },
                { "1e3", 1000000 },
                { "1E3", 1000000 },
                { "0.1", 100 },
                { "1.0005", 1001 },
                { "1n", 1 },
                { "0.5Ki", 512000 },
                { "1e-3", 1 },
                { "1E", 0 },
        };
        static const char *const bad[] = { "",     "m",  ".",  "1x",   "1 M",
                                           "1ee3", "Mi", "1e", "1e99", "1mm" };
        int64_t v;

        (void)state;
        for (size_t i = 0; i + 1 < ARRAY_LEN(good); i++) {
                assert_int_equal(parse_quantity(good[i].text, &v), 0);
                assert_int_equal(v, good[i].milli);
        }
        assert_int_equal(parse_quantity("1E", &v), -ERANGE); /* 10^18, times 1000 */
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_true(parse_quantity(bad[i], &v) < 0);
        assert_int_equal(parse_quantity("-1", &v), -ERANGE);
        assert_int_equal(parse_quantity("99999999999999999999", &v), -ERANGE);
        assert_int_equal(parse_quantity("9999999999Ei", &v), -ERANGE);
        assert_int_equal(parse_quantity("9223372036854775807P", &v), -ERANGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(integers_are_whole_strings_in_range),
                cmocka_unit_test(octal_modes),
                cmocka_unit_test(quantities),
        };
        return cmocka_run_group_tests_name("util/parse", tests, NULL, NULL);
}
