/* SPDX-License-Identifier: Apache-2.0 */
/* A shell script stands in for the runtime; the real one is in test_root_start.c. */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "test.h"

#include "runtime/invoke.h"
#include "util/mem.h"

struct fixture {
        struct test_dir dir;
        char *program; /* owned */
        struct runtime_invoke inv;
};

static void fixture_init(struct fixture *f, const char *script)
{
        AUTO_FREE char *text = xasprintf("#!/bin/sh\nfor a; do case $a in --log=*) log=${a#*=};; "
                                         "--pid-file=*) pid=${a#*=};; esac; done\n%s\n",
                                         script);
        struct err e;

        test_dir_init(&f->dir);
        f->inv = RUNTIME_INVOKE_NULL;
        f->program = xasprintf("%s/crun-fake", f->dir.path);
        assert_int_equal(fs_write_file(f->dir.fd, "crun-fake", text, strlen(text), 0755), 0);
        assert_ok(runtime_invoke_init(&f->inv, f->program, f->dir.path, &e), &e);
        closep(&f->inv.exe_fd); /* a script cannot be executed by a descriptor that closes */
}

static void fixture_done(struct fixture *f)
{
        runtime_invoke_done(&f->inv);
        free(f->program);
        test_dir_done(&f->dir);
}

static int call(struct fixture *f, enum runtime_verb verb, struct proc *ret, struct err *e)
{
        AUTO(runtime_call_done) struct runtime_call c = RUNTIME_CALL_NULL;
        const struct runtime_call_args args = {
                .verb = verb, .id = "web", .bundle = "/b", .stdio = { -1, -1, -1 }
        };

        assert_ok(runtime_call_start(&f->inv, &args, &c, e), e);
        assert_ok(runtime_call_wait(&c, 10000, e), e);
        return runtime_call_finish(&f->inv, &c, ret, e);
}

static void missing_runtime_is_told_with_a_way_out(void **state)
{
        struct runtime_invoke inv = RUNTIME_INVOKE_NULL;
        struct err e;

        (void)state;
        assert_err(
                runtime_invoke_init(&inv, "no-such-runtime", "/tmp", &e), &e, ERR_NOT_FOUND,
                "OCI runtime \"no-such-runtime\" not found: install it (apt-get install crun), or "
                "name another one in CAROB_RUNTIME");
        assert_int_equal(runtime_invoke_init(&inv, "/etc/passwd", "/tmp", &e),
                         -1); /* not executable */
}

static void environment_names_the_runtime_when_no_option_does(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(runtime_invoke_done) struct runtime_invoke inv = RUNTIME_INVOKE_NULL;
        struct err e;

        (void)state;
        fixture_init(&f, "");
        assert_int_equal(setenv("CAROB_RUNTIME", f.program, 1), 0);
        assert_ok(runtime_invoke_init(&inv, NULL, f.dir.path, &e), &e);
        assert_int_equal(unsetenv("CAROB_RUNTIME"), 0);
        assert_string_equal(inv.program, f.program);
        assert_true(inv.own_cgroups);
}

static void pid_file_becomes_the_apps_process(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(proc_done) struct proc p = PROC_NULL;
        struct err e;

        (void)state;
        fixture_init(&f, "echo $PPID > $pid");
        assert_ok(call(&f, RUNTIME_RUN, &p, &e), &e);
        assert_int_equal(p.pid, getpid());
        assert_true(p.pidfd >= 0);
}

static void nonsense_in_the_pid_file_is_told(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct proc p = PROC_NULL;
        struct err e;

        (void)state;
        fixture_init(&f, "echo -5 > $pid");
        assert_err(call(&f, RUNTIME_CREATE, &p, &e), &e, ERR_INTERNAL,
                   "app web: crun-fake wrote \"-5\" as its pid");
}

static void start_needs_no_pid_file(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct proc p = PROC_NULL;
        struct err e;

        (void)state;
        fixture_init(&f, "exit 0");
        assert_ok(call(&f, RUNTIME_START, &p, &e), &e);
        assert_int_equal(p.pid, 0);
}

static void failure_carries_the_runtimes_own_words(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct proc p = PROC_NULL;
        struct err e;

        (void)state;
        fixture_init(&f,
                     "echo '{\"msg\":\"mount `proc`: no\",\"level\":\"error\"}' > $log; exit 1");
        assert_err(call(&f, RUNTIME_RUN, &p, &e), &e, ERR_INTERNAL,
                   "app web: crun-fake: mount `proc`: no");
}

