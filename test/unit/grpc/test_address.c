/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/address.h"

#include "test.h"
#include "util/mem.h"

static void addresses_are_split_into_host_and_port(void **state)
{
        static const struct {
                const char *text, *host, *port;
        } table[] = {
                { "localhost:15441", "localhost", "15441" },
                { "127.0.0.1:0", "127.0.0.1", "0" },
                { "[::1]:65535", "::1", "65535" },
                { ":80", "", "80" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct grpc_address a;
                struct err e;

                assert_ok(grpc_address_parse(table[i].text, &a, &e), &e);
                assert_false(a.is_unix);
                assert_string_equal(a.host, table[i].host);
                assert_string_equal(a.port, table[i].port);
        }
}

static void unix_addresses_are_absolute_paths(void **state)
{
        struct grpc_address a;
        struct err e;

        (void)state;
        assert_ok(grpc_address_parse("unix:/run/x.sock", &a, &e), &e);
        assert_true(a.is_unix);
        assert_string_equal(a.un.sun_path, "/run/x.sock");
        assert_ok(grpc_address_parse("unix:///run/x.sock", &a, &e), &e);
        assert_string_equal(a.un.sun_path, "/run/x.sock");
}

static void malformed_addresses_are_named(void **state)
{
        static const char *const table[][2] = {
                { "localhost", "address \"localhost\" has no port" },
                { "", "address \"\" has no port" },
                { "localhost:http", "address \"localhost:http\": malformed port" },
                { "localhost:65536", "address \"localhost:65536\": malformed port" },
                { "localhost:", "address \"localhost:\": malformed port" },
                { "::1:80", "address \"::1:80\": write IPv6 addresses as [::1]" },
                { "unix:x.sock", "address \"unix:x.sock\": the path must be absolute" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct grpc_address a;
                struct err e;

                assert_err(grpc_address_parse(table[i][0], &a, &e), &e, ERR_USAGE, table[i][1]);
        }
}

static void path_that_does_not_fit_a_socket_is_refused(void **state)
{
        struct grpc_address a;
        char text[200] = "unix:/";
        struct err e;

        (void)state;
        memset(text + 6, 'x', sizeof(text) - 7);
        assert_int_equal(grpc_address_parse(text, &a, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
}

static void local_is_what_no_other_host_can_reach(void **state)
{
        static const struct {
                const char *text;
                bool local;
        } cases[] = {
                { "localhost:1", true },
                { "127.0.0.1:1", true },
                { "127.255.0.9:1", true },
                { "[::1]:1", true },
                { "unix:/x", true },
                { "[::ffff:127.0.0.1]:1", true },
                { ":1", false },
                { "0.0.0.0:1", false },
                { "[::]:1", false },
                { "192.0.2.1:1", false },
                { "[2001:db8::1]:1", false },
                { "[::ffff:192.0.2.1]:1", false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                bool local = !cases[i].local;
                struct err e;

                assert_ok(grpc_address_is_local(cases[i].text, &local, &e), &e);
                if (local != cases[i].local)
                        fail_msg("%s", cases[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_are_split_into_host_and_port),
                cmocka_unit_test(unix_addresses_are_absolute_paths),
                cmocka_unit_test(malformed_addresses_are_named),
                cmocka_unit_test(path_that_does_not_fit_a_socket_is_refused),
                cmocka_unit_test(local_is_what_no_other_host_can_reach),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
