/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS by OpenSSL. RFC 9113 section 9.2 for what HTTP/2 asks of it: at least TLS 1.2, ALPN "h2", SNI
 * (any name will do, there is one certificate), no compression, no renegotiation, and of TLS 1.2's
 * cipher suites only those with ephemeral keys and AEAD (appendix A lists the forbidden ones).
 *
 * A certificate's names are checked while it is verified, so that the client gets an alert; a
 * resumed session was checked when it began, by the same context: tickets of another one, as after
 * a reload, are not accepted. Only its end may have come since.
 */
#include <stdlib.h>
#include <string.h>

#include "grpc/tls_priv.h"
#include "grpc/tls_ssl_priv.h"
#include "util/auto.h"
#include "util/mem.h"

enum {
        SESSION_SECONDS = 3600,
        VERIFY_DEPTH = 8,
};

static const unsigned char alpn_h2[] = { 2, 'h', '2' }; /* RFC 9113 section 3.1 */

struct context {
        SSL_CTX *ctx; /* owned */
        unsigned refs;
        char **names; /* owned */
        size_t n_names;
};

struct grpc_tls_conn {
        SSL *ssl;                /* owned */
        struct context *context; /* a reference */
        struct grpc_tls_io *io;  /* borrowed */
        char *identity;          /* owned */
        const char *reason;      /* of the failure; static */
        bool failed;
};

/* BIO: between SSL's records and the bytes of @io. */

static int bio_read(BIO *bio, char *to, size_t size, size_t *ret)
{
        struct grpc_tls_io *io = ((struct grpc_tls_conn *)BIO_get_data(bio))->io;
        size_t n = io->in_len < size ? io->in_len : size;

        BIO_clear_retry_flags(bio);
        if (n == 0) {
                BIO_set_retry_read(bio);
                return 0;
        }
        memcpy(to, io->in, n);
        io->in += n;
        io->in_len -= n;
        *ret = n;
        return 1;
}

static int bio_write(BIO *bio, const char *data, size_t len, size_t *ret)
{
        struct grpc_tls_io *io = ((struct grpc_tls_conn *)BIO_get_data(bio))->io;

        BIO_clear_retry_flags(bio);
        if (len > io->out_size - io->out_len)
                return 0; /* the buffer is made for the largest flight: an error, not a wait */
        memcpy(io->out + io->out_len, data, len);
        io->out_len += len;
        *ret = len;
        return 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *arg)
{
        (void)bio;
        (void)number;
        (void)arg;
        return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method(void)
{
        static BIO_METHOD *method; /* for the program's life */

        if (method)
                return method;
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "buffers");
        if (!method || BIO_meth_set_read_ex(method, bio_read) != 1 ||
            BIO_meth_set_write_ex(method, bio_write) != 1 ||
            BIO_meth_set_ctrl(method, bio_ctrl) != 1)
                abort();
        return method;
}

/* Contexts. */

static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
        const unsigned char *data;
        size_t len;

        (void)arg;
        /* Without ALPN the next callback is not asked. */
        if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation,
                                      &data, &len) == 1)
                return SSL_CLIENT_HELLO_SUCCESS;
        *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
        return SSL_CLIENT_HELLO_ERROR;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *arg)
{
        unsigned char *chosen;

        (void)ssl;
        (void)arg;
        if (SSL_select_next_proto(&chosen, out_len, alpn_h2, sizeof(alpn_h2), in, in_len) !=
            OPENSSL_NPN_NEGOTIATED)
                return SSL_TLSEXT_ERR_ALERT_FATAL;
        *out = chosen;
        return SSL_TLSEXT_ERR_OK;
}

static int on_verify(int ok, X509_STORE_CTX *store)
{
        SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
        struct grpc_tls_conn *c = SSL_get_app_data(ssl);

        if (!ok || X509_STORE_CTX_get_error_depth(store) != 0 || c->context->n_names == 0)
                return ok;
        if (grpc_tls_name_match(X509_STORE_CTX_get_current_cert(store),
                                (const char *const *)c->context->names, c->context->n_names))
                return 1;
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
}

static void context_unref(struct context *context)
{
        if (--context->refs > 0)
                return;
        SSL_CTX_free(context->ctx);
        for (size_t i = 0; i < context->n_names; i++)
                free(context->names[i]);
        free(context->names);
        free(context);
}

static void context_free(void *context)
{
        context_unref(context);
}

static bool set_up(SSL_CTX *ctx)
{
        static const unsigned char id[] = "carob";

        SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_PRIORITIZE_CHACHA);
        SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_client_hello_cb(ctx, on_client_hello, NULL);
        SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
        SSL_CTX_set_timeout(ctx, SESSION_SECONDS);
        (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets keep no state */
        return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
               SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
               /* Connections live long: one ticket is enough. */
               SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
               /* Without it a session with a client's certificate cannot be resumed. */
               SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1) == 1;
}

static int context_new(const struct grpc_tls_config *config, void **ret, char **ret_warning,
                       struct err *e)
{
        struct context *context = xcalloc(1, sizeof(*context));

