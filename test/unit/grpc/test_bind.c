/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/bind.h"

#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "test.h"
#include "util/fs.h"
#include "util/mem.h"

static const struct grpc_bind_options defaults = { .gid = (gid_t)-1 };

static void bound_done(struct grpc_bound *b)
{
        while (b->n > 0)
                (void)close(b->fds[--b->n]);
        free(b->unix_path);
        b->unix_path = NULL;
}
#define AUTO_BOUND AUTO(bound_done) struct grpc_bound

static void localhost_is_both_families_at_one_port(void **state)
{
        AUTO_BOUND bound = { 0 };
        struct grpc_sockaddr addrs[GRPC_SOCKADDRS_MAX];
        struct grpc_address a;
        struct err e;
        size_t n;

        (void)state;
        assert_ok(grpc_address_parse("localhost:1", &a, &e), &e);
        assert_ok(grpc_address_resolve(&a, false, addrs, &n, &e), &e);
        assert_int_equal(n, 2);
        assert_ok(grpc_bind("localhost:0", &defaults, &bound, &e), &e);
        assert_true(bound.n >= 1 && bound.port > 0);
        assert_null(bound.unix_path);
}

static void taken_port_is_busy(void **state)
{
        AUTO_BOUND first = { 0 }, second = { 0 };
        AUTO_FREE char *text = NULL;
        struct err e;

        (void)state;
        assert_ok(grpc_bind("127.0.0.1:0", &defaults, &first, &e), &e);
        assert_int_equal(first.n, 1);
        text = xasprintf("localhost:%u", first.port);
        assert_int_equal(grpc_bind(text, &defaults, &second, &e), -1);
        assert_int_equal(e.kind, ERR_BUSY);
}

static void only_local_addresses_are_bound_when_asked_for(void **state)
{
        const struct grpc_bind_options local = { .gid = (gid_t)-1, .local_only = true };
        AUTO_BOUND bound = { 0 };
        struct err e;

        (void)state;
        assert_int_equal(grpc_bind("0.0.0.0:0", &local, &bound, &e), -1);
        assert_int_equal(e.kind, ERR_STATE);
        assert_string_equal(e.text, "other hosts can reach \"0.0.0.0:0\"");
        assert_int_equal(grpc_bind(":0", &local, &bound, &e), -1);
        assert_int_equal(e.kind, ERR_STATE);
        assert_ok(grpc_bind("127.0.0.1:0", &local, &bound, &e), &e);
}

static void stale_socket_file_is_replaced_and_others_are_not(void **state)
{
        AUTO_TEST_DIR struct test_dir dir = { .fd = -1 };
        AUTO_FREE char *text = NULL, *plain = NULL;
        AUTO_BOUND first = { 0 }, second = { 0 }, third = { 0 };
        struct stat st;
        struct err e;

        (void)state;
        test_dir_init(&dir);
        text = xasprintf("unix:%s/s", dir.path);
        assert_ok(grpc_bind(text, &defaults, &first, &e), &e);
        assert_string_equal(first.unix_path, text + 5);
        assert_int_equal(fstatat(dir.fd, "s", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0660);
        assert_int_equal(grpc_bind(text, &defaults, &second, &e), -1);
        assert_int_equal(e.kind, ERR_BUSY);
        bound_done(&first);
        assert_ok(grpc_bind(text, &defaults, &second, &e), &e);

        plain = xasprintf("unix:%s/file", dir.path);
        assert_int_equal(fs_write_file(dir.fd, "file", "x", 1, 0600), 0);
        assert_int_equal(grpc_bind(plain, &defaults, &third, &e), -1);
        assert_int_equal(e.kind, ERR_EXISTS);
        assert_int_equal(fstatat(dir.fd, "file", &st, 0), 0);
}

static void socket_file_has_the_mode_and_group_asked_for(void **state)
{
        AUTO_TEST_DIR struct test_dir dir = { .fd = -1 };
        AUTO_FREE char *text = NULL;
        AUTO_BOUND bound = { 0 }, denied = { 0 };
        struct grpc_bind_options o = { .mode = 0606, .gid = getgid() };
        struct stat st;
        struct err e;
        mode_t mask = umask(077); /* has no say in it */

        (void)state;
        if (geteuid() == 0)
                o.gid = 4711;
        test_dir_init(&dir);
        text = xasprintf("unix:%s/s", dir.path);
        assert_ok(grpc_bind(text, &o, &bound, &e), &e);
        assert_int_equal(umask(mask), 077);
        assert_int_equal(fstatat(dir.fd, "s", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0606);
        assert_int_equal(st.st_gid, o.gid);
        if (geteuid() == 0)
                return;
        bound_done(&bound);
        o.gid = 0; /* not one of ours */
        assert_int_equal(grpc_bind(text, &o, &denied, &e), -1);
        assert_int_equal(e.kind, ERR_PERMISSION);
        assert_int_equal(fstatat(dir.fd, "s", &st, 0), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(localhost_is_both_families_at_one_port),
                cmocka_unit_test(taken_port_is_busy),
                cmocka_unit_test(only_local_addresses_are_bound_when_asked_for),
                cmocka_unit_test(stale_socket_file_is_replaced_and_others_are_not),
                cmocka_unit_test(socket_file_has_the_mode_and_group_asked_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
