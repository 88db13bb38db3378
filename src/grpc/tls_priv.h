/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tls.c asks of the library behind it. TLS is bytes in, bytes out, like the session: no socket
 * inside. One grpc_tls_io serves all connections of a server, since it is empty between the turns
 * of two of them: what came in is used up, what must go out is taken, in one go.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "grpc/tls.h"

enum {
        /*
         * Room for the largest flight of ours: a chain of certificates (64 KB), the names of the
         * CAs clients may use (64 KB at most, RFC 8446 section 4.2.4), or the encryption of one
         * full buffer of the server. Pages that are not used cost nothing.
         */
        GRPC_TLS_OUT = 256 * 1024,
        GRPC_TLS_PLAIN = 16 * 1024, /* of one record (RFC 8446 section 5.1) */
};

struct grpc_tls_io {
        const uint8_t *in; /* borrowed: received, not used yet */
        size_t in_len;
        uint8_t *out; /* borrowed: what must be sent */
        size_t out_len, out_size;
};

struct grpc_tls_conn;

enum { GRPC_TLS_MORE = -1, GRPC_TLS_FAILED = -2 };

struct grpc_tls_ops {
        /* Errors as grpc_tls_new. *ret_warning is a heap string or NULL. */
        int (*context_new)(const struct grpc_tls_config *config, void **ret, char **ret_warning,
                           struct err *e);
        void (*context_free)(void *context);

        /* Keeps what it needs of @context; @io is borrowed for its life. NULL: no memory. */
        struct grpc_tls_conn *(*conn_new)(void *context, struct grpc_tls_io *io);
        void (*conn_free)(struct grpc_tls_conn *c); /* NULL is fine */
        /*
         * Goes on with the handshake, then decrypts. Returns bytes; 0 when the client has said that
         * it closes; GRPC_TLS_MORE when the input is used up; GRPC_TLS_FAILED (an alert for the
         * client is in @io then).
         */
        ssize_t (*read)(struct grpc_tls_conn *c, uint8_t *to, size_t size);
        /* All of @data, at most a server's buffer full; after the handshake. False: failed. */
        bool (*write)(struct grpc_tls_conn *c, const uint8_t *data, size_t len);
        void (*close)(struct grpc_tls_conn *c); /* says that nothing follows (close_notify) */
        bool (*established)(const struct grpc_tls_conn *c);
        bool (*resumed)(const struct grpc_tls_conn *c);
        const char *(*reason)(const struct grpc_tls_conn *c); /* of a failure; never NULL */
        /* See grpc_peer.identity. Borrowed; NULL for a client without a certificate. */
        const char *(*identity)(const struct grpc_tls_conn *c);
};

/*
 * The library. NULL: ERR_UNSUPPORTED. tls_load.c loads a module; tests and other programs that are
 * linked with OpenSSL anyway define it themselves (tls_linked.c).
 */
const struct grpc_tls_ops *grpc_tls_backend(struct err *e);
extern const struct grpc_tls_ops grpc_tls_openssl; /* what the module exports */

/* A connection by the context as it is now. The results as of the members above. */
struct grpc_tls_conn *grpc_tls_conn_new(const struct grpc_tls *tls, struct grpc_tls_io *io,
                                        const struct grpc_tls_ops **ret_ops);

/* tls_cert.c, in the module: contexts out of files. */
struct ssl_ctx_st;
int grpc_tls_load_files(struct ssl_ctx_st *ctx, const struct grpc_tls_config *config,
                        char **ret_warning, struct err *e);

/* tls_name.c, in the module: who a certificate speaks for. */
struct x509_st;
/* The one of @names that fits @cert, NULL for none. */
const char *grpc_tls_name_match(struct x509_st *cert, const char *const *names, size_t n);
/* Heap string; control characters and what is not ASCII become '?'. NULL: it names nobody. */
char *grpc_tls_name_first(struct x509_st *cert);
