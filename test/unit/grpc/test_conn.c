/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection does when the other side is slow, silent, or does not read. */
#include <poll.h>
#include <sys/socket.h>

#include "grpc/wire_check.h"
#include "live.h"

static void wait_for_close(int fd, int timeout_ms)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };
        uint8_t data[4096];
        nsec until = time_monotonic() + timeout_ms * NSEC_PER_MSEC;

        for (;;) {
                ssize_t n;

                if (time_monotonic() > until || poll(&p, 1, timeout_ms) != 1)
                        fail_msg("the server did not close in time");
                n = recv(fd, data, sizeof(data), 0);
                if (n <= 0)
                        return;
        }
}

static void silent_connection_ends_with_the_handshake_time(void **state)
{
        struct grpc_server_config config = { .handshake_timeout = NSEC_PER_SEC };
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;
        AUTO_CLOSE int fd = -1;

        (void)state;
        live_start(&l, &config, 0);
        c = live_connect(l.tcp);
        live_echo(c);
        fd = raw_connect(&l);
        wait_for_close(fd, 5000);
        live_echo(c); /* an idle one that has greeted stays */
        assert_int_equal(live_stop(&l), 0);
        assert_int_equal(l.stats->ended[GRPC_END_HANDSHAKE_TIME], 1);
        assert_int_equal(l.stats->ended[GRPC_END_STOP], 1);
}

/* A client by hand that asks for much and reads nothing. */
static int greedy_client(const struct live *l)
{
        static const uint8_t request[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                         /* SETTINGS INITIAL_WINDOW_SIZE = 2^31-1 */
                                         "\0\0\6\4\0\0\0\0\0\0\4\x7f\xff\xff\xff"
                                         /* WINDOW_UPDATE of the connection */
                                         "\0\0\4\x8\0\0\0\0\0\x7f\xff\0\0";
        int fd = raw_connect(l);

        assert_int_equal(send(fd, request, sizeof(request) - 1, 0), sizeof(request) - 1);
        return fd;
}

/* HEADERS and DATA of one call of List for u32 messages; HPACK literals, nothing indexed. */
static void ask(int fd, uint8_t stream_id, const uint8_t *message, uint8_t message_len)
{
        static const char *const headers[][2] = {
                { ":method", "POST" }, { ":scheme", "http" }, { ":path", "/test.Test/Big" },
                { ":authority", "x" }, { "te", "trailers" },  { "content-type", "application/grpc" }
        };
        uint8_t frame[400] = { 0 };
        size_t n = 9;

        for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
                frame[n++] = 0;
                for (int k = 0; k < 2; k++) {
                        size_t len = strlen(headers[i][k]);

                        frame[n++] = (uint8_t)len;
                        memcpy(frame + n, headers[i][k], len);
                        n += len;
                }
        }
        frame[2] = (uint8_t)(n - 9);
        frame[3] = 1;
        frame[4] = 4;
        frame[8] = stream_id;
        frame[n + 2] = message_len;
        frame[n + 4] = 1;
        frame[n + 8] = stream_id;
        memcpy(frame + n + 9, message, message_len);
        n += 9u + message_len;
        assert_int_equal(send(fd, frame, n, 0), n);
}

static void ask_for_much(int fd, uint8_t stream_id)
{
        static const uint8_t message[] = {
                0, 0, 0, 0, 5, 0x18, 0x80, 0xda, 0xc4, 0x09
        }; /* 20,000,000 */

        ask(fd, stream_id, message, sizeof(message));
}

static void client_that_does_not_read_is_dropped_after_a_while(void **state)
{
        struct grpc_server_config config = { .write_stall_timeout = 100 * NSEC_PER_MSEC };
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;
        AUTO_CLOSE int fd = -1;
        struct pollfd p = { .events = POLLRDHUP };

        (void)state;
        live_start(&l, &config, 0);
        fd = greedy_client(&l);
        ask_for_much(fd, 1);
        c = live_connect(l.tcp);
        live_echo(c); /* others do not wait for it */
        p.fd = fd;
        assert_int_equal(poll(&p, 1, 5000), 1);
        live_echo(c);
        assert_int_equal(live_stop(&l), 0);
        assert_int_equal(l.stats->ended[GRPC_END_STALLED], 1);
}