static void failure_to_find_the_program_is_the_apps(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct proc p = PROC_NULL;
        struct err e;

        (void)state;
        fixture_init(&f,
                     "echo '{\"msg\":\"executable file `x` not found in $PATH\"}' > $log; exit 1");
        assert_err(call(&f, RUNTIME_RUN, &p, &e), &e, ERR_USAGE,
                   "app web: crun-fake: executable file `x` not found in $PATH");
}

static void failure_without_words_has_the_status(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct proc p = PROC_NULL;
        struct err e;

        (void)state;
        fixture_init(&f, "exit 3");
        assert_err(call(&f, RUNTIME_RUN, &p, &e), &e, ERR_INTERNAL,
                   "app web: crun-fake run failed with status 3");
}

static void waiting_ends_with_the_time(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(runtime_call_done) struct runtime_call c = RUNTIME_CALL_NULL;
        const struct runtime_call_args args = {
                .verb = RUNTIME_RUN, .id = "web", .bundle = "/b", .stdio = { -1, -1, -1 }
        };
        struct err e;

        (void)state;
        fixture_init(&f, "exec sleep 1000");
        assert_ok(runtime_call_start(&f.inv, &args, &c, &e), &e);
        assert_err(runtime_call_wait(&c, 20, &e), &e, ERR_TIMEOUT,
                   "app web: the OCI runtime has not finished \"run\" within 20 ms");
        /* runtime_call_done kills it: the test would hang otherwise */
}

static void runtime_gets_a_clean_environment(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(buf_done) struct buf text = BUF_NULL(4096);
        struct proc p = PROC_NULL;
        struct err e;

        (void)state;
        fixture_init(&f, "env > $log.env");
        assert_int_equal(setenv("NOTIFY_SOCKET", "/run/x", 1), 0);
        assert_ok(call(&f, RUNTIME_START, &p, &e), &e);
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
        assert_int_equal(fs_read_file(f.dir.fd, "web.log.env", &text), 0);
        assert_null(strstr(buf_str(&text), "NOTIFY_SOCKET"));
        assert_non_null(strstr(buf_str(&text), "PATH="));
}

static void last_error_of_a_log_is_found(void **state)
{
        static const struct {
                const char *log, *want;
        } cases[] = {
                { "", "" },
                { "\n\n", "" },
                { "plain words\n", "plain words" },
                { "{\"level\":\"error\",\"msg\":\"first\"}\n{\"level\":\"error\",\"msg\":"
                  "\"second\"}\n",
                  "second" },
                { "{\"level\":\"error\",\"msg\":\"bad\"}\n{\"level\":\"warning\",\"msg\":\"hm\"}\n",
                  "bad" },
                { "{\"level\":\"error\",\"msg\":\"a\\u0007b\\nc\"}\n", "a b c" },
                { "{\"level\":5,\"msg\":\"x\"}\n", "" },
                { "{\"msg\":\"cut off", "{\"msg\":\"cut off" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char got[64];

                runtime_log_last_error(cases[i].log, strlen(cases[i].log), got, sizeof(got));
                assert_string_equal(got, cases[i].want);
        }
}

static void a_long_message_is_cut_to_the_buffer(void **state)
{
        char got[8];

        (void)state;
        runtime_log_last_error("0123456789\n", 11, got, sizeof(got));
        assert_string_equal(got, "0123456");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(missing_runtime_is_told_with_a_way_out),
                cmocka_unit_test(environment_names_the_runtime_when_no_option_does),
                cmocka_unit_test(pid_file_becomes_the_apps_process),
                cmocka_unit_test(nonsense_in_the_pid_file_is_told),
                cmocka_unit_test(start_needs_no_pid_file),
                cmocka_unit_test(failure_carries_the_runtimes_own_words),
                cmocka_unit_test(failure_to_find_the_program_is_the_apps),
                cmocka_unit_test(failure_without_words_has_the_status),
                cmocka_unit_test(waiting_ends_with_the_time),
                cmocka_unit_test(runtime_gets_a_clean_environment),
                cmocka_unit_test(last_error_of_a_log_is_found),
                cmocka_unit_test(a_long_message_is_cut_to_the_buffer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
