/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and keys out of PEM files. OpenSSL's own functions that read files do not say which
 * file it was, nor whether it is missing or broken; so bytes are read here, and parsed one by one.
 */
#include <stdlib.h>
#include <string.h>

#include "grpc/tls_priv.h"
#include "grpc/tls_ssl_priv.h"
#include "util/auto.h"
#include "util/buf.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"

static void biop(BIO **bio)
{
        BIO_free(*bio);
}

static void x509p(X509 **cert)
{
        X509_free(*cert);
}

static void keyp(EVP_PKEY **key)
{
        EVP_PKEY_free(*key);
}

/* Why OpenSSL failed, at the bottom of it; empties its queue of errors. */
static const char *reason(void)
{
        const char *text = ERR_reason_error_string(ERR_peek_error());

        ERR_clear_error();
        return text ? text : "no reason given";
}

static int read_file(const char *file, const char *what, size_t max, struct buf *out, struct err *e)
{
        int r;

        *out = BUF_NULL(max);
        r = fs_read_user_file(file, out);
        if (r == -ENOENT || r == -ENOTDIR)
                return err_set(e, ERR_NOT_FOUND, -r, "%s %s", what, file);
        if (r == -ENOBUFS)
                return err_set(e, ERR_LIMIT, 0, "%s %s is larger than %zu bytes", what, file, max);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "%s %s", what, file);
        return 0;
}

/* After PEM_read_bio_*: the end of the file, not an error in it. */
static bool at_end(void)
{
        unsigned long code = ERR_peek_last_error();

        return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static int no_password(char *to, int size, int writing, void *arg)
{
        (void)to;
        (void)size;
        (void)writing;
        *(bool *)arg = true;
        return -1;
}

static void warn(char **warning, const char *what, const char *file, const char *how)
{
        if (!*warning)
                *warning = xasprintf("%s %s %s", what, file, how);
}

static void check_times(const X509 *cert, const char *what, const char *file, char **warning)
{
        if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
                warn(warning, what, file, "has expired");
        else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
                warn(warning, what, file, "is not valid yet");
}

static int load_chain(SSL_CTX *ctx, const char *file, char **warning, struct err *e)
{
        static const char what[] = "certificate";
        AUTO(buf_done) struct buf text = BUF_NULL(0);
        AUTO(x509p) X509 *leaf = NULL;
        AUTO(biop) BIO *bio = NULL;
        X509 *above, *below;

        if (read_file(file, what, LIMIT_TLS_CHAIN_BYTES, &text, e) < 0)
                return -1;
        bio = BIO_new_mem_buf(text.data, (int)text.len);
        leaf = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
        if (!leaf)
                return err_set(e, ERR_BAD_DATA, 0, "%s %s: %s", what, file,
                               at_end() ? "there is no certificate in the file" : reason());
        if (SSL_CTX_use_certificate(ctx, leaf) != 1)
                return err_set(e, ERR_BAD_DATA, 0, "%s %s: %s", what, file, reason());
        check_times(leaf, what, file, warning);
        below = leaf;
        while ((above = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
                if (X509_check_issued(above, below) != X509_V_OK)
                        warn(warning, what, file,
                             "has certificates that do not follow from one another");
                below = above;
                if (SSL_CTX_add0_chain_cert(ctx, above) != 1) {
                        X509_free(above);
                        return err_set(e, ERR_BAD_DATA, 0, "%s %s: %s", what, file, reason());
                }
        }
        if (!at_end())
                return err_set(e, ERR_BAD_DATA, 0, "%s %s: %s", what, file, reason());
        ERR_clear_error();
        return 0;
}

static int load_key(SSL_CTX *ctx, const char *file, const char *cert_file, struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(0);
        AUTO(keyp) EVP_PKEY *key = NULL;
        AUTO(biop) BIO *bio = NULL;
        static const char marker[] = "PRIVATE KEY-----"; /* RFC 7468 */
        bool encrypted = false, some;

        if (read_file(file, "key", LIMIT_TLS_CHAIN_BYTES, &text, e) < 0)
                return -1;
        bio = BIO_new_mem_buf(text.data, (int)text.len);
        key = PEM_read_bio_PrivateKey(bio, NULL, no_password, &encrypted);
        some = memmem(text.data, text.len, marker, sizeof(marker) - 1) != NULL;
        explicit_bzero(text.data, text.len);
        if (!key && encrypted)
                return err_set(e, ERR_BAD_DATA, 0,
                               "key %s is encrypted, and there is nobody to ask for its password",
                               file);
        if (!key)
                return err_set(e, ERR_BAD_DATA, 0, "key %s: %s", file,
                               some ? reason() : "there is no private key in the file");
        if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
                ERR_clear_error();
                return err_set(e, ERR_BAD_DATA, 0, "key %s does not belong to certificate %s", file,
                               cert_file);
        }
        return 0;
}

static int load_client_ca(SSL_CTX *ctx, const char *file, char **warning, struct err *e)
{
        static const char what[] = "client CA";
        AUTO(buf_done) struct buf text = BUF_NULL(0);
        AUTO(biop) BIO *bio = NULL;
        X509_STORE *store = SSL_CTX_get_cert_store(ctx);
        size_t n = 0, names = 0;

        if (read_file(file, what, LIMIT_TLS_CA_BYTES, &text, e) < 0)
                return -1;
        bio = BIO_new_mem_buf(text.data, (int)text.len);
        for (;; n++) {
                AUTO(x509p) X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

                if (!cert)
                        break;
                if (X509_STORE_add_cert(store, cert) != 1 || SSL_CTX_add_client_CA(ctx, cert) != 1)
                        return err_set(e, ERR_BAD_DATA, 0, "%s %s: %s", what, file, reason());
                check_times(cert, what, file, warning);
                names += 2 + (size_t)i2d_X509_NAME(X509_get_subject_name(cert), NULL);
        }
        if (names > LIMIT_TLS_CA_NAMES)
                return err_set(e, ERR_LIMIT, 0, "%s %s has too many certificates (%zu)", what, file,
                               n);
        if (n == 0 || !at_end())
                return err_set(e, ERR_BAD_DATA, 0, "%s %s: %s", what, file,
                               at_end() ? "there is no certificate in the file" : reason());
        ERR_clear_error();
        /* What is in the file is trusted, be it a root or not. */
        (void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
        return 0;
}

int grpc_tls_load_files(SSL_CTX *ctx, const struct grpc_tls_config *config, char **ret_warning,
                        struct err *e)
{
        AUTO_FREE char *warning = NULL;

        ERR_clear_error();
        if (load_chain(ctx, config->cert_file, &warning, e) < 0 ||
            load_key(ctx, config->key_file, config->cert_file, e) < 0)
                return -1;
        if (config->client_ca_file && load_client_ca(ctx, config->client_ca_file, &warning, e) < 0)
                return -1;
        *ret_warning = TAKE_PTR(warning);
        return 0;
}
