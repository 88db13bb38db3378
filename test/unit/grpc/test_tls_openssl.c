/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes and records, without a socket. */
#include "certs.h"
#include "util/mem.h"

/* A server's context with its files, and one connection. */
struct server {
        struct test_dir dir;
        struct cert ca, cert;
        struct grpc_tls *tls;
        const struct grpc_tls_ops *ops;
        struct grpc_tls_conn *conn;
        struct grpc_tls_io io;
        ssize_t result; /* of the last read */
        uint8_t got[100000];
        size_t n_got;
};

static void server_init(struct server *s, bool mutual, const char *name)
{
        AUTO_FREE char *cert = NULL, *key = NULL, *ca = NULL;
        struct err e;

        test_dir_init(&s->dir);
        cert_make(&s->ca, &(struct cert_wish){ .cn = "ca" });
        cert_make(&s->cert, &(struct cert_wish){ .cn = "server", .issuer = &s->ca });
        cert = cert_write(&s->dir, "cert", &s->cert, NULL);
        key = key_write(&s->dir, "key", &s->cert);
        ca = cert_write(&s->dir, "ca", &s->ca, NULL);
        assert_ok(grpc_tls_new(&(struct grpc_tls_config){ .cert_file = cert,
                                                          .key_file = key,
                                                          .client_ca_file = mutual ? ca : NULL,
                                                          .client_names = &name,
                                                          .n_client_names = name ? 1 : 0 },
                               &s->tls, &e),
                  &e);
        s->io.out = xmalloc(GRPC_TLS_OUT);
        s->io.out_size = GRPC_TLS_OUT;
}

static void server_accept(struct server *s)
{
        if (s->conn)
                s->ops->conn_free(s->conn);
        s->io.in_len = s->io.out_len = s->n_got = 0;
        s->conn = grpc_tls_conn_new(s->tls, &s->io, &s->ops);
        assert_non_null(s->conn);
}

static void server_done(struct server *s)
{
        if (s->conn)
                s->ops->conn_free(s->conn);
        (void)grpc_tls_unref(s->tls);
        cert_done(&s->ca);
        cert_done(&s->cert);
        free(s->io.out);
        test_dir_done(&s->dir);
}
#define AUTO_SERVER AUTO(server_done) struct server

/* Carries bytes both ways, @step of the client's at a time, until neither has more to say. */
static void carry(struct server *s, struct tls_client *c, size_t step)
{
        for (bool progress = true; progress;) {
                uint8_t bytes[65536];
                int n;

                progress = false;
                (void)SSL_do_handshake(c->ssl);
                while ((n = BIO_read(c->out, bytes, (int)step)) > 0) {
                        progress = true;
                        s->io.in = bytes;
                        s->io.in_len = (size_t)n;
                        while ((s->result = s->ops->read(s->conn, s->got + s->n_got,
                                                         sizeof(s->got) - s->n_got)) > 0)
                                s->n_got += (size_t)s->result;
                        if (s->result == GRPC_TLS_MORE)
                                assert_int_equal(s->io.in_len, 0);
                }
                if (s->io.out_len > 0) {
                        progress = true;
                        assert_int_equal(BIO_write(c->in, s->io.out, (int)s->io.out_len),
                                         s->io.out_len);
                        s->io.out_len = 0;
                }
        }
}

#define H2 .alpn = "\2h2", .alpn_len = 3

static void client_and_server_exchange_bytes(void **state)
{
        AUTO_SERVER s = { 0 };
        AUTO_TLS_CLIENT c = { 0 };
        static uint8_t data[66000], back[66000];
        size_t total = 0;
        const unsigned char *alpn;
        unsigned alpn_len;

        (void)state;
        server_init(&s, false, NULL);
        server_accept(&s);
        tls_client_init(&c, &(struct tls_client_wish){ .ca = &s.ca, H2 });
        assert_false(s.ops->established(s.conn));
        carry(&s, &c, 65536);
        assert_true(s.ops->established(s.conn));
        assert_false(s.ops->resumed(s.conn));
        assert_null(s.ops->identity(s.conn));
        assert_int_equal(SSL_version(c.ssl), TLS1_3_VERSION);
        SSL_get0_alpn_selected(c.ssl, &alpn, &alpn_len);
        assert_int_equal(alpn_len, 2);

        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t)(i * 7 >> 3);
        assert_int_equal(SSL_write(c.ssl, data, sizeof(data)), sizeof(data));
        carry(&s, &c, 1000);
        assert_int_equal(s.n_got, sizeof(data));
        assert_memory_equal(s.got, data, sizeof(data));

        assert_true(s.ops->write(s.conn, data, sizeof(data)));
        carry(&s, &c, 65536);
        while (total < sizeof(back)) {
                int n = SSL_read(c.ssl, back + total, (int)(sizeof(back) - total));

                assert_true(n > 0);
                total += (size_t)n;
        }
        assert_memory_equal(back, data, sizeof(data));
}