static void large_reply_arrives_whole_through_a_small_socket(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO_CLOSE int fd = -1;
        static uint8_t data[100000];
        size_t total = 0;

        (void)state;
        live_start(&l, NULL, 0);
        fd = greedy_client(&l);
        ask_for_much(fd, 1);
        while (total < 20000000) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                ssize_t n;

                assert_int_equal(poll(&p, 1, 5000), 1);
                n = recv(fd, data, sizeof(data), 0);
                assert_true(n > 0);
                total += (size_t)n;
        }
        assert_int_equal(live_stop(&l), 0);
}

/* Has replies made of 900,000 bytes, and opens no window for them. */
static int hoarder(const struct live *l)
{
        static const uint8_t hello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                       /* SETTINGS INITIAL_WINDOW_SIZE = 0 */
                                       "\0\0\6\4\0\0\0\0\0\0\4\0\0\0\0";
        static const uint8_t message[] = { 0, 0, 0, 0, 4, 0x18, 0xa0, 0xf7, 0x36 };
        int fd = raw_connect(l);

        assert_int_equal(send(fd, hello, sizeof(hello) - 1, 0), sizeof(hello) - 1);
        ask(fd, 1, message, sizeof(message));
        return fd;
}

static bool big_reply_arrives(struct grpc_client *c)
{
        AUTO(grpc_message_freep) ProtobufCMessage *reply = NULL;
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        struct err e;

        request.u32 = 900000; /* of 'b's: field 12 of type 2, so it does not decode; but it came */
        (void)grpc_client_unary(c, "/test.Test/Big", &request.base, &sample__sample__descriptor,
                                5 * NSEC_PER_SEC, &reply, &e);
        return grpc_client_status(c) != GRPC_RESOURCE_EXHAUSTED;
}

static void memory_of_those_who_only_hold_it_is_taken_back(void **state)
{
        struct grpc_server_config config = { .max_memory_bytes = 4000000,
                                             .write_stall_timeout = 300 * NSEC_PER_MSEC };
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;
        nsec until = time_monotonic() + 20 * NSEC_PER_SEC;
        bool refused = false, served = false;
        int fds[6];

        (void)state;
        live_start(&l, &config, 0);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++) /* four of them fill it */
                fds[i] = hoarder(&l);
        c = live_connect(l.tcp);
        live_echo(c); /* after them */
        while (!served && time_monotonic() < until) {
                served = big_reply_arrives(c);
                refused = refused || !served;
                (void)poll(NULL, 0, 10);
        }
        assert_true(refused);
        assert_true(served);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
                (void)close(fds[i]);
        assert_int_equal(live_stop(&l), 0);
        assert_true(l.stats->resets_sent > 0);
}

static void client_that_dies_in_the_middle_is_forgotten(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;

        (void)state;
        live_start(&l, NULL, 0);
        for (int i = 0; i < 20; i++) {
                struct linger now = { 1, 0 };
                int fd = greedy_client(&l);

                ask_for_much(fd, 1);
                (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)); /* close by reset */
                (void)close(fd);
        }
        c = live_connect(l.tcp);
        live_echo(c);
        assert_int_equal(live_stop(&l), 0);
}

static void deadline_expires_without_any_traffic(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        ProtobufCMessage *reply = NULL;
        struct err e;

        (void)state;
        live_start(&l, NULL, 0);
        c = live_connect(l.tcp);
        assert_int_equal(grpc_client_unary(c, "/test.Test/Hold", &request.base,
                                           &sample__sample__descriptor, 50 * NSEC_PER_MSEC, &reply,
                                           &e),
                         -1);
        assert_int_equal(e.kind, ERR_TIMEOUT);
        assert_int_equal(grpc_client_status(c), GRPC_DEADLINE_EXCEEDED);
        live_echo(c);
        assert_int_equal(live_stop(&l), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(silent_connection_ends_with_the_handshake_time),
                cmocka_unit_test(client_that_does_not_read_is_dropped_after_a_while),
                cmocka_unit_test(large_reply_arrives_whole_through_a_small_socket),
                cmocka_unit_test(memory_of_those_who_only_hold_it_is_taken_back),
                cmocka_unit_test(client_that_dies_in_the_middle_is_forgotten),
                cmocka_unit_test(deadline_expires_without_any_traffic),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
