/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "grpc/server_priv.h"
#include "test.h"

static void internet_clients_are_their_address(void **state)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(4711) };
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(65535) };
        struct sockaddr_storage from;
        struct grpc_peer peer;

        (void)state;
        assert_int_equal(inet_pton(AF_INET, "192.0.2.255", &in.sin_addr), 1);
        memcpy(&from, &in, sizeof(in));
        grpc_peer_fill(&peer, -1, &from);
        assert_string_equal(peer.address, "192.0.2.255:4711");
        assert_false(peer.is_unix);
        assert_int_equal(peer.uid, (uid_t)-1);
        assert_int_equal(peer.pid, 0);
        assert_int_equal(
                inet_pton(AF_INET6, "2001:db8:1111:2222:3333:4444:5555:6666", &in6.sin6_addr), 1);
        memcpy(&from, &in6, sizeof(in6));
        grpc_peer_fill(&peer, -1, &from);
        assert_string_equal(peer.address, "[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
        assert_null(peer.identity);
}

static void unix_clients_are_who_the_kernel_says(void **state)
{
        struct sockaddr_storage from = { .ss_family = AF_UNIX };
        struct grpc_peer peer;
        int fds[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        grpc_peer_fill(&peer, fds[0], &from);
        assert_string_equal(peer.address, "unix:");
        assert_true(peer.is_unix);
        assert_int_equal(peer.uid, geteuid());
        assert_int_equal(peer.gid, getegid());
        assert_int_equal(peer.pid, getpid());
        (void)close(fds[0]);
        (void)close(fds[1]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(internet_clients_are_their_address),
                cmocka_unit_test(unix_clients_are_who_the_kernel_says),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