static void handshake_may_come_byte_by_byte(void **state)
{
        AUTO_SERVER s = { 0 };
        AUTO_TLS_CLIENT c = { 0 };

        (void)state;
        server_init(&s, false, NULL);
        server_accept(&s);
        tls_client_init(&c, &(struct tls_client_wish){ .ca = &s.ca, H2 });
        carry(&s, &c, 1);
        assert_true(s.ops->established(s.conn));
        assert_int_equal(SSL_write(c.ssl, "hello", 5), 5);
        carry(&s, &c, 1);
        assert_int_equal(s.n_got, 5);
}

/* Expects the handshake to fail, and the client to be told by @alert. */
static void expect_alert(struct server *s, const struct tls_client_wish *wish, const char *alert)
{
        AUTO_TLS_CLIENT c = { 0 };
        const char *told = NULL;
        unsigned long code;
        char byte;

        server_accept(s);
        tls_client_init(&c, wish);
        ERR_clear_error();
        carry(s, &c, 65536);
        (void)SSL_read(c.ssl, &byte, 1); /* in TLS 1.3 the client is through before we look */
        assert_int_equal(s->result, GRPC_TLS_FAILED);
        assert_false(s->ops->established(s->conn));
        assert_int_equal(s->ops->read(s->conn, s->got, 1), GRPC_TLS_FAILED);
        assert_false(s->ops->write(s->conn, s->got, 1));
        while ((code = ERR_get_error()))
                told = ERR_reason_error_string(code);
        assert_non_null(told);
        assert_string_equal(told, alert);
}

static void expect_reason(const struct server *s, const char *reason)
{
        assert_string_equal(s->ops->reason(s->conn), reason);
}

static void only_http2_is_agreed_upon(void **state)
{
        AUTO_SERVER s = { 0 };
        AUTO_TLS_CLIENT c = { 0 };

        (void)state;
        server_init(&s, false, NULL);
        expect_alert(&s, &(struct tls_client_wish){ .ca = &s.ca },
                     "tlsv1 alert no application protocol");
        expect_alert(&s,
                     &(struct tls_client_wish){
                             .ca = &s.ca, .alpn = "\10http/1.1\3h2c", .alpn_len = 13 },
                     "tlsv1 alert no application protocol");
        server_accept(&s);
        tls_client_init(&c, &(struct tls_client_wish){
                                    .ca = &s.ca, .alpn = "\10grpc-exp\2h2", .alpn_len = 12 });
        carry(&s, &c, 65536);
        assert_true(s.ops->established(s.conn));
}

static void old_versions_and_weak_ciphers_are_refused(void **state)
{
        AUTO_SERVER s = { 0 };
        AUTO_TLS_CLIENT c = { 0 };

        (void)state;
        server_init(&s, false, NULL);
        expect_alert(&s, &(struct tls_client_wish){ .max_version = TLS1_1_VERSION, H2 },
                     "tlsv1 alert protocol version");
        expect_reason(&s, "unsupported protocol");
        /* RFC 9113 appendix A: ephemeral keys but no AEAD, AEAD but no ephemeral keys. */
        expect_alert(&s,
                     &(struct tls_client_wish){ .max_version = TLS1_2_VERSION,
                                                .ciphers = "ECDHE-ECDSA-AES128-SHA256",
                                                H2 },
                     "sslv3 alert handshake failure");
        expect_alert(&s,
                     &(struct tls_client_wish){
                             .max_version = TLS1_2_VERSION, .ciphers = "AES128-GCM-SHA256", H2 },
                     "sslv3 alert handshake failure");
        server_accept(&s);
        tls_client_init(&c, &(struct tls_client_wish){ .max_version = TLS1_2_VERSION, H2 });
        carry(&s, &c, 65536);
        assert_true(s.ops->established(s.conn));
        assert_int_equal(SSL_version(c.ssl), TLS1_2_VERSION);
}

