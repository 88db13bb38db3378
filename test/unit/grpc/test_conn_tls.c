/* SPDX-License-Identifier: Apache-2.0 */
/* Connections with TLS, over real sockets. */
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "certs.h"
#include "live.h"
#include "util/mem.h"

struct site {
        struct test_dir dir;
        struct cert ca, cert;
        char *cert_file, *key_file;
        struct grpc_tls_config config;
        struct live live;
};

static void site_start(struct site *s, const struct grpc_server_config *config)
{
        test_dir_init(&s->dir);
        cert_make(&s->ca, &(struct cert_wish){ .cn = "ca" });
        cert_make(&s->cert, &(struct cert_wish){ .cn = "server", .issuer = &s->ca });
        s->cert_file = cert_write(&s->dir, "cert", &s->cert, NULL);
        s->key_file = key_write(&s->dir, "key", &s->cert);
        s->config = (struct grpc_tls_config){ .cert_file = s->cert_file, .key_file = s->key_file };
        s->live.tls = &s->config;
        live_start(&s->live, config, 0);
}

static void site_done(struct site *s)
{
        live_done(&s->live);
        cert_done(&s->ca);
        cert_done(&s->cert);
        free(s->cert_file);
        free(s->key_file);
        test_dir_done(&s->dir);
}
#define AUTO_SITE AUTO(site_done) struct site

/* A client with a socket; blocking. */
struct caller {
        struct tls_client tls;
        int fd;
};

static void caller_init(struct caller *c, const struct site *s)
{
        struct timeval patience = { .tv_sec = 10 };

        tls_client_init(&c->tls,
                        &(struct tls_client_wish){ .ca = &s->ca, .alpn = "\2h2", .alpn_len = 3 });
        c->fd = raw_connect(&s->live);
        assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)),
                         0);
        assert_int_equal(SSL_set_fd(c->tls.ssl, c->fd), 1);
}

static void caller_done(struct caller *c)
{
        tls_client_done(&c->tls);
        (void)close(c->fd);
}
#define AUTO_CALLER AUTO(caller_done) struct caller

static const char hello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                            /* SETTINGS INITIAL_WINDOW_SIZE = 2^31-1 */
                            "\0\0\6\4\0\0\0\0\0\0\4\x7f\xff\xff\xff"
                            /* WINDOW_UPDATE of the connection */
                            "\0\0\4\x8\0\0\0\0\0\x7f\xff\0\0";

/* HEADERS and DATA of a call of Big for 5,000,000 bytes; HPACK literals, nothing indexed. */
static void ask_for_much(struct caller *c, uint8_t id)
{
        static const char *const headers[][2] = {
                { ":method", "POST" },         { ":scheme", "https" },
                { ":path", "/test.Test/Big" }, { ":authority", "x" },
                { "te", "trailers" },          { "content-type", "application/grpc" }
        };
        uint8_t data[] = { 0, 0, 10, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 5, 0x18, 0xc0, 0x96, 0xb1, 2 };
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
        frame[8] = data[8] = id;
        assert_int_equal(SSL_write(c->tls.ssl, frame, (int)n), n);
        assert_int_equal(SSL_write(c->tls.ssl, data, sizeof(data)), sizeof(data));
}

static void large_reply_arrives_whole(void **state)
{
        AUTO_SITE s = { 0 };
        AUTO_CALLER c = { 0 };
        static uint8_t data[100000];
        size_t total = 0;

        (void)state;
        site_start(&s, NULL);
        caller_init(&c, &s);
        assert_int_equal(SSL_connect(c.tls.ssl), 1);
        assert_int_equal(SSL_write(c.tls.ssl, hello, sizeof(hello) - 1), sizeof(hello) - 1);
        ask_for_much(&c, 1);
        while (total < 5000000) {
                int n = SSL_read(c.tls.ssl, data, sizeof(data));

                assert_true(n > 0);
                total += (size_t)n;
        }
        assert_int_equal(live_stop(&s.live), 0);
        assert_int_equal(s.live.stats->tls_handshakes, 1);
        assert_int_equal(s.live.stats->tls_failures, 0);
        assert_int_equal(s.live.stats->tls_connections, 0);
}

