/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/utf8.h"

#include "test.h"

static const struct {
        const char *bytes;
        size_t len; /* of the first character; 0: none */
} characters[] = {
        { "a", 1 },
        { "\xc2\x80", 2 },
        { "\xdf\xbf", 2 },
        { "\xe0\xa0\x80", 3 },
        { "\xed\x9f\xbf", 3 },
        { "\xef\xbf\xbf", 3 },
        { "\xf0\x90\x80\x80", 4 },
        { "\xf4\x8f\xbf\xbf", 4 },
        { "\x80", 0 },     /* a tail without a head */
        { "\xc0\xaf", 0 }, /* overlong */
        { "\xc1\xbf", 0 },
        { "\xe0\x9f\xbf", 0 },
        { "\xf0\x8f\xbf\xbf", 0 },
        { "\xed\xa0\x80", 0 },     /* surrogate */
        { "\xf4\x90\x80\x80", 0 }, /* past U+10FFFF */
        { "\xf5\x80\x80\x80", 0 },
        { "\xff", 0 },
        { "\xc3", 0 }, /* cut */
        { "\xe2\x82", 0 },
        { "\xf0\x9f\x90", 0 },
        { "\xc3x", 0 },
        { "\xe2\x82x", 0 },
        { "\xf0\x9f\x90x", 0 },
};

static void characters_are_those_of_rfc_3629(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(characters); i++) {
                const uint8_t *p = (const uint8_t *)characters[i].bytes;
                size_t n = strlen(characters[i].bytes);

                assert_int_equal(grpc_utf8_char(p, n), characters[i].len);
                assert_int_equal(grpc_utf8_valid(p, n), characters[i].len == n);
        }
        assert_int_equal(grpc_utf8_char((const uint8_t *)"", 0), 0);
}

static void error_is_found_at_every_place(void **state)
{
        (void)state;
        for (size_t i = 0; i < 40; i++) {
                uint8_t text[40];

                memset(text, 'a', sizeof(text));
                assert_true(grpc_utf8_valid(text, sizeof(text)));
                text[i] = 0x80;
                assert_false(grpc_utf8_valid(text, sizeof(text)));
        }
}

static void clean_replaces_only_what_is_wrong(void **state)
{
        AUTO_FREE char *same = grpc_utf8_clean("caf\xc3\xa9", 5);
        AUTO_FREE char *cut = grpc_utf8_clean("caf\xc3", 4);
        AUTO_FREE char *nul = grpc_utf8_clean("a\0b", 3);
        AUTO_FREE char *nothing = grpc_utf8_clean("", 0);

        (void)state;
        assert_string_equal(same, "caf\xc3\xa9");
        assert_string_equal(cut, "caf\xef\xbf\xbd");
        assert_string_equal(nul, "a\xef\xbf\xbd"
                                 "b");
        assert_string_equal(nothing, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(characters_are_those_of_rfc_3629),
                cmocka_unit_test(error_is_found_at_every_place),
                cmocka_unit_test(clean_replaces_only_what_is_wrong),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
