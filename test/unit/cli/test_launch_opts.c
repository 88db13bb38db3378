/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/launch_opts.h"

static int parse(const char *a, struct err *e)
{
        const struct opt *const tables[] = { launch_opts, NULL };
        const struct opt_rules rules = { .tables = tables };
        AUTO(opt_result_done) struct opt_result r = OPT_RESULT_NULL;
        char copy[128], *words[] = { copy };

        (void)snprintf(copy, sizeof(copy), "%s", a);
        return opt_parse(&rules, words, 1, &r, e);
}

static void networks_that_exist_are_taken(void **state)
{
        struct err e;

        (void)state;
        assert_ok(parse("--net=host", &e), &e);
        assert_int_equal(launch_request.net, POD_NET_HOST);
        assert_ok(parse("--net=none", &e), &e);
        assert_int_equal(launch_request.net, POD_NET_NONE);
        assert_ok(parse("--ipc=private", &e), &e);
        assert_ok(parse("--dns=host", &e), &e);
        assert_ok(parse("--mds-register=false", &e), &e);
        assert_ok(parse("--detach", &e), &e);
        assert_true(launch_request.detach);
}

static void what_comes_later_is_refused(void **state)
{
        static const char *const later[] = {
                "--net",        "--net=default",   "--net=a,b:IP=1.2.3.4", "--dns=8.8.8.8",
                "--ipc=parent", "--private-users", "--mds-register",       "--hosts-entry=a"
        };
        struct err e;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(later); i++) {
                assert_int_equal(parse(later[i], &e), -1);
                assert_int_equal(e.kind, ERR_UNSUPPORTED);
        }
}

static void host_names_are_checked(void **state)
{
        static const char *const bad[] = { "--hostname=", "--hostname=-a", "--hostname=a b",
                                           "--hostname=a.", "--hostname=a/b" };
        struct err e;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                assert_int_equal(parse(bad[i], &e), -1);
                assert_int_equal(e.kind, ERR_USAGE);
        }
        assert_ok(parse("--hostname=web-1.example", &e), &e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(networks_that_exist_are_taken),
                cmocka_unit_test(what_comes_later_is_refused),
                cmocka_unit_test(host_names_are_checked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
