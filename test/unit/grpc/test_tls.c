/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts: what is loaded, what is refused, and in which words. */
#include "grpc/tls.h"

#include "certs.h"
#include "util/mem.h"

#define AUTO_TLS AUTO(grpc_tls_unrefp) struct grpc_tls *

struct files {
        struct test_dir dir;
        struct cert ca, server, other;
        char *ca_pem, *cert, *key, *other_key;
};

static void files_init(struct files *f)
{
        test_dir_init(&f->dir);
        cert_make(&f->ca, &(struct cert_wish){ .cn = "ca" });
        cert_make(&f->server, &(struct cert_wish){ .cn = "s", .issuer = &f->ca });
        cert_make(&f->other, &(struct cert_wish){ .cn = "o", .issuer = &f->ca });
        f->ca_pem = cert_write(&f->dir, "ca.pem", &f->ca, NULL);
        f->cert = cert_write(&f->dir, "cert.pem", &f->server, &f->ca);
        f->key = key_write(&f->dir, "key.pem", &f->server);
        f->other_key = key_write(&f->dir, "other.key", &f->other);
}

static void files_done(struct files *f)
{
        cert_done(&f->ca);
        cert_done(&f->server);
        cert_done(&f->other);
        free(f->ca_pem);
        free(f->cert);
        free(f->key);
        free(f->other_key);
        test_dir_done(&f->dir);
}
#define AUTO_FILES AUTO(files_done) struct files

static void expect_error(const struct grpc_tls_config *config, enum err_kind kind, const char *fmt,
                         const char *file)
{
        AUTO_TLS tls = NULL;
        AUTO_FREE char *text = NULL;
        struct err e;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        text = xasprintf(fmt, file);
#pragma GCC diagnostic pop
        assert_int_equal(grpc_tls_new(config, &tls, &e), -1);
        assert_string_equal(e.text, text);
        assert_int_equal(e.kind, kind);
}

static void good_files_are_loaded(void **state)
{
        AUTO_FILES f = { 0 };
        AUTO_TLS tls = NULL;
        const char *names[] = { "a", "b" };
        struct err e;

        (void)state;
        files_init(&f);
        assert_ok(grpc_tls_new(&(struct grpc_tls_config){ .cert_file = f.cert,
                                                          .key_file = f.key,
                                                          .client_ca_file = f.ca_pem,
                                                          .client_names = names,
                                                          .n_client_names = 2 },
                               &tls, &e),
                  &e);
        assert_null(grpc_tls_warning(tls));
        assert_ptr_equal(grpc_tls_ref(tls), tls);
        assert_null(grpc_tls_unref(tls));
        assert_ok(grpc_tls_reload(tls, &e), &e);
}

static void key_may_be_in_the_certificate_file(void **state)
{
        AUTO_FILES f = { 0 };
        AUTO_TLS tls = NULL;
        AUTO(buf_done) struct buf both = BUF_NULL(100000);
        AUTO_FREE char *path = NULL;
        struct err e;

        (void)state;
        files_init(&f);
        assert_int_equal(fs_read_file(f.dir.fd, "key.pem", &both), 0);
        assert_int_equal(fs_read_file(f.dir.fd, "cert.pem", &both), 0);
        assert_int_equal(fs_write_file(f.dir.fd, "both", both.data, both.len, 0600), 0);
        path = xasprintf("%s/both", f.dir.path);
        assert_ok(grpc_tls_new(&(struct grpc_tls_config){ .cert_file = path }, &tls, &e), &e);
}

static void configurations_without_sense_are_refused(void **state)
{
        const char *names[] = { "a" };

        (void)state;
        expect_error(&(struct grpc_tls_config){ .key_file = "k" }, ERR_USAGE, "%s",
                     "TLS needs a certificate");
        expect_error(&(struct grpc_tls_config){ .cert_file = "c",
                                                .client_names = names,
                                                .n_client_names = 1 },
                     ERR_USAGE, "%s", "names of clients mean nothing without a client CA");
}

