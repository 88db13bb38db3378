/* SPDX-License-Identifier: Apache-2.0 */
#include "certs.h"

static void expect_match(const struct cert *c, const char *name, bool fits)
{
        const char *names[] = { "nobody.example", name };
        const char *found = grpc_tls_name_match(c->x509, names, ARRAY_LEN(names));

        if (fits)
                assert_ptr_equal(found, name);
        else
                assert_null(found);
}

static void alternative_names_fit_by_their_kind(void **state)
{
        AUTO_CERT c = { 0 };

        (void)state;
        cert_make(&c, &(struct cert_wish){
                              .cn = "common",
                              .alternatives =
                                      "DNS:Kubelet.Example,URI:spiffe://a/Node,IP:192.0.2.7,"
                                      "IP:2001:db8::1,email:root@a.example,DNS:*.wild.example" });
        expect_match(&c, "kubelet.example", true);
        expect_match(&c, "KUBELET.EXAMPLE", true);
        expect_match(&c, "kubelet.example.", false);
        expect_match(&c, "kubelet.exampl", false);
        expect_match(&c, "spiffe://a/Node", true);
        expect_match(&c, "spiffe://a/node", false);
        expect_match(&c, "192.0.2.7", true);
        expect_match(&c, "192.0.2.8", false);
        expect_match(&c, "2001:0db8:0::1", true);
        expect_match(&c, "2001:db8::2", false);
        expect_match(&c, "root@a.example", false);
        expect_match(&c, "x.wild.example", false);
        expect_match(&c, "*.wild.example", true); /* to the letter */
        expect_match(&c, "common", false);
        expect_match(&c, "", false);
}

static void common_name_fits_without_alternatives_only(void **state)
{
        AUTO_CERT plain = { 0 }, other = { 0 }, none = { 0 };

        (void)state;
        cert_make(&plain, &(struct cert_wish){ .cn = "node-1" });
        expect_match(&plain, "node-1", true);
        expect_match(&plain, "Node-1", false);
        expect_match(&plain, "node", false);
        cert_make(&other,
                  &(struct cert_wish){ .cn = "node-1", .alternatives = "email:a@b.example" });
        expect_match(&other, "node-1", false);
        cert_make(&none, &(struct cert_wish){ .cn = NULL });
        expect_match(&none, "", false);
}

static void names_with_a_nul_fool_nobody(void **state)
{
        AUTO_CERT c = { 0 };
        GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();
        char *first;

        (void)state;
        cert_make(&c, &(struct cert_wish){ .cn = "x" });
        assert_int_equal(ASN1_STRING_set(text, "good.example\0.evil.example", 26), 1);
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
        assert_true(sk_GENERAL_NAME_push(names, name) > 0);
        assert_int_equal(X509_add1_ext_i2d(c.x509, NID_subject_alt_name, names, 0, 0), 1);
        expect_match(&c, "good.example", false);
        first = grpc_tls_name_first(c.x509);
        assert_string_equal(first, "good.example?.evil.example");
        free(first);
        GENERAL_NAMES_free(names);
}

static void first_name_is_the_first_alternative_else_the_common_name(void **state)
{
        static const struct {
                const char *cn, *alternatives, *first;
        } cases[] = {
                { "c", "DNS:a.example,URI:u:v", "a.example" },
                { "c", "URI:spiffe://x/y,DNS:a.example", "spiffe://x/y" },
                { "c", "email:m@a.example,IP:192.0.2.1", "192.0.2.1" },
                { "c", "IP:2001:db8::1", "2001:db8::1" },
                { "common name", NULL, "common name" },
                { "t\xc3\xbcr", NULL, "t??r" },
                { "c", "email:m@a.example", "c" },
                { NULL, NULL, NULL },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_CERT c = { 0 };
                AUTO_FREE char *first = NULL;

                cert_make(&c, &(struct cert_wish){ .cn = cases[i].cn,
                                                   .alternatives = cases[i].alternatives });
                first = grpc_tls_name_first(c.x509);
                if (!cases[i].first)
                        assert_null(first);
                else
                        assert_string_equal(first, cases[i].first);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(alternative_names_fit_by_their_kind),
                cmocka_unit_test(common_name_fits_without_alternatives_only),
                cmocka_unit_test(names_with_a_nul_fool_nobody),
                cmocka_unit_test(first_name_is_the_first_alternative_else_the_common_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
