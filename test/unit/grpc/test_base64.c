/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/base64.h"

#include "test.h"

/* RFC 4648 section 10, and bytes that use the end of the alphabet. */
static const char *const pairs[][2] = {
        { "", "" },
        { "f", "Zg==" },
        { "fo", "Zm8=" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" },
        { "\xfb\xff", "+/8=" },
};

static void test_vectors_go_both_ways(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
                AUTO(buf_done) struct buf text = BUF_NULL(100), data = BUF_NULL(100);

                assert_int_equal(base64_encode(pairs[i][0], strlen(pairs[i][0]), &text), 0);
                assert_string_equal(buf_str(&text), pairs[i][1]);
                assert_int_equal(base64_decode(pairs[i][1], strlen(pairs[i][1]), &data), 0);
                assert_string_equal(buf_str(&data), pairs[i][0]);
        }
}

static void url_alphabet_and_missing_padding_are_taken(void **state)
{
        AUTO(buf_done) struct buf data = BUF_NULL(100);

        (void)state;
        assert_int_equal(base64_decode("-_8", 3, &data), 0);
        assert_string_equal(buf_str(&data), "\xfb\xff");
}

static void everything_else_is_refused(void **state)
{
        static const char *const bad[] = { "Z",        "Zg=",   "Z===", "====",
                                           "Zg==Zg==", "Zm9v=", "Z g=", "Zm9\n" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                AUTO(buf_done) struct buf data = BUF_NULL(100);

                if (base64_decode(bad[i], strlen(bad[i]), &data) != -EINVAL)
                        fail_msg("\"%s\" was taken", bad[i]);
        }
}

static void full_buffer_is_reported(void **state)
{
        AUTO(buf_done) struct buf text = BUF_NULL(7), data = BUF_NULL(2);

        (void)state;
        assert_int_equal(base64_encode("abcd", 4, &text), -ENOBUFS);
        assert_int_equal(base64_decode("Zm9v", 4, &data), -ENOBUFS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vectors_go_both_ways),
                cmocka_unit_test(url_alphabet_and_missing_padding_are_taken),
                cmocka_unit_test(everything_else_is_refused),
                cmocka_unit_test(full_buffer_is_reported),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
