/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stddef.h>

#include "api/notify.h"

#define NAME_107                                                                                   \
        "12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"

static void paths_and_abstract_names_are_addresses(void **state)
{
        struct sockaddr_un un;
        socklen_t len;
        struct err e;

        (void)state;
        assert_ok(notify_parse_address("/run/n", &un, &len, &e), &e);
        assert_int_equal(un.sun_family, AF_UNIX);
        assert_string_equal(un.sun_path, "/run/n");
        assert_int_equal(len, offsetof(struct sockaddr_un, sun_path) + 7);
        assert_ok(notify_parse_address("@abc", &un, &len, &e), &e);
        assert_memory_equal(un.sun_path, "\0abc", 4);
        assert_int_equal(len, offsetof(struct sockaddr_un, sun_path) + 4);
        assert_ok(notify_parse_address("@" NAME_107, &un, &len, &e), &e);
        assert_int_equal(len, sizeof(un));
}

static void other_addresses_are_refused(void **state)
{
        struct sockaddr_un un;
        socklen_t len;
        struct err e;

        (void)state;
        assert_err(notify_parse_address("vsock:2:1", &un, &len, &e), &e, ERR_UNSUPPORTED,
                   "NOTIFY_SOCKET=vsock:2:1: neither a path nor an abstract socket");
        assert_err(notify_parse_address("@", &un, &len, &e), &e, ERR_UNSUPPORTED,
                   "NOTIFY_SOCKET=@: neither a path nor an abstract socket");
        assert_err(notify_parse_address("/" NAME_107, &un, &len, &e), &e, ERR_BAD_DATA,
                   "NOTIFY_SOCKET=/" NAME_107 ": too long");
        assert_err(notify_parse_address("@" NAME_107 "8", &un, &len, &e), &e, ERR_BAD_DATA,
                   "NOTIFY_SOCKET=@" NAME_107 "8: too long");
}

static void the_watchdog_is_for_whom_it_names(void **state)
{
        nsec t = 7;
        struct err e;

        (void)state;
        assert_ok(notify_parse_watchdog(NULL, "1", 1, &t, &e), &e);
        assert_int_equal(t, 0);
        assert_ok(notify_parse_watchdog("3000000", NULL, 1, &t, &e), &e);
        assert_int_equal(t, 3 * NSEC_PER_SEC);
        assert_ok(notify_parse_watchdog("3000000", "1", 1, &t, &e), &e);
        assert_int_equal(t, 3 * NSEC_PER_SEC);
        assert_ok(notify_parse_watchdog("3000000", "2", 1, &t, &e), &e);
        assert_int_equal(t, 0);
        assert_err(notify_parse_watchdog("0", NULL, 1, &t, &e), &e, ERR_BAD_DATA,
                   "WATCHDOG_USEC=0: no time");
        assert_err(notify_parse_watchdog("18446744073709551615", NULL, 1, &t, &e), &e, ERR_BAD_DATA,
                   "WATCHDOG_USEC=18446744073709551615: no time");
        assert_err(notify_parse_watchdog("1", "x", 1, &t, &e), &e, ERR_BAD_DATA,
                   "WATCHDOG_PID=x: no process id");
}

static int manager_open(const struct test_dir *dir, char *path, size_t size)
{
        struct sockaddr_un un;
        socklen_t len;
        struct err e;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        (void)snprintf(path, size, "%s/notify", dir->path);
        assert_true(fd >= 0);
        assert_ok(notify_parse_address(path, &un, &len, &e), &e);
        assert_int_equal(bind(fd, (const struct sockaddr *)&un, len), 0);
        return fd;
}

static void assert_told(int fd, const char *text)
{
        char got[600];
        ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

        assert_true(n > 0);
        got[n] = '\0';
        if (strcmp(text, "RELOADING") != 0)
                assert_string_equal(got, text);
        else
                assert_memory_equal(got, "RELOADING=1\nMONOTONIC_USEC=", 27);
}

static void the_manager_is_told(void **state)
{
        AUTO_TEST_DIR struct test_dir dir;
        AUTO(notify_done) struct notify n = NOTIFY_NULL;
        char path[128];
        AUTO_CLOSE int manager = -1;
        struct err e;

        (void)state;
        test_dir_init(&dir);
        manager = manager_open(&dir, path, sizeof(path));
        assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
        assert_int_equal(setenv("WATCHDOG_USEC", "1000", 1), 0);
        assert_ok(notify_open(&n, &e), &e);
        assert_int_equal(n.watchdog, NSEC_PER_MSEC);
        assert_null(getenv("NOTIFY_SOCKET"));
        assert_null(getenv("WATCHDOG_USEC"));
        notify_ready(&n, "Serving");
        assert_told(manager, "READY=1\nSTATUS=Serving");
        notify_reloading(&n);
        assert_told(manager, "RELOADING");
        notify_stopping(&n);
        assert_told(manager, "STOPPING=1\nSTATUS=Waiting for calls to end");
        for (int i = 0; i < 10000; i++) /* nobody reads: nobody waits */
                notify_send(&n, "WATCHDOG=1");
        closep(&manager);
        notify_send(&n, "WATCHDOG=1"); /* nobody is there: no signal, no error */
}

static void without_a_manager_nothing_happens(void **state)
{
        AUTO(notify_done) struct notify n = NOTIFY_NULL;
        struct err e;

        (void)state;
        assert_ok(notify_open(&n, &e), &e);
        assert_int_equal(n.fd, -1);
        notify_ready(&n, "Serving");
        assert_int_equal(setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1), 0);
        assert_err(notify_open(&n, &e), &e, ERR_INTERNAL,
                   "connect to NOTIFY_SOCKET=/nonexistent/socket: No such file or directory");
        assert_null(getenv("NOTIFY_SOCKET"));
        assert_int_equal(n.fd, -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(paths_and_abstract_names_are_addresses),
                cmocka_unit_test(other_addresses_are_refused),
                cmocka_unit_test(the_watchdog_is_for_whom_it_names),
                cmocka_unit_test(the_manager_is_told),
                cmocka_unit_test(without_a_manager_nothing_happens),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