static void files_that_do_not_work_are_named(void **state)
{
        AUTO_FILES f = { 0 };
        AUTO_FREE char *missing = NULL, *junk = NULL, *locked = NULL, *half = NULL;
        static const char broken[] =
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        BIO *bio = BIO_new(BIO_s_mem());
        char *pem;
        long len;

        (void)state;
        files_init(&f);
        missing = xasprintf("%s/missing", f.dir.path);
        junk = xasprintf("%s/junk", f.dir.path);
        half = xasprintf("%s/half", f.dir.path);
        locked = xasprintf("%s/locked", f.dir.path);
        assert_int_equal(fs_write_file(f.dir.fd, "junk", "hello\n", 6, 0600), 0);
        assert_int_equal(fs_write_file(f.dir.fd, "half", broken, sizeof(broken) - 1, 0600), 0);
        assert_int_equal(PEM_write_bio_PrivateKey(bio, f.server.key, EVP_aes_128_cbc(),
                                                  (const unsigned char *)"secret", 6, NULL, NULL),
                         1);
        len = BIO_get_mem_data(bio, &pem);
        assert_int_equal(fs_write_file(f.dir.fd, "locked", pem, (size_t)len, 0600), 0);
        BIO_free(bio);

        expect_error(&(struct grpc_tls_config){ .cert_file = missing, .key_file = f.key },
                     ERR_NOT_FOUND, "certificate %s: No such file or directory", missing);
        expect_error(&(struct grpc_tls_config){ .cert_file = f.cert, .key_file = missing },
                     ERR_NOT_FOUND, "key %s: No such file or directory", missing);
        expect_error(&(struct grpc_tls_config){ .cert_file = f.cert,
                                                .key_file = f.key,
                                                .client_ca_file = missing },
                     ERR_NOT_FOUND, "client CA %s: No such file or directory", missing);
        expect_error(&(struct grpc_tls_config){ .cert_file = junk, .key_file = f.key },
                     ERR_BAD_DATA, "certificate %s: there is no certificate in the file", junk);
        expect_error(&(struct grpc_tls_config){ .cert_file = f.key }, ERR_BAD_DATA,
                     "certificate %s: there is no certificate in the file", f.key);
        expect_error(&(struct grpc_tls_config){ .cert_file = half, .key_file = f.key },
                     ERR_BAD_DATA, "certificate %s: wrong tag", half);
        expect_error(&(struct grpc_tls_config){ .cert_file = f.cert, .key_file = junk },
                     ERR_BAD_DATA, "key %s: there is no private key in the file", junk);
        expect_error(&(struct grpc_tls_config){ .cert_file = f.cert }, ERR_BAD_DATA,
                     "key %s: there is no private key in the file", f.cert);
        expect_error(&(struct grpc_tls_config){ .cert_file = f.cert, .key_file = locked },
                     ERR_BAD_DATA,
                     "key %s is encrypted, and there is nobody to ask for its password", locked);
        expect_error(&(struct grpc_tls_config){ .cert_file = f.cert,
                                                .key_file = f.key,
                                                .client_ca_file = junk },
                     ERR_BAD_DATA, "client CA %s: there is no certificate in the file", junk);
}

static void key_of_another_certificate_is_told(void **state)
{
        AUTO_FILES f = { 0 };
        AUTO_TLS tls = NULL;
        AUTO_FREE char *text = NULL;
        struct err e;

        (void)state;
        files_init(&f);
        assert_int_equal(grpc_tls_new(&(struct grpc_tls_config){ .cert_file = f.cert,
                                                                 .key_file = f.other_key },
                                      &tls, &e),
                         -1);
        text = xasprintf("key %s does not belong to certificate %s", f.other_key, f.cert);
        assert_string_equal(e.text, text);
        assert_int_equal(e.kind, ERR_BAD_DATA);
}

static void expect_warning(const struct files *f, const struct cert *c, const struct cert *chain,
                           const char *how)
{
        AUTO_TLS tls = NULL;
        AUTO_FREE char *cert = cert_write(&f->dir, "odd.pem", c, chain);
        AUTO_FREE char *key = key_write(&f->dir, "odd.key", c);
        AUTO_FREE char *text = xasprintf("certificate %s %s", cert, how);
        struct err e;

        assert_ok(grpc_tls_new(&(struct grpc_tls_config){ .cert_file = cert, .key_file = key },
                               &tls, &e),
                  &e);
        assert_string_equal(grpc_tls_warning(tls), text);
}

static void oddities_are_warned_of(void **state)
{
        AUTO_FILES f = { 0 };
        AUTO_CERT old = { 0 }, early = { 0 };

        (void)state;
        files_init(&f);
        cert_make(&old, &(struct cert_wish){
                                .cn = "s", .issuer = &f.ca, .from_hour = -48, .to_hour = -1 });
        cert_make(&early,
                  &(struct cert_wish){ .cn = "s", .issuer = &f.ca, .from_hour = 1, .to_hour = 48 });
        expect_warning(&f, &old, NULL, "has expired");
        expect_warning(&f, &early, NULL, "is not valid yet");
        expect_warning(&f, &f.server, &f.other,
                       "has certificates that do not follow from one another");
}

static void failed_reload_changes_nothing(void **state)
{
        AUTO_FILES f = { 0 };
        AUTO_TLS tls = NULL;
        AUTO_CERT old = { 0 };
        AUTO_FREE char *again = NULL;
        struct err e;

        (void)state;
        files_init(&f);
        cert_make(&old, &(struct cert_wish){
                                .cn = "s", .issuer = &f.ca, .from_hour = -48, .to_hour = -1 });
        assert_ok(grpc_tls_new(&(struct grpc_tls_config){ .cert_file = f.cert, .key_file = f.key },
                               &tls, &e),
                  &e);
        again = cert_write(&f.dir, "cert.pem", &old, NULL); /* whose key is another */
        assert_int_equal(grpc_tls_reload(tls, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_null(grpc_tls_warning(tls));
        free(key_write(&f.dir, "key.pem", &old));
        assert_ok(grpc_tls_reload(tls, &e), &e);
        assert_non_null(grpc_tls_warning(tls));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(good_files_are_loaded),
                cmocka_unit_test(key_may_be_in_the_certificate_file),
                cmocka_unit_test(configurations_without_sense_are_refused),
                cmocka_unit_test(files_that_do_not_work_are_named),
                cmocka_unit_test(key_of_another_certificate_is_told),
                cmocka_unit_test(oddities_are_warned_of),
                cmocka_unit_test(failed_reload_changes_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
