/* SPDX-License-Identifier: Apache-2.0 */
#include "appc/format.h"
#include "appc/names.h"
#include "test.h"

static void identifiers_follow_the_regular_expression(void **state)
{
        static const char *const good[] = { "a",           "0",       "coreos.com/etcd",
                                            "a-b.c_d~e/f", "x/y_z-1", "carob.io/x" };
        static const char *const bad[] = { "",    "-a", "a-",     "a--b",     "a//b", "A",
                                           "a b", "/a", "a/../b", "\xc3\xa4", "a:b" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_true(appc_identifier_is_valid(good[i]));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(appc_identifier_is_valid(bad[i]));
}

static void names_allow_only_the_dash(void **state)
{
        static const char *const bad[] = { "", "a.b", "a_b", "a/b", "-", "a-", "..", "a--b", "A" };
        char longest[257];

        (void)state;
        assert_true(appc_name_is_valid("web-1"));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(appc_name_is_valid(bad[i]));
        memset(longest, 'a', sizeof(longest));
        longest[255] = '\0';
        assert_true(appc_name_is_valid(longest));
        longest[255] = 'a';
        longest[256] = '\0';
        assert_false(appc_name_is_valid(longest));
}

static void an_endless_identifier_is_refused(void **state)
{
        char text[APPC_NAME_MAX + 2];

        (void)state;
        memset(text, 'a', sizeof(text));
        text[APPC_NAME_MAX] = '\0';
        assert_true(appc_identifier_is_valid(text));
        text[APPC_NAME_MAX] = 'a';
        text[APPC_NAME_MAX + 1] = '\0';
        assert_false(appc_identifier_is_valid(text));
}

static void environment_names_may_hold_dots_and_dashes(void **state)
{
        (void)state;
        assert_true(appc_env_name_is_valid("PATH"));
        assert_true(appc_env_name_is_valid("_a.b-c9"));
        assert_false(appc_env_name_is_valid(""));
        assert_false(appc_env_name_is_valid("9a"));
        assert_false(appc_env_name_is_valid("a=b"));
        assert_false(appc_env_name_is_valid("a b"));
}

static void image_ids_may_be_short_but_are_hex(void **state)
{
        (void)state;
        assert_true(appc_image_id_is_valid("sha512-a"));
        assert_true(appc_image_id_is_valid(
                "sha512-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
        assert_false(appc_image_id_is_valid("sha512-"));
        assert_false(appc_image_id_is_valid("sha512-ABC"));
        assert_false(appc_image_id_is_valid("sha256-abc"));
        assert_false(appc_image_id_is_valid("sha512-../x"));
}

static void sanitized_names_are_valid(void **state)
{
        static const struct {
                const char *in, *identifier, *name;
        } rows[] = {
                { "Foo Bar", "foo_bar", "foo-bar" },
                { "--a__b--", "a_b", "a-b" },
                { "quay.io:443/x", "quay.io_443/x", "quay-io-443-x" },
                { "volume/var/lib", "volume/var/lib", "volume-var-lib" },
                { "a//b", "a/b", "a-b" },
                { "\xc3\xa4x", "x", "x" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_FREE char *identifier = appc_identifier_sanitize(rows[i].in);
                AUTO_FREE char *name = appc_name_sanitize(rows[i].in);

                assert_string_equal(identifier, rows[i].identifier);
                assert_true(appc_identifier_is_valid(identifier));
                assert_string_equal(name, rows[i].name);
                assert_true(appc_name_is_valid(name));
        }
        assert_null(appc_identifier_sanitize("---"));
        assert_null(appc_name_sanitize(""));
}

static void formats_have_names(void **state)
{
        enum appc_base_format f;

        (void)state;
        assert_int_equal(appc_format_parse("docker", &f), 0);
        assert_int_equal(f, APPC_FORMAT_DOCKER);
        assert_int_equal(appc_format_parse("none", &f), -EINVAL);
        assert_string_equal(appc_format_name(APPC_FORMAT_OCI), "oci");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(identifiers_follow_the_regular_expression),
                cmocka_unit_test(names_allow_only_the_dash),
                cmocka_unit_test(an_endless_identifier_is_refused),
                cmocka_unit_test(environment_names_may_hold_dots_and_dashes),
                cmocka_unit_test(image_ids_may_be_short_but_are_hex),
                cmocka_unit_test(sanitized_names_are_valid),
                cmocka_unit_test(formats_have_names),
        };
        return cmocka_run_group_tests_name("appc/names", tests, NULL, NULL);
}
