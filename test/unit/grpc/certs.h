/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and TLS clients for tests, by OpenSSL; all in memory until they are written. */
#pragma once

#include "grpc/tls_priv.h"
#include "grpc/tls_ssl_priv.h"
#include "test.h"

struct cert {
        X509 *x509;
        EVP_PKEY *key;
};

struct cert_wish {
        const char *cn;            /* NULL: an empty subject */
        const char *alternatives;  /* "DNS:a,URI:b" as of openssl(1); NULL: none */
        const struct cert *issuer; /* NULL: signs itself, and may sign others */
        bool ca;
        int from_hour, to_hour; /* both 0: valid from yesterday until tomorrow */
};

void cert_make(struct cert *ret, const struct cert_wish *wish);
void cert_done(struct cert *c);
#define AUTO_CERT AUTO(cert_done) struct cert

/* PEM files in @dir. @chain may be NULL. Returns the path, heap. */
char *cert_write(const struct test_dir *dir, const char *name, const struct cert *c,
                 const struct cert *chain);
char *key_write(const struct test_dir *dir, const char *name, const struct cert *c);

/* A client in memory. */
struct tls_client {
        SSL_CTX *ctx;
        SSL *ssl;
        BIO *in, *out; /* borrowed from ssl */
};
struct tls_client_wish {
        const struct cert *ca;   /* NULL: the server's certificate is not checked */
        const struct cert *cert; /* NULL: none */
        const char *alpn;        /* wire format; NULL: none */
        size_t alpn_len;
        int max_version; /* 0: the latest */
        const char *ciphers;
        SSL_SESSION *session; /* to resume; NULL: none */
};
void tls_client_init(struct tls_client *c, const struct tls_client_wish *wish);
void tls_client_done(struct tls_client *c);
#define AUTO_TLS_CLIENT AUTO(tls_client_done) struct tls_client