static void client_that_does_not_read_is_dropped(void **state)
{
        struct grpc_server_config config = { .write_stall_timeout = 100 * NSEC_PER_MSEC };
        AUTO_SITE s = { 0 };
        AUTO_CALLER c = { 0 };
        struct pollfd p = { .events = POLLRDHUP };

        (void)state;
        site_start(&s, &config);
        caller_init(&c, &s);
        assert_int_equal(SSL_connect(c.tls.ssl), 1);
        assert_int_equal(SSL_write(c.tls.ssl, hello, sizeof(hello) - 1), sizeof(hello) - 1);
        for (uint8_t id = 1; id < 15; id += 2) /* some may fit the kernel's buffers */
                ask_for_much(&c, id);
        p.fd = c.fd;
        assert_int_equal(poll(&p, 1, 10000), 1);
        assert_int_equal(live_stop(&s.live), 0);
        assert_int_equal(s.live.stats->ended[GRPC_END_STALLED], 1);
}

static void end_of_the_server_is_said_by_goaway_and_close_notify(void **state)
{
        AUTO_SITE s = { 0 };
        AUTO_CALLER c = { 0 };
        uint8_t data[4096];
        int n;

        (void)state;
        site_start(&s, NULL);
        caller_init(&c, &s);
        assert_int_equal(SSL_connect(c.tls.ssl), 1);
        assert_int_equal(SSL_write(c.tls.ssl, hello, sizeof(hello) - 1), sizeof(hello) - 1);
        n = SSL_read(c.tls.ssl, data, sizeof(data));
        assert_true(n >= 9);
        assert_int_equal(data[3], 4); /* SETTINGS */
        assert_int_equal(kill(s.live.pid, SIGTERM), 0);
        while ((n = SSL_read(c.tls.ssl, data, sizeof(data))) > 0)
                ;
        assert_int_equal(SSL_get_error(c.tls.ssl, n), SSL_ERROR_ZERO_RETURN);
}

static void handshakes_that_do_not_end_or_fail_are_counted(void **state)
{
        struct grpc_server_config config = { .handshake_timeout = 2 * NSEC_PER_SEC };
        AUTO_SITE s = { 0 };
        AUTO_CALLER good = { 0 };
        AUTO_CLOSE int silent = -1, wrong = -1;
        static const char cleartext[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        struct pollfd p = { .events = POLLRDHUP };
        uint8_t data[100];

        (void)state;
        site_start(&s, &config);
        wrong = raw_connect(&s.live);
        assert_int_equal(send(wrong, cleartext, sizeof(cleartext) - 1, 0), sizeof(cleartext) - 1);
        while (recv(wrong, data, sizeof(data), 0) > 0) /* an alert, and the end */
                ;
        silent = raw_connect(&s.live);
        p.fd = silent;
        assert_int_equal(poll(&p, 1, 10000), 1);
        caller_init(&good, &s);
        assert_int_equal(SSL_connect(good.tls.ssl), 1); /* and then says nothing */
        p.fd = good.fd;
        assert_int_equal(poll(&p, 1, 10000), 1);
        assert_int_equal(live_stop(&s.live), 0);
        assert_int_equal(s.live.stats->tls_handshakes, 1);
        assert_int_equal(s.live.stats->tls_failures, 1);
        assert_int_equal(s.live.stats->ended[GRPC_END_HANDSHAKE], 1);
        assert_int_equal(s.live.stats->ended[GRPC_END_HANDSHAKE_TIME], 2);
}

static void stop_does_not_wait_for_handshakes(void **state)
{
        AUTO_SITE s = { 0 };
        AUTO_CLOSE int fd = -1;
        uint8_t byte;

        (void)state;
        site_start(&s, NULL);
        fd = raw_connect(&s.live);
        assert_int_equal(send(fd, "\x16\x03\x01", 3, 0), 3);
        assert_int_equal(live_stop(&s.live), 0);
        assert_true(recv(fd, &byte, 1, 0) <= 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(large_reply_arrives_whole),
                cmocka_unit_test(client_that_does_not_read_is_dropped),
                cmocka_unit_test(end_of_the_server_is_said_by_goaway_and_close_notify),
                cmocka_unit_test(handshakes_that_do_not_end_or_fail_are_counted),
                cmocka_unit_test(stop_does_not_wait_for_handshakes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
