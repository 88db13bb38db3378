/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "util/utf8.h"

static void characters_have_their_length(void **state)
{
        (void)state;
        assert_int_equal(utf8_length("a", 1), 1);
        assert_int_equal(utf8_length("\0", 1), 1);
        assert_int_equal(utf8_length("\xc3\xa9", 2), 2);
        assert_int_equal(utf8_length("\xe2\x82\xac", 3), 3);
        assert_int_equal(utf8_length("\xf4\x8f\xbf\xbf", 4), 4);
}

static void what_is_none_has_no_length(void **state)
{
        static const char *const bad[] = { "\x80",
                                           "\xc0\x80",
                                           "\xc3",
                                           "\xe0\x80\x80",
                                           "\xed\xa0\x80",
                                           "\xf0\x80\x80\x80",
                                           "\xf4\x90\x80\x80",
                                           "\xff" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(utf8_length(bad[i], strlen(bad[i])), 0);
        assert_int_equal(utf8_length("\xe2\x82\xac", 2), 0);
}

static void a_cut_is_between_characters(void **state)
{
        (void)state;
        assert_int_equal(utf8_cut("abc", 3, 3), 3);
        assert_int_equal(utf8_cut("abc", 3, 2), 2);
        assert_int_equal(utf8_cut("a\xe2\x82\xac", 4, 3), 1);
        assert_int_equal(utf8_cut("a\xe2\x82\xac", 4, 2), 1);
        assert_int_equal(utf8_cut("a\xe2\x82\xac", 4, 4), 4);
        assert_int_equal(utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
        assert_int_equal(utf8_cut("abc", 3, 0), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(characters_have_their_length),
                cmocka_unit_test(what_is_none_has_no_length),
                cmocka_unit_test(a_cut_is_between_characters),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
