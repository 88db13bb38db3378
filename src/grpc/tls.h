/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS for listeners (grpc/server.h): a certificate with its key, and perhaps a CA whose clients are
 * let in. TLS 1.2 and 1.3, HTTP/2 by ALPN and nothing else, as RFC 9113 section 9.2 wants it.
 * OpenSSL is loaded when the first context is made: a service without TLS does not pay for it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

struct grpc_tls;

struct grpc_tls_config {
        const char
                *cert_file; /* PEM: the server's certificate, then those between it and the root */
        const char *key_file; /* PEM, not encrypted; NULL: it is in cert_file */
        /*
         * PEM: certificates that sign those of clients. Clients must then present one (mutual TLS).
         * NULL: they are not asked.
         */
        const char *client_ca_file;
        /*
         * Who of them is let in: a name fits a DNS name (case does not matter, no wildcards), a URI
         * or an IP address in the certificate's subject alternative names; the subject's common name
         * counts only when the certificate has no alternative names. None: all that the CA signed.
         */
        const char *const *client_names;
        size_t n_client_names;
};

/*
 * Load and check: the files can be read, the key fits the certificate. @config is copied. *ret has
 * one reference. Errors name the file: ERR_USAGE for a config that makes no sense (names without a
 * CA), ERR_NOT_FOUND, ERR_PERMISSION, ERR_BAD_DATA, ERR_UNSUPPORTED when OpenSSL cannot be loaded.
 */
int grpc_tls_new(const struct grpc_tls_config *config, struct grpc_tls **ret, struct err *e);
struct grpc_tls *grpc_tls_ref(struct grpc_tls *tls);
struct grpc_tls *grpc_tls_unref(struct grpc_tls *tls); /* NULL is fine; returns NULL */

static inline void grpc_tls_unrefp(struct grpc_tls **tls)
{
        *tls = grpc_tls_unref(*tls);
}

/*
 * Read the files again, by the same names: for all handshakes from now on; connections that are
 * open stay as they are. When it fails all is as before. Errors as above.
 */
int grpc_tls_reload(struct grpc_tls *tls, struct err *e);

/*
 * What is odd about the files loaded last, though they work: "certificate FILE has expired", "is
 * not valid yet". NULL: nothing. Borrowed, until the next reload.
 */
const char *grpc_tls_warning(const struct grpc_tls *tls);
