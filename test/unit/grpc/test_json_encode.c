/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "grpc/json.h"
#include "sample.pb-c.h"
#include "test.h"
#include "util/json.h"

static void expect(const Sample__Sample *m, bool defaults, const char *want)
{
        AUTO(buf_done) struct buf text = BUF_NULL(100000);
        AUTO_JSON struct json_object *o = NULL;
        struct err e;

        assert_ok(grpc_json_encode(&m->base, defaults, &o, &e), &e);
        assert_int_equal(json_print(o, false, &text), 0);
        assert_string_equal(buf_str(&text), want);
}

static char *text(const char *s)
{
        return (char *)(uintptr_t)s; /* protobuf-c has no const strings */
}

static void names_are_those_of_protoc(void **state)
{
        static const char *const table[][2] = {
                { "id", "id" },
                { "gc_marked_at", "gcMarkedAt" },
                { "Key", "Key" },
                { "ipv4", "ipv4" },
                { "a_1b", "a1b" },
                { "_leading", "Leading" },
                { "trailing_", "trailing" },
                { "a__b", "aB" },
                { "already_Upper", "alreadyUpper" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                AUTO(buf_done) struct buf name = BUF_NULL(100);

                assert_int_equal(grpc_json_name(table[i][0], &name), 0);
                assert_string_equal(buf_str(&name), table[i][1]);
        }
}

static void defaults_are_left_out(void **state)
{
        Sample__Sample m = SAMPLE__SAMPLE__INIT;

        (void)state;
        expect(&m, false, "{}");
}

static void defaults_are_written_on_request(void **state)
{
        Sample__Sample m = SAMPLE__SAMPLE__INIT;

        (void)state;
        expect(&m, true,
               "{\"i32\":0,\"s32\":0,\"u32\":0,\"f32\":0,\"sf32\":0,\"i64\":\"0\",\"s64\":\"0\","
               "\"u64\":\"0\",\"f64\":\"0\",\"sf64\":\"0\",\"single\":0.0,\"real\":0.0,"
               "\"flag\":false,\"text\":\"\",\"data\":\"\",\"color\":\"COLOR_NONE\",\"numbers\":[],"
               "\"texts\":[],\"children\":[],\"colors\":[],\"reals\":[],\"snakeCaseName\":\"\","
               "\"Capital\":\"\",\"blobs\":[],\"flags\":[],\"words\":[]}");
}

static void every_scalar_type_has_its_form(void **state)
{
        Sample__Sample m = SAMPLE__SAMPLE__INIT;

        (void)state;
        m.i32 = INT32_MIN;
        m.s32 = -1;
        m.u32 = UINT32_MAX;
        m.f32 = 4000000000;
        m.sf32 = -5;
        m.i64 = INT64_MIN;
        m.s64 = -7;
        m.u64 = UINT64_MAX;
        m.f64 = 9;
        m.sf64 = -10;
        m.single = 1.5f;
        m.real = -0.25;
        m.flag = 1;
        m.text = text("caf\xc3\xa9 \"x\"");
        m.data = (ProtobufCBinaryData){ 3, (uint8_t *)text("\0\1\2") };
        m.color = SAMPLE__COLOR__COLOR_DEEP_BLUE;
        m.snake_case_name = text("s");
        m.capital = text("C");
        expect(&m, false,
               "{\"i32\":-2147483648,\"s32\":-1,\"u32\":4294967295,\"f32\":4000000000,\"sf32\":-5,"
               "\"i64\":\"-9223372036854775808\",\"s64\":\"-7\",\"u64\":\"18446744073709551615\","
               "\"f64\":\"9\",\"sf64\":\"-10\",\"single\":1.5,\"real\":-0.25,\"flag\":true,"
               "\"text\":\"caf\xc3\xa9 \\\"x\\\"\",\"data\":\"AAEC\",\"color\":\"COLOR_DEEP_BLUE\","
               "\"snakeCaseName\":\"s\",\"Capital\":\"C\"}");
}

static void lists_and_messages_nest(void **state)
{
        Sample__Sample m = SAMPLE__SAMPLE__INIT, child = SAMPLE__SAMPLE__INIT;
        Sample__Sample *children[] = { &child, &child };
        int32_t numbers[] = { 1, -2 };
        char *texts[] = { text("a"), text("") };
        Sample__Color colors[] = { SAMPLE__COLOR__COLOR_RED, (Sample__Color)99 };
        ProtobufCBinaryData blobs[] = { { 1, (uint8_t *)text("f") }, { 0, NULL } };
        protobuf_c_boolean flags[] = { 1, 0 };

        (void)state;
        child.i32 = 1;
        m.child = &child;
        m.n_children = 2;
        m.children = children;
        m.n_numbers = 2;
        m.numbers = numbers;
        m.n_texts = 2;
        m.texts = texts;
        m.n_colors = 2;
        m.colors = colors;
        m.n_blobs = 2;
        m.blobs = blobs;
        m.n_flags = 2;
        m.flags = flags;
        expect(&m, false,
               "{\"child\":{\"i32\":1},\"numbers\":[1,-2],\"texts\":[\"a\",\"\"],"
               "\"children\":[{\"i32\":1},{\"i32\":1}],\"colors\":[\"COLOR_RED\",99],"
               "\"blobs\":[\"Zg==\",\"\"],\"flags\":[true,false]}");
}

static void set_member_of_a_oneof_is_shown_even_when_zero(void **state)
{
        Sample__Sample m = SAMPLE__SAMPLE__INIT;

        (void)state;
        m.choice_case = SAMPLE__SAMPLE__CHOICE_RIGHT_SIDE;
        m.right_side = 0;
        expect(&m, false, "{\"rightSide\":0}");
        m.choice_case = SAMPLE__SAMPLE__CHOICE_LEFT_SIDE;
        m.left_side = text("l");
        expect(&m, false, "{\"leftSide\":\"l\"}");
}

static void numbers_json_does_not_have_are_strings(void **state)
{
        Sample__Sample m = SAMPLE__SAMPLE__INIT;
        double reals[] = { (double)NAN, (double)INFINITY, -(double)INFINITY };

        (void)state;
        m.n_reals = 3;
        m.reals = reals;
        expect(&m, false, "{\"reals\":[\"NaN\",\"Infinity\",\"-Infinity\"]}");
}

static void strings_that_are_not_utf8_are_refused(void **state)
{
        AUTO_JSON struct json_object *o = NULL;
        Sample__Sample m = SAMPLE__SAMPLE__INIT;
        struct err e;

        (void)state;
        m.text = text("\xff");
        assert_err(grpc_json_encode(&m.base, false, &o, &e), &e, ERR_BAD_DATA,
                   "text: string is not UTF-8");
        assert_null(o);
}

static void list_that_lies_about_its_length_is_refused(void **state)
{
        AUTO_JSON struct json_object *o = NULL;
        Sample__Sample m = SAMPLE__SAMPLE__INIT;
        struct err e;

        (void)state;
        m.n_numbers = 1;
        assert_err(grpc_json_encode(&m.base, false, &o, &e), &e, ERR_BAD_DATA,
                   "numbers: a list without elements");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_are_those_of_protoc),
                cmocka_unit_test(defaults_are_left_out),
                cmocka_unit_test(defaults_are_written_on_request),
                cmocka_unit_test(every_scalar_type_has_its_form),
                cmocka_unit_test(lists_and_messages_nest),
                cmocka_unit_test(set_member_of_a_oneof_is_shown_even_when_zero),
                cmocka_unit_test(numbers_json_does_not_have_are_strings),
                cmocka_unit_test(strings_that_are_not_utf8_are_refused),
                cmocka_unit_test(list_that_lies_about_its_length_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
