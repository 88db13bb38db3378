/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/json.h"
#include "grpc/wire_check.h"
#include "sample.pb-c.h"
#include "test.h"
#include "util/json.h"

static int decode(const char *text, ProtobufCMessage **ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        struct err parse;

        assert_ok(json_parse(text, strlen(text), 1u << 24, &o, &parse), &parse);
        return grpc_json_decode(&sample__sample__descriptor, o, ret, e);
}

/* What is decoded from @text prints as @want. */
static void expect(const char *text, const char *want)
{
        AUTO(grpc_message_freep) ProtobufCMessage *m = NULL;
        AUTO_JSON struct json_object *o = NULL;
        AUTO(buf_done) struct buf out = BUF_NULL(100000);
        struct err e;

        assert_ok(decode(text, &m, &e), &e);
        assert_ok(grpc_json_encode(m, false, &o, &e), &e);
        assert_int_equal(json_print(o, false, &out), 0);
        assert_string_equal(buf_str(&out), want);
}

static void every_type_comes_back_as_it_was(void **state)
{
        static const char all[] =
                "{\"i32\":-2147483648,\"s32\":-1,\"u32\":4294967295,\"f32\":4000000000,\"sf32\":-5,"
                "\"i64\":\"-9223372036854775808\",\"s64\":\"-7\",\"u64\":\"18446744073709551615\","
                "\"f64\":\"9\",\"sf64\":\"-10\",\"single\":1.5,\"real\":-0.25,\"flag\":true,"
                "\"text\":\"caf\xc3\xa9\",\"data\":\"AAEC\",\"color\":\"COLOR_DEEP_BLUE\","
                "\"child\":{\"child\":{\"i32\":1}},\"numbers\":[1,-2],\"texts\":[\"a\",\"\"],"
                "\"children\":[{\"i32\":1},{}],\"colors\":[\"COLOR_RED\",99],"
                "\"reals\":[\"NaN\",\"Infinity\",\"-Infinity\",2.5],\"rightSide\":0,"
                "\"snakeCaseName\":\"s\",\"Capital\":\"C\",\"blobs\":[\"Zg==\",\"\"],"
                "\"flags\":[true,false],\"words\":[1,4294967295],\"plain\":{\"b\":\"x\"}}";

        (void)state;
        expect(all, all);
        expect("{}", "{}");
}

static void other_spellings_are_taken(void **state)
{
        static const char *const table[][2] = {
                { "{\"snake_case_name\":\"s\"}", "{\"snakeCaseName\":\"s\"}" },
                { "{\"color\":7}", "{\"color\":\"COLOR_DEEP_BLUE\"}" },
                { "{\"i64\":5}", "{\"i64\":\"5\"}" },
                { "{\"u64\":18446744073709551615}", "{\"u64\":\"18446744073709551615\"}" },
                { "{\"i32\":\"5\"}", "{\"i32\":5}" },
                { "{\"i32\":5.0}", "{\"i32\":5}" },
                { "{\"u32\":1e3}", "{\"u32\":1000}" },
                { "{\"text\":null,\"child\":null,\"numbers\":null}", "{}" },
                { "{\"data\":\"-_8\"}", "{\"data\":\"+/8=\"}" },
                { "{\"real\":3}", "{\"real\":3.0}" },
                { "{\"child\":{}}", "{\"child\":{}}" },
                { "{\"leftSide\":\"\"}", "{\"leftSide\":\"\"}" },
                { "{\"numbers\":[]}", "{}" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++)
                expect(table[i][0], table[i][1]);
}

static void errors_name_the_path(void **state)
{
        static const char *const table[][2] = {
                { "[]", "expected an object (Sample), found array" },
                { "{\"nope\":1}", "Sample has no field \"nope\"" },
                { "{\"capital\":\"x\"}", "Sample has no field \"capital\"" },
                { "{\"child\":{\"nope\":1}}", "child: Sample has no field \"nope\"" },
                { "{\"children\":[{},{\"colors\":[1,\"RUNING\"]}]}",
                  "children[1].colors[1]: unknown value \"RUNING\" of Color" },
                { "{\"children\":{}}", "children: expected a list, found object" },
                { "{\"child\":3}", "child: expected an object (Sample), found int" },
                { "{\"text\":3}", "text: expected a string, found int" },
                { "{\"text\":\"a\\u0000b\"}", "text: NUL character in a string" },
                { "{\"flag\":1}", "flag: expected true or false, found int" },
                { "{\"i32\":2147483648}", "i32: 2147483648 is out of range" },
                { "{\"i32\":\"x\"}", "i32: \"x\" is no integer" },
                { "{\"i32\":1.5}", "i32: 1.5 is no integer of this size" },
                { "{\"i32\":true}", "i32: expected an integer, found boolean" },
                { "{\"u32\":-1}", "u32: -1 is out of range" },
                { "{\"u32\":4294967296}", "u32: 4294967296 is out of range" },
                { "{\"u64\":\"18446744073709551616\"}",
                  "u64: 18446744073709551616 is out of range" },
                { "{\"color\":true}", "color: expected an integer, found boolean" },
                { "{\"real\":\"x\"}", "real: \"x\" is no number" },
                { "{\"real\":[]}", "real: expected a number, found array" },
                { "{\"data\":\"!\"}", "data: not base64" },
                { "{\"texts\":[\"a\",null]}", "texts[1]: expected a string, found null" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                ProtobufCMessage *m = NULL;
                struct err e = { .text = "" };

                if (decode(table[i][0], &m, &e) == 0 || strcmp(e.text, table[i][1]) != 0)
                        fail_msg("%s: \"%s\"", table[i][0], e.text);
                assert_int_equal(e.kind, ERR_BAD_DATA);
                assert_null(m);
        }
}

static void message_over_the_limit_is_refused(void **state)
{
        size_t len = 5u * 1024 * 1024;
        AUTO_FREE char *text = malloc(len);
        ProtobufCMessage *m = NULL;
        struct err e;

        (void)state;
        assert_non_null(text);
        memset(text, 'x', len);
        memcpy(text, "{\"text\":\"", 9);
        memcpy(text + len - 3, "\"}", 3);
        assert_int_equal(decode(text, &m, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_type_comes_back_as_it_was),
                cmocka_unit_test(other_spellings_are_taken),
                cmocka_unit_test(errors_name_the_path),
                cmocka_unit_test(message_over_the_limit_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
