/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/manifest_text.h"

static void what_is_no_json_is_refused(void **state)
{
        struct err e;

        (void)state;
        assert_true(manifest_text_pretty);
        assert_int_equal(manifest_text_print("{", 1, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_no_json_is_refused) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
