/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a client's certificate speaks for: its subject alternative names, and the common name of its
 * subject where it has none (RFC 6125 section 6.4.4). Lengths are compared, so a NUL within a name
 * fools nobody.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "grpc/tls_priv.h"
#include "grpc/tls_ssl_priv.h"
#include "util/auto.h"
#include "util/mem.h"

enum { IDENTITY_MAX = 255 };

static void names_freep(GENERAL_NAMES **names)
{
        GENERAL_NAMES_free(*names);
}

static bool is_text(const ASN1_STRING *s, const char *name, bool fold)
{
        const char *data = (const char *)ASN1_STRING_get0_data(s);
        size_t len = (size_t)ASN1_STRING_length(s);

        return len == strlen(name) &&
               (fold ? strncasecmp(data, name, len) : memcmp(data, name, len)) == 0;
}

static bool is_ip(const ASN1_OCTET_STRING *s, const char *name)
{
        const unsigned char *data = ASN1_STRING_get0_data(s);
        struct in6_addr in6;
        struct in_addr in;

        switch (ASN1_STRING_length(s)) {
        case sizeof(in):
                return inet_pton(AF_INET, name, &in) == 1 && memcmp(data, &in, sizeof(in)) == 0;
        case sizeof(in6):
                return inet_pton(AF_INET6, name, &in6) == 1 && memcmp(data, &in6, sizeof(in6)) == 0;
        default:
                return false;
        }
}

static bool general_name_is(const GENERAL_NAME *g, const char *name)
{
        switch (g->type) {
        case GEN_DNS:
                return is_text(g->d.dNSName, name, true);
        case GEN_URI:
                return is_text(g->d.uniformResourceIdentifier, name, false);
        case GEN_IPADD:
                return is_ip(g->d.iPAddress, name);
        default:
                return false;
        }
}

static GENERAL_NAMES *alternative_names(X509 *cert)
{
        return X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
}

/* UTF-8, its length at *ret_len; to be released with OPENSSL_free. NULL when there is none. */
static unsigned char *common_name(X509 *cert, size_t *ret_len)
{
        const X509_NAME *subject = X509_get_subject_name(cert);
        int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
        unsigned char *text = NULL;
        int len;

        if (at < 0)
                return NULL;
        len = ASN1_STRING_to_UTF8(&text,
                                  X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        if (len < 0)
                return NULL;
        *ret_len = (size_t)len;
        return text;
}

const char *grpc_tls_name_match(X509 *cert, const char *const *names, size_t n)
{
        AUTO(names_freep) GENERAL_NAMES *alternatives = alternative_names(cert);
        const char *found = NULL;
        unsigned char *cn;
        size_t len;

        for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); i++)
                for (size_t k = 0; k < n; k++)
                        if (general_name_is(sk_GENERAL_NAME_value(alternatives, i), names[k]))
                                return names[k];
        if (X509_get_ext_by_NID(cert, NID_subject_alt_name, -1) >= 0)
                return NULL;
        cn = common_name(cert, &len);
        for (size_t k = 0; k < n && cn && !found; k++)
                if (len == strlen(names[k]) && memcmp(cn, names[k], len) == 0)
                        found = names[k];
        OPENSSL_free(cn);
        return found;
}

static char *printable(const unsigned char *data, size_t len)
{
        size_t n = len < IDENTITY_MAX ? len : IDENTITY_MAX;
        char *text = xmalloc(n + 1);

        for (size_t i = 0; i < n; i++)
                text[i] = data[i] >= 0x20 && data[i] < 0x7f ? (char)data[i] : '?';
        text[n] = '\0';
        return text;
}

static char *general_name_text(const GENERAL_NAME *g)
{
        char ip[INET6_ADDRSTRLEN];
        const ASN1_STRING *s = g->d.ia5;
        int family;

        switch (g->type) {
        case GEN_DNS:
        case GEN_URI:
                return printable(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
        case GEN_IPADD:
                family = ASN1_STRING_length(s) == 4 ? AF_INET : AF_INET6;
                if (ASN1_STRING_length(s) != 4 && ASN1_STRING_length(s) != 16)
                        return NULL;
                return inet_ntop(family, ASN1_STRING_get0_data(s), ip, sizeof(ip)) ? xstrdup(ip)
                                                                                   : NULL;
        default:
                return NULL;
        }
}

char *grpc_tls_name_first(X509 *cert)
{
        AUTO(names_freep) GENERAL_NAMES *alternatives = alternative_names(cert);
        unsigned char *cn;
        char *text = NULL;
        size_t len;

        for (int i = 0; i < sk_GENERAL_NAME_num(alternatives) && !text; i++)
                text = general_name_text(sk_GENERAL_NAME_value(alternatives, i));
        if (text)
                return text;
        cn = common_name(cert, &len);
        if (cn && len > 0)
                text = printable(cn, len);
        OPENSSL_free(cn);
        return text;
}
