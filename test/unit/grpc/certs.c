/* SPDX-License-Identifier: Apache-2.0 */
#include "certs.h"

#include "util/mem.h"

static void add_extension(X509 *cert, int nid, const char *value)
{
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

        assert_non_null(ext);
        assert_int_equal(X509_add_ext(cert, ext, -1), 1);
        X509_EXTENSION_free(ext);
}

void cert_make(struct cert *ret, const struct cert_wish *wish)
{
        static long serial;
        X509 *cert = X509_new();
        X509_NAME *name = X509_NAME_new();
        const struct cert *issuer = wish->issuer ? wish->issuer : ret;
        bool dated = wish->from_hour != 0 || wish->to_hour != 0;

        assert_non_null(cert);
        ret->key = EVP_EC_gen("P-256");
        ret->x509 = cert;
        assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
        assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial), 1);
        if (wish->cn)
                assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                            (const unsigned char *)wish->cn, -1, -1,
                                                            0),
                                 1);
        assert_int_equal(X509_set_subject_name(cert, name), 1);
        assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(issuer->x509)), 1);
        X509_NAME_free(name);
        (void)X509_gmtime_adj(X509_getm_notBefore(cert), (dated ? wish->from_hour : -24) * 3600L);
        (void)X509_gmtime_adj(X509_getm_notAfter(cert), (dated ? wish->to_hour : 24) * 3600L);
        assert_int_equal(X509_set_pubkey(cert, ret->key), 1);
        add_extension(cert, NID_basic_constraints,
                      wish->ca || !wish->issuer ? "critical,CA:TRUE" : "CA:FALSE");
        if (wish->alternatives)
                add_extension(cert, NID_subject_alt_name, wish->alternatives);
        assert_true(X509_sign(cert, issuer->key, EVP_sha256()) > 0);
}

void cert_done(struct cert *c)
{
        X509_free(c->x509);
        EVP_PKEY_free(c->key);
        *c = (struct cert){ 0 };
}

static char *write_pem(const struct test_dir *dir, const char *name, BIO *bio)
{
        char *data;
        long len = BIO_get_mem_data(bio, &data);

        (void)unlinkat(dir->fd, name, 0);
        assert_int_equal(fs_write_file(dir->fd, name, data, (size_t)len, 0600), 0);
        BIO_free(bio);
        return xasprintf("%s/%s", dir->path, name);
}

char *cert_write(const struct test_dir *dir, const char *name, const struct cert *c,
                 const struct cert *chain)
{
        BIO *bio = BIO_new(BIO_s_mem());

        assert_int_equal(PEM_write_bio_X509(bio, c->x509), 1);
        if (chain)
                assert_int_equal(PEM_write_bio_X509(bio, chain->x509), 1);
        return write_pem(dir, name, bio);
}

char *key_write(const struct test_dir *dir, const char *name, const struct cert *c)
{
        BIO *bio = BIO_new(BIO_s_mem());

        assert_int_equal(PEM_write_bio_PrivateKey(bio, c->key, NULL, NULL, 0, NULL, NULL), 1);
        return write_pem(dir, name, bio);
}

void tls_client_init(struct tls_client *c, const struct tls_client_wish *wish)
{
        c->ctx = SSL_CTX_new(TLS_client_method());
        assert_non_null(c->ctx);
        if (wish->ca) {
                assert_int_equal(
                        X509_STORE_add_cert(SSL_CTX_get_cert_store(c->ctx), wish->ca->x509), 1);
                SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
        }
        if (wish->cert) {
                assert_int_equal(SSL_CTX_use_certificate(c->ctx, wish->cert->x509), 1);
                assert_int_equal(SSL_CTX_use_PrivateKey(c->ctx, wish->cert->key), 1);
        }
        if (wish->alpn)
                assert_int_equal(SSL_CTX_set_alpn_protos(c->ctx, (const unsigned char *)wish->alpn,
                                                         (unsigned)wish->alpn_len),
                                 0);
        if (wish->max_version)
                assert_int_equal(SSL_CTX_set_max_proto_version(c->ctx, wish->max_version), 1);
        if (wish->ciphers)
                assert_int_equal(SSL_CTX_set_cipher_list(c->ctx, wish->ciphers), 1);
        SSL_CTX_set_security_level(c->ctx, 0); /* what is refused must be the server's doing */
        c->ssl = SSL_new(c->ctx);
        c->in = BIO_new(BIO_s_mem());
        c->out = BIO_new(BIO_s_mem());
        SSL_set_bio(c->ssl, c->in, c->out);
        if (wish->session)
                assert_int_equal(SSL_set_session(c->ssl, wish->session), 1);
        SSL_set_connect_state(c->ssl);
}

void tls_client_done(struct tls_client *c)
{
        SSL_free(c->ssl);
        SSL_CTX_free(c->ctx);
        *c = (struct tls_client){ 0 };
}
