/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>

#include "util/json.h"

static struct json_object *parsed(const char *text)
{
        struct json_object *o = NULL;
        struct err e;

        assert_ok(json_parse(text, strlen(text), 1 << 20, &o, &e), &e);
        return o;
}

static void broken_text_is_refused(void **state)
{
        static const char *const bad[] = { "", "{", "{}x", "{'a':1}", "[1,]", "nul", "{\"a\":01}",
                                           "\"\xff\"", "{\"a\" 1}", "NaN", "[-Infinity]",
                                           "\"a\nb\"",
                                           /* overlong, surrogate, past U+10FFFF, cut */
                                           "\"\xc0\x9b\"", "\"\xed\xa0\x80\"",
                                           "\"\xf4\x90\x80\x80\"", "\"\xc3\"" };
        struct json_object *o = NULL;
        struct err e;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                if (json_parse(bad[i], strlen(bad[i]), 100, &o, &e) == 0)
                        fail_msg("accepted: %s", bad[i]);
                assert_int_equal(e.kind, ERR_BAD_DATA);
                assert_null(o);
        }
}

static void bare_values_are_documents(void **state)
{
        static const char *const texts[] = { "null", "5", " true ", "\"a\"", "-1.5e3" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                AUTO_JSON struct json_object *o = NULL;
                struct err e;

                assert_ok(json_parse(texts[i], strlen(texts[i]), 100, &o, &e), &e);
        }
}

static void depth_and_size_are_bounded(void **state)
{
        AUTO_FREE char *deep = malloc(20001);
        struct json_object *o = NULL;
        struct err e;

        (void)state;
        memset(deep, '[', 10000);
        memset(deep + 10000, ']', 10000);
        deep[20000] = '\0';
        assert_int_equal(json_parse(deep, 20000, 1 << 20, &o, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_err(json_parse("[1]", 3, 2, &o, &e), &e, ERR_LIMIT,
                   "JSON of 3 bytes is over the limit of 2");
}

static void getters_name_the_member(void **state)
{
        AUTO_JSON struct json_object *o =
                parsed("{\"s\":\"x\",\"n\":5,\"z\":\"a\\u0000b\",\"nul\":null}");
        const char *s = "kept";
        int64_t n = 1;
        struct err e;

        (void)state;
        assert_ok(json_get_string(o, "s", &s, &e), &e);
        assert_string_equal(s, "x");
        assert_err(json_get_string(o, "gone", &s, &e), &e, ERR_BAD_DATA, "\"gone\" is missing");
        assert_err(json_get_string(o, "n", &s, &e), &e, ERR_BAD_DATA,
                   "\"n\" must be a string, found int");
        assert_err(json_get_string(o, "z", &s, &e), &e, ERR_BAD_DATA, "z holds a NUL character");
        assert_ok(json_get_string_opt(o, "nul", &s, &e), &e);
        assert_null(s);
        assert_err(json_get_int_opt(o, "n", 0, 4, &n, &e), &e, ERR_BAD_DATA,
                   "\"n\" is 5, outside 0 to 4");
        assert_int_equal(n, 1);
}

static void big_unsigned_numbers_survive(void **state)
{
        AUTO_JSON struct json_object *o = parsed("[18446744073709551615]");
        struct buf out = BUF_NULL(100);

        (void)state;
        assert_int_equal(json_print(o, false, &out), 0);
        assert_string_equal(buf_str(&out), "[18446744073709551615]");
        buf_done(&out);
}

static void printing_is_what_go_prints(void **state)
{
        AUTO_JSON struct json_object *o = parsed(
                "{\"a\":[1,\"<&>\\n\"],\"b\":{},\"c\":[],\"d\":null,\"e\":\"\xe2\x80\xa8/\"}");
        struct buf out = BUF_NULL(1000);

        (void)state;
        assert_int_equal(json_print(o, false, &out), 0);
        assert_string_equal(buf_str(&out), "{\"a\":[1,\"\\u003c\\u0026\\u003e\\n\"],\"b\":{},\"c\":"
                                           "[],\"d\":null,\"e\":\"\\u2028/\"}");
        buf_reset(&out);
        assert_int_equal(json_print(o, true, &out), 0);
        assert_string_equal(
                buf_str(&out),
                "{\n\t\"a\": [\n\t\t1,\n\t\t\"\\u003c\\u0026\\u003e\\n\"\n\t],\n\t\"b\": "
                "{},\n\t\"c\": [],\n\t\"d\": null,\n\t\"e\": \"\\u2028/\"\n}");
        buf_done(&out);
}

static void printing_stops_at_the_maximum(void **state)
{
        AUTO_JSON struct json_object *o = parsed("[\"aaaaaaaaaaaaaaaa\"]");
        struct buf out = BUF_NULL(10);

        (void)state;
        assert_int_equal(json_print(o, false, &out), -ENOBUFS);
        buf_done(&out);
}

static void printing_replaces_what_is_no_utf8(void **state)
{
        static const char text[] = "a\xff\xc3(\xe2\x82\xac\xed\xa0\x80\xf0\x9f\x98\x80\xe2\x82";
        AUTO_JSON struct json_object *o = json_object_new_string(text);
        AUTO_JSON struct json_object *again = NULL;
        struct buf out = BUF_NULL(200);
        struct err e;

        (void)state;
        assert_int_equal(json_print(o, false, &out), 0);
        assert_string_equal(buf_str(&out), "\"a\\ufffd\\ufffd(\xe2\x82\xac\\ufffd\\ufffd\\ufffd"
                                           "\xf0\x9f\x98\x80\\ufffd\\ufffd\"");
        assert_ok(json_parse(out.data, out.len, 200, &again, &e), &e);
        buf_done(&out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(broken_text_is_refused),
                cmocka_unit_test(bare_values_are_documents),
                cmocka_unit_test(depth_and_size_are_bounded),
                cmocka_unit_test(getters_name_the_member),
                cmocka_unit_test(big_unsigned_numbers_survive),
                cmocka_unit_test(printing_is_what_go_prints),
                cmocka_unit_test(printing_stops_at_the_maximum),
                cmocka_unit_test(printing_replaces_what_is_no_utf8),
        };
        return cmocka_run_group_tests_name("util/json", tests, NULL, NULL);
}
