/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/results.h"

static void failures_are_counted_and_told(void **state)
{
        struct results r = { .key = "uuid" };
        struct err e;

        (void)state;
        assert_ok(results_end(&r, "pod(s) could not be stopped", &e), &e);
        (void)err_set(&e, ERR_STATE, 0, "no");
        results_fail(&r, "x", &e);
        assert_err(results_end(&r, "pod(s) could not be stopped", &e), &e, ERR_INTERNAL,
                   "1 pod(s) could not be stopped");
        results_done(&r);
}

static void json_has_an_entry_for_each(void **state)
{
        struct results r = { .key = "id", .format = OUTPUT_JSON };
        struct err e;

        (void)state;
        results_add(&r, "a", "removed", "line");
        (void)err_set(&e, ERR_NOT_FOUND, 0, "none");
        results_fail(&r, "b", &e);
        assert_string_equal(json_object_to_json_string_ext(r.list, JSON_C_TO_STRING_PLAIN),
                            "[{\"id\":\"a\",\"result\":\"removed\"},{\"id\":\"b\",\"result\":"
                            "\"not-found\",\"error\":\"none\"}]");
        results_done(&r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(failures_are_counted_and_told),
                cmocka_unit_test(json_has_an_entry_for_each),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
