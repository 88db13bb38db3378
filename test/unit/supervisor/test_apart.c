/* SPDX-License-Identifier: Apache-2.0 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "test.h"

#include <signal.h>

#include "supervisor/apart.h"

static int succeed(void *arg, struct err *e)
{
        (void)e;
        return fs_touch(*(int *)arg, "made", 0600) < 0 ? -1 : 0;
}

static int refuse(void *arg, struct err *e)
{
        return err_set(e, ERR_LIMIT, 7, "too much of %s", (const char *)arg);
}

static int die(void *arg, struct err *e)
{
        (void)arg;
        (void)e;
        return raise(SIGKILL);
}

static int hang(void *arg, struct err *e)
{
        (void)arg;
        (void)e;
        return pause();
}

static void work_is_done_when_waited_for(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(apart_done) struct apart a = APART_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_ok(apart_start(succeed, &d.fd, &a, &e), &e);
        assert_ok(apart_wait(&a, &e), &e);
        assert_int_equal(faccessat(d.fd, "made", F_OK, 0), 0);
}

static void error_of_the_child_is_ours(void **state)
{
        AUTO(apart_done) struct apart a = APART_NULL;
        struct err e;
        (void)state;

        assert_ok(apart_start(refuse, (void *)(uintptr_t) "it", &a, &e), &e);
        assert_int_equal(apart_wait(&a, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
        assert_int_equal(e.num, 7);
        assert_non_null(strstr(e.text, "too much of it"));
}

static void death_of_the_child_is_an_error(void **state)
{
        AUTO(apart_done) struct apart a = APART_NULL;
        struct err e;
        (void)state;

        assert_ok(apart_start(die, NULL, &a, &e), &e);
        assert_err(apart_wait(&a, &e), &e, ERR_INTERNAL, "a process of ours ended with status 137");
}

static void child_that_is_not_wanted_any_more_is_killed(void **state)
{
        struct apart a = APART_NULL;
        struct err e;
        pid_t pid;
        (void)state;

        assert_ok(apart_start(hang, NULL, &a, &e), &e);
        pid = a.proc.pid;
        apart_done(&a);
        assert_int_equal(kill(pid, 0), -1);
        assert_int_equal(errno, ESRCH);
        apart_done(&a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(work_is_done_when_waited_for),
                cmocka_unit_test(error_of_the_child_is_ours),
                cmocka_unit_test(death_of_the_child_is_an_error),
                cmocka_unit_test(child_that_is_not_wanted_any_more_is_killed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
