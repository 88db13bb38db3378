/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log_format.h"

#include <string.h>

#include "test.h"

#define FIELDS(...)                                                                                \
        .fields = (const struct log_field[]){ __VA_ARGS__ },                                       \
        .n_fields = sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field)

/* The line without its newline, which must be the only one. */
static const char *line(enum log_format format, const struct log_record *record)
{
        static char text[LOG_LINE_MAX];
        size_t n = log_format_line(format, record, text);

        assert_in_range(n, 1, LOG_LINE_MAX);
        assert_ptr_equal(memchr(text, '\n', n), text + n - 1);
        text[n - 1] = '\0';
        assert_int_equal(strlen(text), n - 1);
        return text;
}

static void levels_and_formats_have_names(void **state)
{
        enum log_level level = LOG_LEVEL_ERROR;
        enum log_format format = LOG_FORMAT_TEXT;

        (void)state;
        assert_int_equal(log_level_parse("debug", &level), 0);
        assert_int_equal(level, LOG_LEVEL_DEBUG);
        assert_int_equal(log_level_parse("verbose", &level), -EINVAL);
        assert_int_equal(log_format_parse("json", &format), 0);
        assert_int_equal(format, LOG_FORMAT_JSON);
        assert_int_equal(log_format_parse("", &format), -EINVAL);
        assert_int_equal(format, LOG_FORMAT_JSON);
}

static void text_ends_in_fields(void **state)
{
        struct log_record r = {
                .level = LOG_LEVEL_WARNING,
                .name = "carob-api",
                .message = "scan was slow",
                FIELDS(LOG_NUMBER("pods", -7), LOG_SECONDS("took", 1234567890),
                       LOG_TEXT("dir", "/var/lib/carob"), LOG_TEXT("none", NULL)),
        };

        (void)state;
        assert_string_equal(
                line(LOG_FORMAT_TEXT, &r),
                "carob-api: warning: scan was slow pods=-7 took=1.234567 dir=/var/lib/carob");
}

static void text_quotes_what_is_not_one_word(void **state)
{
        struct log_record r = {
                .level = LOG_LEVEL_INFO,
                .name = "n",
                .message = "m",
                FIELDS(LOG_TEXT("a", "two words"), LOG_TEXT("b", ""), LOG_TEXT("c", "x=y"),
                       LOG_TEXT("d", "q\"\\"), LOG_TEXT("e", "\033[31m\n\xc2\x9b\xff"),
                       LOG_TEXT("f", "\xc3\xa9")),
        };

        (void)state;
        assert_string_equal(line(LOG_FORMAT_TEXT, &r),
                            "n: m a=\"two words\" b=\"\" c=\"x=y\" d=\"q\\\"\\\\\" "
                            "e=\"\\x1b[31m\\x0a\\x9b\\xff\" f=\"\xc3\xa9\"");
}

static void text_has_a_time_only_on_request(void **state)
{
        struct log_record r = {
                .time = 1700000000 * NSEC_PER_SEC + 123456789,
                .timed = true,
                .level = LOG_LEVEL_INFO,
                .name = "n",
                .message = "call",
        };

        (void)state;
        assert_string_equal(line(LOG_FORMAT_TEXT, &r), "n: call time=2023-11-14T22:13:20.123456Z");
}

static void json_is_one_object(void **state)
{
        struct log_record r = {
                .time = 1700000000 * NSEC_PER_SEC,
                .level = LOG_LEVEL_ERROR,
                .name = "carob-api",
                .message = "no \"pod\"\n\xff\xc3\xa9",
                FIELDS(LOG_NUMBER("n", 5), LOG_SECONDS("took", -1500000), LOG_TEXT("dir", "a\tb\\"),
                       LOG_TEXT("none", NULL)),
        };

        (void)state;
        assert_string_equal(
                line(LOG_FORMAT_JSON, &r),
                "{\"time\":\"2023-11-14T22:13:20.000000Z\",\"level\":\"error\","
                "\"name\":\"carob-api\",\"msg\":\"no \\\"pod\\\"\\u000a\\ufffd\xc3\xa9\","
                "\"n\":5,\"took\":-0.001500,\"dir\":\"a\\u0009b\\\\\"}");
}

/* Every kind of sequence that is not UTF-8: cut, overlong, a surrogate, past U+10FFFF. */
static void json_is_utf8(void **state)
{
        struct log_record r = { .level = LOG_LEVEL_INFO, .name = "n", .message = "" };
        static const char *const bad[] = { "\x80",
                                           "\xc3",
                                           "\xc0\xaf",
                                           "\xe0\x9f\xbf",
                                           "\xed\xa0\x80",
                                           "\xf0\x8f\xbf\xbf",
                                           "\xf4\x90\x80\x80",
                                           "\xf5\x80\x80\x80",
                                           "\xe2\x82" };
        static const char *const good[] = { "\xc2\xa0", "\xe2\x82\xac", "\xed\x9f\xbf",
                                            "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                const char *text;

                r.message = bad[i];
                text = line(LOG_FORMAT_JSON, &r);
                assert_non_null(strstr(text, "\\ufffd\""));
                for (const char *c = text; *c; c++)
                        assert_in_range((unsigned char)*c, 0x20, 0x7e);
        }
        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
                r.message = good[i];
                assert_non_null(strstr(line(LOG_FORMAT_JSON, &r), good[i]));
        }
}

static void what_does_not_fit_is_cut_and_the_line_stays_whole(void **state)
{
        char many[LOG_LINE_MAX + 100];
        struct log_record r = {
                .level = LOG_LEVEL_INFO, .name = "n", .message = many, FIELDS(LOG_TEXT("k", "v"))
        };
        const char *text;

        (void)state;
        memset(many, '\x01', sizeof(many) - 1);
        many[sizeof(many) - 1] = '\0';
        for (size_t cut = 0; cut < 12; cut++) { /* wherever an escape meets the end */
                r.message = many + cut;
                many[cut] = cut % 2 ? 'x' : '"';
                text = line(LOG_FORMAT_JSON, &r);
                assert_in_range(strlen(text), LOG_LINE_MAX - 16, LOG_LINE_MAX - 1);
                assert_string_equal(text + strlen(text) - 2, "\"}");
        }
        assert_int_equal(strlen(line(LOG_FORMAT_TEXT, &r)), LOG_LINE_MAX - 1);
        /* A field is there or is not; a long one is cut to its own limit first. */
        r.message = "m";
        r.fields = (const struct log_field[]){ LOG_TEXT("long", many + 20), LOG_TEXT("k", "v") };
        r.n_fields = 2;
        text = line(LOG_FORMAT_TEXT, &r);
        assert_int_equal(strlen(text), strlen("n: m long=\"\" k=v") + 4 * LOG_FIELD_MAX);
        assert_string_equal(text + strlen(text) - 6, "1\" k=v");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(levels_and_formats_have_names),
                cmocka_unit_test(text_ends_in_fields),
                cmocka_unit_test(text_quotes_what_is_not_one_word),
                cmocka_unit_test(text_has_a_time_only_on_request),
                cmocka_unit_test(json_is_one_object),
                cmocka_unit_test(json_is_utf8),
                cmocka_unit_test(what_does_not_fit_is_cut_and_the_line_stays_whole),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
