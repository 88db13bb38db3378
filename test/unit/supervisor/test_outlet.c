/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <signal.h>
#include <sys/socket.h>

#include "supervisor/outlet.h"

static char data[200000];

static void pipe_takes_what_fits_and_keeps_its_flags(void **state)
{
        AUTO(outlet_done) struct outlet o = OUTLET_NULL;
        int fds[2];
        size_t n;
        (void)state;

        assert_int_equal(pipe(fds), 0);
        outlet_init(&o, fds[1]);
        assert_int_equal(o.kind, OUTLET_PIPE);
        assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
        n = outlet_write(&o, data, sizeof(data));
        assert_true(n > 0 && n < sizeof(data));
        assert_int_equal(outlet_write(&o, data, 1), 0);
        /* The reader goes: bytes are swallowed from now on. */
        (void)close(fds[0]);
        assert_int_equal(outlet_write(&o, data, 10), 10);
        assert_int_equal(o.kind, OUTLET_CLOSED);
        (void)close(fds[1]);
}

static void socket_takes_what_fits(void **state)
{
        AUTO(outlet_done) struct outlet o = OUTLET_NULL;
        int fds[2];
        size_t n = 0;
        (void)state;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        outlet_init(&o, fds[1]);
        assert_int_equal(o.kind, OUTLET_SOCKET);
        for (size_t taken = 1; taken > 0; n += taken)
                taken = outlet_write(&o, data, sizeof(data));
        assert_true(n > 0);
        (void)close(fds[0]);
        assert_int_equal(outlet_write(&o, data, 10), 10);
        assert_int_equal(o.kind, OUTLET_CLOSED);
        (void)close(fds[1]);
}

static void file_takes_all_at_its_shared_offset(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(outlet_done) struct outlet o = OUTLET_NULL;
        AUTO(buf_done) struct buf b = BUF_NULL(100);
        AUTO_CLOSE int fd = -1;
        (void)state;

        test_dir_init(&d);
        fd = openat(d.fd, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, "ab", 2), 2);
        outlet_init(&o, fd);
        assert_int_equal(o.kind, OUTLET_FILE);
        assert_int_equal(outlet_write(&o, "cd", 2), 2);
        assert_int_equal(write(fd, "ef", 2), 2);
        assert_int_equal(fs_read_file(d.fd, "f", &b), 0);
        assert_string_equal(buf_str(&b), "abcdef");
}

static void full_device_swallows(void **state)
{
        AUTO(outlet_done) struct outlet o = OUTLET_NULL;
        AUTO_CLOSE int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
        (void)state;

        outlet_init(&o, fd);
        assert_int_equal(outlet_write(&o, "ab", 2), 2);
        assert_int_equal(o.kind, OUTLET_FILE);
}

static void closed_descriptor_swallows(void **state)
{
        AUTO(outlet_done) struct outlet o = OUTLET_NULL;
        (void)state;

        outlet_init(&o, 9999);
        assert_int_equal(o.kind, OUTLET_CLOSED);
        assert_int_equal(outlet_write(&o, "ab", 2), 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pipe_takes_what_fits_and_keeps_its_flags),
                cmocka_unit_test(socket_takes_what_fits),
                cmocka_unit_test(file_takes_all_at_its_shared_offset),
                cmocka_unit_test(full_device_swallows),
                cmocka_unit_test(closed_descriptor_swallows),
        };

        (void)signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
