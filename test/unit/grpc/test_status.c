/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/status.h"

#include "test.h"

static void codes_have_the_names_of_the_specification(void **state)
{
        (void)state;
        assert_string_equal(grpc_code_name(GRPC_OK), "OK");
        assert_string_equal(grpc_code_name(GRPC_UNIMPLEMENTED), "UNIMPLEMENTED");
        assert_string_equal(grpc_code_name(GRPC_UNAUTHENTICATED), "UNAUTHENTICATED");
        assert_string_equal(grpc_code_name((enum grpc_code)99), "UNKNOWN");
}

static void kinds_survive_the_way_through_a_code(void **state)
{
        static const enum err_kind kept[] = { ERR_NOT_FOUND,   ERR_EXISTS,      ERR_USAGE,
                                              ERR_STATE,       ERR_LIMIT,       ERR_PERMISSION,
                                              ERR_UNSUPPORTED, ERR_TIMEOUT,     ERR_CANCELLED,
                                              ERR_INTERNAL,    ERR_UNAVAILABLE, ERR_BUSY };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(kept); i++)
                assert_int_equal(grpc_code_to_err(grpc_code_from_err(kept[i])), kept[i]);
        assert_int_equal(grpc_code_from_err(ERR_AMBIGUOUS), GRPC_INVALID_ARGUMENT);
        assert_int_equal(grpc_code_from_err((enum err_kind)99), GRPC_UNKNOWN);
        assert_int_equal(grpc_code_to_err((enum grpc_code)99), ERR_INTERNAL);
}

static const struct {
        const char *text, *encoded;
} messages[] = {
        { "", "" },
        { "plain text ~", "plain text ~" },
        { "100%", "100%25" },
        { "a\nb\x7f", "a%0Ab%7F" },
        { "\xc3\xa9", "%C3%A9" },
        { "\xf0\x9f\x90\xa2", "%F0%9F%90%A2" },
};

static void messages_are_percent_encoded_and_back(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
                AUTO(buf_done) struct buf out = BUF_NULL(100), back = BUF_NULL(100);

                grpc_message_encode(messages[i].text, &out);
                assert_string_equal(buf_str(&out), messages[i].encoded);
                grpc_message_decode(buf_str(&out), out.len, &back);
                assert_string_equal(buf_str(&back), messages[i].text);
        }
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
        AUTO(buf_done) struct buf out = BUF_NULL(100);

        (void)state;
        grpc_message_encode("a\xff\xc3", &out);
        assert_string_equal(buf_str(&out), "a%EF%BF%BD%EF%BF%BD");
}

static void full_buffer_never_holds_half_a_character(void **state)
{
        (void)state;
        for (size_t max = 0; max < 12; max++) {
                AUTO(buf_done) struct buf out = BUF_NULL(max);

                grpc_message_encode("\xc3\xa9\xc3\xa9", &out);
                assert_int_equal(out.len, max / 6 * 6);
        }
}

static void decoding_takes_what_others_get_wrong(void **state)
{
        static const char *const table[][2] = {
                { "%", "%" },     { "%4", "%4" },           { "%zz", "%zz" },
                { "%41%", "A%" }, { "%c3%A9", "\xc3\xa9" }, { "%00x", "?x" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                AUTO(buf_done) struct buf out = BUF_NULL(100);

                grpc_message_decode(table[i][0], strlen(table[i][0]), &out);
                assert_string_equal(buf_str(&out), table[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(codes_have_the_names_of_the_specification),
                cmocka_unit_test(kinds_survive_the_way_through_a_code),
                cmocka_unit_test(messages_are_percent_encoded_and_back),
                cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
                cmocka_unit_test(full_buffer_never_holds_half_a_character),
                cmocka_unit_test(decoding_takes_what_others_get_wrong),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
