/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/activation.h"

enum { SELF = 4711 };

static void descriptors_of_ours_are_counted_and_named(void **state)
{
        static const struct {
                const char *fds, *names;
                unsigned n;
                const char *first, *last;
        } good[] = {
                { "1", NULL, 1, "unknown", "unknown" },
                { "1", "api", 1, "api", "api" },
                { "2", "a:b", 2, "a", "b" },
                { "3", "a", 3, "a", "unknown" },
                { "2", "", 2, "", "unknown" },
                { "2", ":x", 2, "", "x" },
                { "64", NULL, 64, "unknown", "unknown" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
                AUTO(activation_done) struct activation a = ACTIVATION_NULL;
                struct err e;

                assert_ok(activation_parse("4711", good[i].fds, good[i].names, SELF, &a, &e), &e);
                assert_int_equal(a.n, good[i].n);
                assert_int_equal(a.names.n, good[i].n);
                assert_string_equal(a.names.v[0], good[i].first);
                assert_string_equal(a.names.v[a.n - 1], good[i].last);
        }
}

static void what_is_not_for_us_is_nothing(void **state)
{
        static const struct {
                const char *pid, *fds, *names;
        } others[] = {
                { NULL, NULL, NULL }, { NULL, "1", NULL },      { "4711", NULL, NULL },
                { "4712", "1", "x" }, { "4712", "junk", NULL }, { "4711", "0", NULL },
                { "4711", "0", "x" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
                struct activation a = { .n = 77 };
                struct err e;

                assert_ok(activation_parse(others[i].pid, others[i].fds, others[i].names, SELF, &a,
                                           &e),
                          &e);
                assert_int_equal(a.n, 0);
                assert_null(a.names.v);
        }
}

static void what_breaks_the_protocol_is_told(void **state)
{
        struct activation a = ACTIVATION_NULL;
        struct err e;

        (void)state;
        assert_err(activation_parse("x", "1", NULL, SELF, &a, &e), &e, ERR_BAD_DATA,
                   "LISTEN_PID=x: no process id");
        assert_err(activation_parse("4711", "65", NULL, SELF, &a, &e), &e, ERR_BAD_DATA,
                   "LISTEN_FDS=65: not a number up to 64");
        assert_err(activation_parse("4711", "-1", NULL, SELF, &a, &e), &e, ERR_BAD_DATA,
                   "LISTEN_FDS=-1: not a number up to 64");
        assert_err(activation_parse("4711", "1", "a:b", SELF, &a, &e), &e, ERR_BAD_DATA,
                   "LISTEN_FDNAMES has more names than LISTEN_FDS sockets");
        assert_null(a.names.v);
}

static void set_env(const char *pid, const char *fds)
{
        char self[16];

        (void)snprintf(self, sizeof(self), "%d", (int)getpid());
        assert_int_equal(setenv("LISTEN_PID", pid ? pid : self, 1), 0);
        assert_int_equal(setenv("LISTEN_FDS", fds, 1), 0);
        assert_int_equal(setenv("LISTEN_FDNAMES", "one", 1), 0);
}

static void assert_env_is_clean(void)
{
        assert_null(getenv("LISTEN_PID"));
        assert_null(getenv("LISTEN_FDS"));
        assert_null(getenv("LISTEN_FDNAMES"));
}

static void nobody_inherits_what_was_taken(void **state)
{
        AUTO(activation_done) struct activation a = ACTIVATION_NULL;
        struct err e;
        bool ours = fcntl(ACTIVATION_FIRST_FD, F_GETFD) < 0;

        (void)state;
        if (ours)
                assert_int_equal(dup2(STDERR_FILENO, ACTIVATION_FIRST_FD), ACTIVATION_FIRST_FD);
        set_env(NULL, "1");
        assert_ok(activation_take(&a, &e), &e);
        assert_int_equal(a.n, 1);
        assert_string_equal(a.names.v[0], "one");
        assert_true(fcntl(ACTIVATION_FIRST_FD, F_GETFD) & FD_CLOEXEC);
        assert_env_is_clean();
        if (ours)
                (void)close(ACTIVATION_FIRST_FD);
}

static void the_environment_is_cleaned_whatever_it_says(void **state)
{
        struct activation a = ACTIVATION_NULL;
        struct err e;

        (void)state;
        set_env("1", "1");
        assert_ok(activation_take(&a, &e), &e);
        assert_int_equal(a.n, 0);
        assert_env_is_clean();
        set_env(NULL, "junk");
        assert_int_equal(activation_take(&a, &e), -1);
        assert_env_is_clean();
        assert_ok(activation_take(&a, &e), &e);
        assert_int_equal(a.n, 0);
}

static void a_descriptor_that_is_not_open_is_told(void **state)
{
        struct activation a = ACTIVATION_NULL;
        struct err e;

        (void)state;
        (void)close(ACTIVATION_FIRST_FD + 59);
        set_env(NULL, "60");
        assert_int_equal(activation_take(&a, &e), -1);
        assert_non_null(strstr(e.text, "LISTEN_FDS names descriptor "));
        assert_non_null(strstr(e.text, "Bad file descriptor"));
        assert_null(a.names.v);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(descriptors_of_ours_are_counted_and_named),
                cmocka_unit_test(what_is_not_for_us_is_nothing),
                cmocka_unit_test(what_breaks_the_protocol_is_told),
                cmocka_unit_test(nobody_inherits_what_was_taken),
                cmocka_unit_test(the_environment_is_cleaned_whatever_it_says),
                cmocka_unit_test(a_descriptor_that_is_not_open_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
