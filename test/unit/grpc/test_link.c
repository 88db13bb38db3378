/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/link.h"

#include <poll.h>
#include <sys/socket.h>

#include "test.h"
#include "util/mem.h"

/* A link and the other end of its socket. */
struct pair {
        struct grpc_link_buffers *buffers;
        struct grpc_link link;
        int other;
};

static void pair_init(struct pair *p)
{
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
                         0);
        p->buffers = xcalloc(1, sizeof(*p->buffers));
        p->other = fds[1];
        assert_int_equal(grpc_link_init_consume(&p->link, p->buffers, fds[0], NULL), 0);
}

static void pair_done(struct pair *p)
{
        grpc_link_done(&p->link);
        grpc_link_buffers_done(p->buffers);
        free(p->buffers);
        if (p->other >= 0)
                (void)close(p->other);
}
#define AUTO_PAIR AUTO(pair_done) struct pair

static void bytes_come_in_and_the_end_is_seen(void **state)
{
        AUTO_PAIR p = { 0 };
        const uint8_t *data;
        size_t len;

        (void)state;
        pair_init(&p);
        assert_true(grpc_link_ready(&p.link));
        assert_int_equal(grpc_link_receive(&p.link), GRPC_LINK_BLOCKED);
        assert_int_equal(send(p.other, "hello", 5, 0), 5);
        assert_int_equal(grpc_link_receive(&p.link), GRPC_LINK_OK);
        assert_int_equal(grpc_link_fetch(&p.link, &data, &len), GRPC_LINK_OK);
        assert_int_equal(len, 5);
        assert_memory_equal(data, "hello", 5);
        assert_int_equal(grpc_link_fetch(&p.link, &data, &len), GRPC_LINK_BLOCKED);
        (void)close(p.other);
        p.other = -1;
        assert_int_equal(grpc_link_receive(&p.link), GRPC_LINK_CLOSED);
}

static void what_the_socket_does_not_take_is_kept_in_order(void **state)
{
        AUTO_PAIR p = { 0 };
        static uint8_t data[GRPC_LINK_BUFFER], got[GRPC_LINK_BUFFER];
        size_t sent = 0, received = 0;
        uint8_t next = 0;
        bool progress;

        (void)state;
        pair_init(&p);
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t)i;
        while (grpc_link_send(&p.link, data, 65536) == GRPC_LINK_OK)
                sent += 65536;
        sent += 65536; /* the last one was kept, whole or in part */
        assert_non_null(p.link.unsent);
        assert_int_equal(grpc_link_flush(&p.link, &progress), GRPC_LINK_BLOCKED);
        assert_false(progress);
        while (received < sent) {
                ssize_t n = recv(p.other, got, sizeof(got), 0);

                assert_true(n > 0);
                for (ssize_t i = 0; i < n; i++)
                        assert_int_equal(got[i], next++);
                received += (size_t)n;
                assert_int_not_equal(grpc_link_flush(&p.link, &progress), GRPC_LINK_BROKEN);
        }
        assert_null(p.link.unsent);
        assert_int_equal(grpc_link_flush(&p.link, &progress), GRPC_LINK_OK);
}

static void other_side_that_is_gone_is_broken(void **state)
{
        AUTO_PAIR p = { 0 };

        (void)state;
        pair_init(&p);
        (void)close(p.other);
        p.other = -1;
        assert_int_equal(grpc_link_send(&p.link, (const uint8_t *)"x", 1), GRPC_LINK_BROKEN);
}

static void shutdown_lets_the_other_side_read_on(void **state)
{
        AUTO_PAIR p = { 0 };
        char data[8];

        (void)state;
        pair_init(&p);
        assert_int_equal(grpc_link_send(&p.link, (const uint8_t *)"bye", 3), GRPC_LINK_OK);
        grpc_link_shutdown(&p.link);
        assert_int_equal(recv(p.other, data, sizeof(data), 0), 3);
        assert_int_equal(recv(p.other, data, sizeof(data), 0), 0);
        assert_int_equal(send(p.other, "x", 1, 0), 1);
        assert_int_equal(grpc_link_receive(&p.link), GRPC_LINK_OK);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_come_in_and_the_end_is_seen),
                cmocka_unit_test(what_the_socket_does_not_take_is_kept_in_order),
                cmocka_unit_test(other_side_that_is_gone_is_broken),
                cmocka_unit_test(shutdown_lets_the_other_side_read_on),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
