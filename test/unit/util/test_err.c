/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>

static void set_appends_the_errno_text(void **state)
{
        struct err e;

        (void)state;
        assert_int_equal(err_set(&e, ERR_NOT_FOUND, ENOENT, "open %s", "x"), -1);
        assert_string_equal(e.text, "open x: No such file or directory");
        assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void a_full_disk_is_its_own_kind(void **state)
{
        struct err e;

        (void)state;
        (void)err_set(&e, ERR_INTERNAL, ENOSPC, "write x");
        assert_int_equal(e.kind, ERR_NO_SPACE);
        (void)err_set(&e, ERR_INTERNAL, EPERM, "write x");
        assert_int_equal(e.kind, ERR_PERMISSION);
        (void)err_set(&e, ERR_BAD_DATA, ENOSPC, "write x");
        assert_int_equal(e.kind, ERR_BAD_DATA);
}

static void wrap_says_nothing_twice(void **state)
{
        struct err e;

        (void)state;
        (void)err_set(&e, ERR_INTERNAL, 0, "no");
        assert_int_equal(err_wrap(&e, "app %s", "x"), -1);
        assert_int_equal(err_wrap(&e, "app %s", "x"), -1);
        assert_string_equal(e.text, "app x: no");
        assert_int_equal(err_wrap(&e, "app"), -1);
        assert_string_equal(e.text, "app: app x: no");
}

static void wrap_never_loses_the_cause(void **state)
{
        struct err e;

        (void)state;
        (void)err_set(&e, ERR_INTERNAL, EACCES, "open x");
        for (int i = 0; i < 200; i++)
                (void)err_wrap(&e, "while doing step %d", i);
        assert_non_null(strstr(e.text, "open x: Permission denied"));
        assert_true(strlen(e.text) < sizeof(e.text));
}

static void every_kind_has_a_name(void **state)
{
        (void)state;
        for (unsigned k = 0; k < ERR_KIND_MAX; k++)
                assert_true(strlen(err_kind_name(k)) > 0);
        assert_string_equal(err_kind_name(ERR_KIND_MAX), "unknown");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(set_appends_the_errno_text),
                cmocka_unit_test(a_full_disk_is_its_own_kind),
                cmocka_unit_test(wrap_says_nothing_twice),
                cmocka_unit_test(wrap_never_loses_the_cause),
                cmocka_unit_test(every_kind_has_a_name),
        };
        return cmocka_run_group_tests_name("util/err", tests, NULL, NULL);
}
