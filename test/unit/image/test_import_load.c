/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test program has no module beside it, and nothing is installed: that must be an error, not a
 * crash.
 */
#include "test.h"

#include "image/import.h"

static void missing_module_is_unsupported(void **state)
{
        struct strv ids = STRV_NULL;
        struct err e;
        (void)state;

        if (access(CAROB_LIBDIR "/carob-import.so", F_OK) == 0)
                skip();
        assert_int_equal(image_import_file(NULL, "x", NULL, &ids, &e), -1);
        assert_int_equal(e.kind, ERR_UNSUPPORTED);
        assert_memory_equal(e.text, "load the import module: ", 24);
        assert_non_null(strstr(e.text, "carob-import.so"));
        assert_int_equal(ids.n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(missing_module_is_unsupported),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
