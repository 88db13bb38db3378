/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "supervisor/args.h"

#define UUID "6733d088-0d4b-4f2e-9c4f-0123456789ab"

/* Up to six arguments after the program's name. */
static int parse(struct sup_args *ret, struct err *e, const char *const args[6])
{
        char *argv[8] = { (char *)(uintptr_t) "carob-pod" };
        int argc = 1;

        for (int i = 0; i < 6 && args[i]; i++)
                argv[argc++] = (char *)(uintptr_t)args[i];
        return sup_args_parse(argc, argv, ret, e);
}

#define ARGS(...) ((const char *const[6]){ __VA_ARGS__ })

static void minimum_has_the_defaults(void **state)
{
        struct sup_args a;
        struct err e;
        (void)state;

        assert_ok(parse(&a, &e, ARGS("--dir=/var/lib/carob", "--uuid=" UUID, "--lock-fd=7")), &e);
        assert_string_equal(a.dir, "/var/lib/carob");
        assert_string_equal(a.uuid, UUID);
        assert_int_equal(a.lock_fd, 7);
        assert_int_equal(a.detached_fd, -1);
        assert_false(a.interactive);
        assert_int_equal(a.grace, 10 * NSEC_PER_SEC);
}

static void all_options_are_taken(void **state)
{
        struct sup_args a;
        struct err e;
        (void)state;

        assert_ok(parse(&a, &e,
                        ARGS("--dir=/d", "--uuid=" UUID, "--lock-fd=0", "--detached-fd=4",
                             "--grace-ms=250", "--interactive")),
                  &e);
        assert_int_equal(a.detached_fd, 4);
        assert_int_equal(a.grace, 250 * NSEC_PER_MSEC);
        assert_true(a.interactive);
}

static void wrong_use_is_told_and_leaves_ret(void **state)
{
        struct sup_args a = { .lock_fd = 99 };
        struct err e;
        (void)state;

        assert_err(parse(&a, &e, ARGS("x")), &e, ERR_USAGE, "unexpected argument \"x\"");
        assert_err(parse(&a, &e, ARGS("--what")), &e, ERR_USAGE, "unknown option \"--what\"");
        assert_err(parse(&a, &e, ARGS("--dirt=/d")), &e, ERR_USAGE, "unknown option \"--dirt=/d\"");
        assert_err(parse(&a, &e, ARGS("--dir")), &e, ERR_USAGE, "--dir: needs a value");
        assert_err(parse(&a, &e, ARGS("--debug=1")), &e, ERR_USAGE, "--debug: takes no value");
        assert_err(parse(&a, &e, ARGS("--lock-fd=x")), &e, ERR_USAGE,
                   "--lock-fd: bad number \"x\"");
        assert_int_equal(parse(&a, &e, ARGS("--dir=d", "--uuid=" UUID, "--lock-fd=1")), -1);
        assert_int_equal(parse(&a, &e, ARGS("--dir=/d", "--uuid=../x", "--lock-fd=1")), -1);
        assert_int_equal(parse(&a, &e, ARGS("--dir=/d", "--uuid=" UUID)), -1);
        assert_int_equal(a.lock_fd, 99);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(minimum_has_the_defaults),
                cmocka_unit_test(all_options_are_taken),
                cmocka_unit_test(wrong_use_is_told_and_leaves_ret),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
