/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "image/past.h"

#define ID "sha512-140375b2a2bd836559a7c978f36762b75b80a7665e5d922db055d1792d6a4182"

static int parse(const char *text, struct image_past *ret, struct err *e)
{
        return image_past_parse(text, strlen(text), ret, e);
}

static void a_line_is_read_back_as_it_was(void **state)
{
        AUTO(image_past_done) struct image_past p = IMAGE_PAST_NULL;
        AUTO(buf_done) struct buf b = BUF_NULL(4096);
        static const char line[] =
                "{\"id\":\"" ID "\",\"name\":\"a.b/c\",\"version\":\"1.0\",\"format\":\"docker\","
                "\"size\":123,\"imported_at\":5,\"removed_at\":7}";
        struct err e;

        (void)state;
        assert_ok(parse(line, &p, &e), &e);
        assert_string_equal(p.id, ID);
        assert_string_equal(p.name, "a.b/c");
        assert_string_equal(p.version, "1.0");
        assert_int_equal(p.format, APPC_FORMAT_DOCKER);
        assert_int_equal(p.size, 123);
        assert_int_equal(p.imported_at, 5);
        assert_int_equal(p.removed_at, 7);
        assert_int_equal(image_past_print(&p, &b), 0);
        assert_string_equal(buf_str(&b), line);
}

static void only_the_id_is_needed(void **state)
{
        AUTO(image_past_done) struct image_past p = IMAGE_PAST_NULL;
        AUTO(buf_done) struct buf b = BUF_NULL(4096);
        struct err e;

        (void)state;
        assert_ok(parse("{\"id\":\"" ID "\",\"new\":[1],\"format\":\"zip\",\"name\":\"\"}", &p, &e),
                  &e);
        assert_null(p.name);
        assert_int_equal(p.format, APPC_FORMAT_NONE);
        assert_int_equal(image_past_print(&p, &b), 0);
        assert_string_equal(buf_str(&b), "{\"id\":\"" ID "\"}");
}

static void a_wrong_line_is_refused(void **state)
{
        static const struct {
                const char *line, *text;
        } cases[] = {
                { "", "JSON at byte 0: unexpected end of data" },
                { "{}", "\"id\" is missing" },
                { "{\"id\":\"x\"}", "\"id\" is no id of an image" },
                { "{\"id\":\"" ID "\",\"size\":-1}",
                  "\"size\" is -1, outside 0 to 9223372036854775807" },
                { "{\"id\":\"" ID "\",\"name\":5}", "\"name\" must be a string, found int" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct image_past p = IMAGE_PAST_NULL;
                struct err e;

                assert_err(parse(cases[i].line, &p, &e), &e, ERR_BAD_DATA, cases[i].text);
                assert_null(p.id);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_line_is_read_back_as_it_was),
                cmocka_unit_test(only_the_id_is_needed),
                cmocka_unit_test(a_wrong_line_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
