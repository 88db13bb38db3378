/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "logs/format.h"

#define T "2026-11-23T15:50:01.500000000Z"

static int parse(const char *s, struct logs_entry *ret)
{
        return logs_format_parse(s, strlen(s), ret);
}

static void prefix_is_forty_bytes_of_time_stream_and_tag(void **state)
{
        char text[LOGS_PREFIX_LEN + 1] = "";
        (void)state;

        logs_format_prefix(INT64_C(1795449001500000000), LOGS_STDOUT, text);
        assert_string_equal(text, T " stdout F ");
        logs_format_prefix(INT64_C(1795449001500000000), LOGS_STDERR, text);
        assert_string_equal(text, T " stderr F ");
        assert_int_equal(text[LOGS_PREFIX_TAG], 'F');
}

static void entry_is_parsed_back(void **state)
{
        struct logs_entry e;
        (void)state;

        assert_int_equal(parse(T " stderr P a b ", &e), 0);
        assert_int_equal(e.time, INT64_C(1795449001500000000));
        assert_int_equal(e.stream, LOGS_STDERR);
        assert_true(e.partial);
        assert_int_equal(e.len, 4);
        assert_memory_equal(e.text, "a b ", 4);
}

static void empty_text_extra_tags_and_other_zones_are_taken(void **state)
{
        struct logs_entry e;
        (void)state;

        assert_int_equal(parse(T " stdout F ", &e), 0);
        assert_int_equal(e.len, 0);
        assert_int_equal(parse(T " stdout F:x:y z", &e), 0);
        assert_false(e.partial);
        assert_int_equal(e.len, 1);
        assert_int_equal(parse("2026-11-23T16:50:01.5+01:00 stdout F z", &e), 0);
        assert_int_equal(e.time, INT64_C(1795449001500000000));
}

static void zeros_of_a_lost_block_are_skipped(void **state)
{
        static const char line[] = "\0\0\0" T " stdout F x";
        struct logs_entry e;
        (void)state;

        assert_int_equal(logs_format_parse(line, sizeof(line) - 1, &e), 0);
        assert_int_equal(e.len, 1);
}

static void anything_else_is_refused_and_leaves_ret(void **state)
{
        static const char *const bad[] = {
                "",
                " ",
                "x",
                T,
                T " stdout",
                T " stdout F",
                T " stdin F x",
                T " stdout X x",
                T " stdout FF x",
                T " stdout  x",
                T "  stdout F x",
                "2026-11-23 15:50:01 stdout F x",
                "9999-11-23T15:50:01Z stdout F x",
        };
        struct logs_entry e = { .len = 77 };
        (void)state;

        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(parse(bad[i], &e), -EINVAL);
        assert_int_equal(e.len, 77);
}

static void files_are_named_by_number(void **state)
{
        char name[NAME_MAX + 1];
        (void)state;

        assert_int_equal(logs_file_name("app", 0, name), 0);
        assert_string_equal(name, "app.log");
        assert_int_equal(logs_file_name("app", LOGS_FILES_MAX - 1, name), 0);
        assert_string_equal(name, "app.log.63");
        assert_int_equal(logs_file_name("app", LOGS_FILE_NEW, name), 0);
        assert_string_equal(name, "app.log.new");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(prefix_is_forty_bytes_of_time_stream_and_tag),
                cmocka_unit_test(entry_is_parsed_back),
                cmocka_unit_test(empty_text_extra_tags_and_other_zones_are_taken),
                cmocka_unit_test(zeros_of_a_lost_block_are_skipped),
                cmocka_unit_test(anything_else_is_refused_and_leaves_ret),
                cmocka_unit_test(files_are_named_by_number),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
