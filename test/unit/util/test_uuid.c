/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>

#include "util/uuid.h"

static void generated_ones_are_valid_version_4_and_differ(void **state)
{
        struct uuid a, b;

        (void)state;
        uuid_generate(&a);
        uuid_generate(&b);
        assert_true(uuid_is_valid(a.text));
        assert_int_equal(a.text[14], '4');
        assert_non_null(strchr("89ab", a.text[19]));
        assert_string_not_equal(a.text, b.text);
}

static void only_the_canonical_form_is_valid(void **state)
{
        static const char *const bad[] = {
                "",
                "x",
                "7C9241C7-a91b-4feb-8a1b-ccc6e9796030",
                "7c9241c7a91b4feb8a1bccc6e9796030",
                "7c9241c7-a91b-4feb-8a1b-ccc6e979603",
                "7c9241c7-a91b-4feb-8a1b-ccc6e97960300",
                "..",
        };

        (void)state;
        assert_true(uuid_is_valid("7c9241c7-a91b-4feb-8a1b-ccc6e9796030"));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(uuid_is_valid(bad[i]));
}

static void prefixes_are_lower_cased_and_checked(void **state)
{
        struct uuid u;

        (void)state;
        assert_int_equal(uuid_prefix_normalize("7C92", &u), 0);
        assert_string_equal(u.text, "7c92");
        assert_int_equal(uuid_prefix_normalize("", &u), -EINVAL);
        assert_int_equal(uuid_prefix_normalize("web", &u), -EINVAL);
        assert_int_equal(uuid_prefix_normalize("7c9241c7-a91b-4feb-8a1b-ccc6e97960300", &u),
                         -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(generated_ones_are_valid_version_4_and_differ),
                cmocka_unit_test(only_the_canonical_form_is_valid),
                cmocka_unit_test(prefixes_are_lower_cased_and_checked),
        };
        return cmocka_run_group_tests_name("util/uuid", tests, NULL, NULL);
}
