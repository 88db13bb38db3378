/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/output.h"

static void format_knows_the_two_json_forms(void **state)
{
        enum output_format f = OUTPUT_TEXT;
        struct err e;

        (void)state;
        assert_ok(output_format_call(&f, "json", &e), &e);
        assert_int_equal(f, OUTPUT_JSON);
        assert_ok(output_format_call(&f, "json-pretty", &e), &e);
        assert_int_equal(f, OUTPUT_JSON_PRETTY);
        assert_err(output_format_call(&f, "xml", &e), &e, ERR_USAGE,
                   "\"xml\" is neither json nor json-pretty");
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(format_knows_the_two_json_forms) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
