/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/exit.h"

static void every_failure_of_ours_is_254(void **state)
{
        (void)state;
        for (int k = 0; k < ERR_KIND_MAX; k++) {
                struct err e = { .kind = (enum err_kind)k };

                assert_int_equal(cli_exit_status(&e), 254);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(every_failure_of_ours_is_254) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