        context->refs = 1;
        context->ctx = SSL_CTX_new(TLS_server_method());
        if (!context->ctx || !set_up(context->ctx)) {
                context_unref(context);
                return err_set(e, ERR_INTERNAL, 0, "set up TLS: %s",
                               ERR_reason_error_string(ERR_get_error()));
        }
        if (grpc_tls_load_files(context->ctx, config, ret_warning, e) < 0) {
                context_unref(context);
                return -1;
        }
        if (config->client_ca_file) {
                SSL_CTX_set_verify(context->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                                   on_verify);
                SSL_CTX_set_verify_depth(context->ctx, VERIFY_DEPTH);
        }
        if (config->n_client_names > 0)
                context->names = xcalloc(config->n_client_names, sizeof(*context->names));
        for (size_t i = 0; i < config->n_client_names; i++)
                context->names[context->n_names++] = xstrdup(config->client_names[i]);
        *ret = context;
        return 0;
}

/* Connections. */

static void conn_free(struct grpc_tls_conn *c)
{
        if (!c)
                return;
        SSL_free(c->ssl);
        context_unref(c->context);
        free(c->identity);
        free(c);
}

static struct grpc_tls_conn *conn_new(void *context, struct grpc_tls_io *io)
{
        struct grpc_tls_conn *c = xcalloc(1, sizeof(*c));
        BIO *bio = BIO_new(bio_method());

        c->context = context;
        c->context->refs++;
        c->io = io;
        c->ssl = SSL_new(c->context->ctx);
        if (!c->ssl || !bio) {
                BIO_free(bio);
                conn_free(c);
                ERR_clear_error();
                return NULL;
        }
        BIO_set_data(bio, c);
        BIO_set_init(bio, 1);
        SSL_set_app_data(c->ssl, c);
        SSL_set_bio(c->ssl, bio, bio);
        SSL_set_accept_state(c->ssl);
        return c;
}

static ssize_t fail(struct grpc_tls_conn *c)
{
        long verdict = SSL_get_verify_result(c->ssl);

        c->reason = verdict == X509_V_ERR_APPLICATION_VERIFICATION
                            ? "certificate is for none of the allowed names"
                    : verdict != X509_V_OK ? X509_verify_cert_error_string(verdict)
                                           : ERR_reason_error_string(ERR_peek_error());
        ERR_clear_error();
        c->failed = true;
        return GRPC_TLS_FAILED;
}

/* The handshake is complete: is the client still who it was, and who is it? */
static bool identify(struct grpc_tls_conn *c)
{
        X509 *cert = SSL_get0_peer_certificate(c->ssl);
        const char *name;

        if (!cert)
                return true;
        if (SSL_session_reused(c->ssl) && X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) {
                SSL_set_verify_result(c->ssl, X509_V_ERR_CERT_HAS_EXPIRED);
                return false;
        }
        name = grpc_tls_name_match(cert, (const char *const *)c->context->names,
                                   c->context->n_names);
        c->identity = name ? xstrdup(name) : grpc_tls_name_first(cert);
        return true;
}

static ssize_t conn_read(struct grpc_tls_conn *c, uint8_t *to, size_t size)
{
        size_t n;
        int r;

        if (c->failed)
                return GRPC_TLS_FAILED;
        ERR_clear_error();
        if (!SSL_is_init_finished(c->ssl)) {
                r = SSL_do_handshake(c->ssl);
                if (r != 1)
                        return SSL_get_error(c->ssl, r) == SSL_ERROR_WANT_READ ? GRPC_TLS_MORE
                                                                               : fail(c);
                if (!identify(c))
                        return fail(c);
        }
        r = SSL_read_ex(c->ssl, to, size, &n);
        if (r == 1)
                return (ssize_t)n;
        switch (SSL_get_error(c->ssl, r)) {
        case SSL_ERROR_WANT_READ:
                return GRPC_TLS_MORE;
        case SSL_ERROR_ZERO_RETURN:
                return 0;
        default:
                return fail(c);
        }
}

static bool conn_write(struct grpc_tls_conn *c, const uint8_t *data, size_t len)
{
        size_t n;

        if (c->failed)
                return false;
        ERR_clear_error();
        if (SSL_write_ex(c->ssl, data, len, &n) == 1)
                return true;
        (void)fail(c);
        return false;
}

static void conn_close(struct grpc_tls_conn *c)
{
        /* Not after a failure (SSL_shutdown(3)), and within the handshake there is nothing to end. */
        if (c->failed || !SSL_is_init_finished(c->ssl))
                return;
        (void)SSL_shutdown(c->ssl);
        ERR_clear_error();
}

static bool conn_established(const struct grpc_tls_conn *c)
{
        return !c->failed && SSL_is_init_finished(c->ssl);
}

static bool conn_resumed(const struct grpc_tls_conn *c)
{
        return SSL_session_reused(c->ssl);
}

static const char *conn_reason(const struct grpc_tls_conn *c)
{
        return c->reason ? c->reason : "no reason given";
}

static const char *conn_identity(const struct grpc_tls_conn *c)
{
        return c->identity;
}

__attribute__((visibility("default"))) const struct grpc_tls_ops grpc_tls_openssl = {
        .context_new = context_new,
        .context_free = context_free,
        .conn_new = conn_new,
        .conn_free = conn_free,
        .read = conn_read,
        .write = conn_write,
        .close = conn_close,
        .established = conn_established,
        .resumed = conn_resumed,
        .reason = conn_reason,
        .identity = conn_identity,
};