static void client_must_have_a_certificate_of_the_ca(void **state)
{
        AUTO_SERVER s = { 0 };
        AUTO_CERT good = { 0 }, strange_ca = { 0 }, strange = { 0 }, old = { 0 };
        AUTO_TLS_CLIENT c = { 0 };

        (void)state;
        server_init(&s, true, NULL);
        cert_make(&good,
                  &(struct cert_wish){ .cn = "x", .alternatives = "URI:a:b", .issuer = &s.ca });
        cert_make(&strange_ca, &(struct cert_wish){ .cn = "elsewhere" });
        cert_make(&strange, &(struct cert_wish){ .cn = "x", .issuer = &strange_ca });
        cert_make(&old, &(struct cert_wish){
                                .cn = "x", .issuer = &s.ca, .from_hour = -48, .to_hour = -1 });
        expect_alert(&s, &(struct tls_client_wish){ .ca = &s.ca, H2 },
                     "tlsv13 alert certificate required");
        expect_reason(&s, "peer did not return a certificate");
        expect_alert(&s, &(struct tls_client_wish){ .ca = &s.ca, .cert = &strange, H2 },
                     "tlsv1 alert unknown ca");
        expect_reason(&s, "unable to get local issuer certificate");
        expect_alert(&s, &(struct tls_client_wish){ .ca = &s.ca, .cert = &old, H2 },
                     "sslv3 alert certificate expired");
        expect_reason(&s, "certificate has expired");
        expect_alert(&s,
                     &(struct tls_client_wish){ .ca = &s.ca, .max_version = TLS1_2_VERSION, H2 },
                     "sslv3 alert handshake failure");
        server_accept(&s);
        tls_client_init(&c, &(struct tls_client_wish){ .ca = &s.ca, .cert = &good, H2 });
        carry(&s, &c, 65536);
        assert_true(s.ops->established(s.conn));
        assert_string_equal(s.ops->identity(s.conn), "a:b");
}

static void client_must_have_one_of_the_names(void **state)
{
        AUTO_SERVER s = { 0 };
        AUTO_CERT good = { 0 }, bad = { 0 };
        AUTO_TLS_CLIENT c = { 0 };

        (void)state;
        server_init(&s, true, "kubelet.example");
        cert_make(&good,
                  &(struct cert_wish){ .cn = "x",
                                       .alternatives = "DNS:first.example,DNS:kubelet.example",
                                       .issuer = &s.ca });
        cert_make(&bad, &(struct cert_wish){ .cn = "kubelet.example",
                                             .alternatives = "DNS:other.example",
                                             .issuer = &s.ca });
        expect_alert(&s, &(struct tls_client_wish){ .ca = &s.ca, .cert = &bad, H2 },
                     "sslv3 alert handshake failure");
        expect_reason(&s, "certificate is for none of the allowed names");
        server_accept(&s);
        tls_client_init(&c, &(struct tls_client_wish){ .ca = &s.ca, .cert = &good, H2 });
        carry(&s, &c, 65536);
        assert_true(s.ops->established(s.conn));
        assert_string_equal(s.ops->identity(s.conn), "kubelet.example");
}

static SSL_SESSION *last_session;

static int on_session(SSL *ssl, SSL_SESSION *session)
{
        (void)ssl;
        SSL_SESSION_free(last_session);
        last_session = session;
        return 1;
}

