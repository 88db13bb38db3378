/* SPDX-License-Identifier: Apache-2.0 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "test.h"

#include <errno.h>
#include <signal.h>

#include "util/proc.h"

static void a_missing_program_is_an_error_of_the_start(void **state)
{
        char *argv[] = { "nothing-here", NULL };
        struct proc_spawn s = {
                .path = "/nonexistent/program", .argv = argv, .chdir_fd = -1, .cgroup_fd = -1
        };
        struct proc p = PROC_NULL;
        struct err e;

        (void)state;
        assert_err(proc_spawn(&s, &p, &e), &e, ERR_NOT_FOUND,
                   "start /nonexistent/program: No such file or directory");
        assert_int_equal(p.pidfd, -1);
}

static void output_and_status_come_back(void **state)
{
        char *argv[] = { "sh", "-c", "echo out; echo err >&2; exit 7", NULL };
        struct proc_spawn s = { .path = "sh", .argv = argv, .chdir_fd = -1, .cgroup_fd = -1 };
        struct buf out = BUF_NULL(100);
        struct err e;
        int status = 0;

        (void)state;
        assert_ok(proc_run(&s, &out, &status, &e), &e);
        assert_int_equal(status, 7);
        assert_string_equal(buf_str(&out), "out\nerr\n");
        buf_done(&out);
}

static void only_the_given_descriptors_arrive(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        char *argv[] = { "sh", "-c", "ls /proc/self/fd | tr '\\n' ' '", NULL };
        int leak = -1;
        struct proc_fd fds[1];
        struct proc_spawn s = {
                .path = "sh", .argv = argv, .chdir_fd = -1, .cgroup_fd = -1, .fds = fds, .n_fds = 1
        };
        struct buf out = BUF_NULL(1000);
        struct err e;
        int status;

        (void)state;
        test_dir_init(&d);
        leak = open("/dev/null", O_RDONLY); /* careless: no O_CLOEXEC */
        fds[0] = (struct proc_fd){ d.fd, 5 };
        assert_ok(proc_run(&s, &out, &status, &e), &e);
        assert_string_equal(buf_str(&out), "0 1 2 3 5 "); /* 3 is ls's own */
        (void)close(leak);
        buf_done(&out);
}

static void a_signal_is_128_plus_its_number(void **state)
{
        char *argv[] = { "sleep", "100", NULL };
        struct proc_spawn s = { .path = "sleep",
                                .argv = argv,
                                .chdir_fd = -1,
                                .cgroup_fd = -1,
                                .death_signal = SIGKILL };
        struct proc p = PROC_NULL;
        struct err e;
        int status = 0;

        (void)state;
        assert_ok(proc_spawn(&s, &p, &e), &e);
        assert_int_equal(proc_signal(&p, SIGKILL), 0);
        assert_ok(proc_wait(&p, &status, &e), &e);
        assert_int_equal(status, 128 + SIGKILL);
        assert_int_equal(proc_signal(&p, SIGKILL), -ESRCH);
        proc_done(&p);
}

static void output_past_the_maximum_does_not_block_the_child(void **state)
{
        char *argv[] = { "sh", "-c", "head -c 1000000 /dev/zero; exit 3", NULL };
        struct proc_spawn s = { .path = "sh", .argv = argv, .chdir_fd = -1, .cgroup_fd = -1 };
        struct buf out = BUF_NULL(10);
        struct err e;
        int status = 0;

        (void)state;
        assert_ok(proc_run(&s, &out, &status, &e), &e);
        assert_int_equal(status, 3);
        buf_done(&out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_missing_program_is_an_error_of_the_start),
                cmocka_unit_test(output_and_status_come_back),
                cmocka_unit_test(only_the_given_descriptors_arrive),
                cmocka_unit_test(a_signal_is_128_plus_its_number),
                cmocka_unit_test(output_past_the_maximum_does_not_block_the_child),
        };
        return cmocka_run_group_tests_name("util/proc", tests, NULL, NULL);
}