/* Whether a second handshake, by what the first one left, is a resumption. */
static bool resumes(struct server *s, const struct cert *cert, int version, bool reload)
{
        AUTO_TLS_CLIENT first = { 0 }, second = { 0 };
        struct tls_client_wish wish = { .ca = &s->ca, .cert = cert, .max_version = version, H2 };
        struct err e;
        char byte;
        bool resumed;

        server_accept(s);
        tls_client_init(&first, &wish);
        SSL_CTX_set_session_cache_mode(first.ctx,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(first.ctx, on_session);
        carry(s, &first, 65536);
        (void)SSL_read(first.ssl, &byte, 1);
        assert_non_null(last_session);
        if (reload)
                assert_ok(grpc_tls_reload(s->tls, &e), &e);
        server_accept(s);
        wish.session = last_session;
        tls_client_init(&second, &wish);
        carry(s, &second, 65536);
        assert_true(s->ops->established(s->conn));
        resumed = s->ops->resumed(s->conn);
        if (cert)
                assert_string_equal(s->ops->identity(s->conn), "client");
        SSL_SESSION_free(last_session);
        last_session = NULL;
        return resumed;
}

static void sessions_are_resumed_with_and_without_client_certificates(void **state)
{
        AUTO_SERVER open = { 0 }, mutual = { 0 };
        AUTO_CERT cert = { 0 };

        (void)state;
        server_init(&open, false, NULL);
        assert_true(resumes(&open, NULL, TLS1_3_VERSION, false));
        assert_true(resumes(&open, NULL, TLS1_2_VERSION, false));
        server_init(&mutual, true, "client");
        cert_make(&cert, &(struct cert_wish){ .cn = "client", .issuer = &mutual.ca });
        assert_true(resumes(&mutual, &cert, TLS1_3_VERSION, false));
        assert_true(resumes(&mutual, &cert, TLS1_2_VERSION, false));
}

static void reload_ends_old_sessions_but_not_connections(void **state)
{
        AUTO_SERVER s = { 0 };
        AUTO_TLS_CLIENT c = { 0 };
        struct err e;

        (void)state;
        server_init(&s, false, NULL);
        assert_false(resumes(&s, NULL, TLS1_3_VERSION, true));
        server_accept(&s);
        tls_client_init(&c, &(struct tls_client_wish){ .ca = &s.ca, H2 });
        carry(&s, &c, 65536);
        assert_ok(grpc_tls_reload(s.tls, &e), &e);
        assert_int_equal(SSL_write(c.ssl, "x", 1), 1);
        carry(&s, &c, 65536);
        assert_int_equal(s.n_got, 1);
}

static void end_is_said_and_heard(void **state)
{
        AUTO_SERVER s = { 0 };
        AUTO_TLS_CLIENT c = { 0 };
        char byte;
        int n;

        (void)state;
        server_init(&s, false, NULL);
        server_accept(&s);
        s.ops->close(s.conn); /* nothing to say within the handshake */
        assert_int_equal(s.io.out_len, 0);
        tls_client_init(&c, &(struct tls_client_wish){ .ca = &s.ca, H2 });
        carry(&s, &c, 65536);
        s.ops->close(s.conn);
        carry(&s, &c, 65536);
        n = SSL_read(c.ssl, &byte, 1);
        assert_int_equal(SSL_get_error(c.ssl, n), SSL_ERROR_ZERO_RETURN);
        (void)SSL_shutdown(c.ssl);
        carry(&s, &c, 65536);
        assert_int_equal(s.result, 0);
}

static void renegotiation_is_refused(void **state)
{
        AUTO_SERVER s = { 0 };
        AUTO_TLS_CLIENT c = { 0 };

        (void)state;
        server_init(&s, false, NULL);
        server_accept(&s);
        tls_client_init(&c, &(struct tls_client_wish){ .max_version = TLS1_2_VERSION, H2 });
        carry(&s, &c, 65536);
        assert_int_equal(SSL_renegotiate(c.ssl), 1);
        ERR_clear_error();
        carry(&s, &c, 65536);
        assert_false(SSL_is_init_finished(c.ssl)); /* it asked, and was not answered */
}

static void bytes_that_are_no_tls_fail(void **state)
{
        AUTO_SERVER s = { 0 };
        static const char *const bytes[] = { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                                             "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                             "\x16\x03\x01\xff\xff hello, this is too long" };

        (void)state;
        server_init(&s, false, NULL);
        for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
                server_accept(&s);
                s.io.in = (const uint8_t *)bytes[i];
                s.io.in_len = strlen(bytes[i]);
                assert_int_equal(s.ops->read(s.conn, s.got, sizeof(s.got)), GRPC_TLS_FAILED);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(client_and_server_exchange_bytes),
                cmocka_unit_test(handshake_may_come_byte_by_byte),
                cmocka_unit_test(only_http2_is_agreed_upon),
                cmocka_unit_test(old_versions_and_weak_ciphers_are_refused),
                cmocka_unit_test(client_must_have_a_certificate_of_the_ca),
                cmocka_unit_test(client_must_have_one_of_the_names),
                cmocka_unit_test(sessions_are_resumed_with_and_without_client_certificates),
                cmocka_unit_test(reload_ends_old_sessions_but_not_connections),
                cmocka_unit_test(end_is_said_and_heard),
                cmocka_unit_test(renegotiation_is_refused),
                cmocka_unit_test(bytes_that_are_no_tls_fail),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
