/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listener's TLS: the configuration, and the library's context made of it, which a reload
 * replaces. Connections hold what they need of the old one until they end.
 */
#include "grpc/tls.h"

#include <assert.h>
#include <stdlib.h>

#include "grpc/tls_priv.h"
#include "util/auto.h"
#include "util/mem.h"

struct grpc_tls {
        unsigned refs;
        const struct grpc_tls_ops *ops;
        void *context;         /* owned */
        char *warning;         /* owned; NULL for none */
        char *cert, *key, *ca; /* owned */
        char **names;          /* owned */
        size_t n_names;
};

static int load(struct grpc_tls *tls, struct err *e)
{
        struct grpc_tls_config config = {
                .cert_file = tls->cert,
                .key_file = tls->key,
                .client_ca_file = tls->ca,
                .client_names = (const char *const *)tls->names,
                .n_client_names = tls->n_names,
        };
        char *warning = NULL;
        void *context;

        if (tls->ops->context_new(&config, &context, &warning, e) < 0)
                return -1;
        if (tls->context)
                tls->ops->context_free(tls->context);
        tls->context = context;
        free(tls->warning);
        tls->warning = warning;
        return 0;
}

int grpc_tls_new(const struct grpc_tls_config *config, struct grpc_tls **ret, struct err *e)
{
        AUTO(grpc_tls_unrefp) struct grpc_tls *tls = NULL;
        const struct grpc_tls_ops *ops;

        if (!config->cert_file)
                return err_set(e, ERR_USAGE, 0, "TLS needs a certificate");
        if (config->n_client_names > 0 && !config->client_ca_file)
                return err_set(e, ERR_USAGE, 0,
                               "names of clients mean nothing without a client CA");
        ops = grpc_tls_backend(e);
        if (!ops)
                return -1;
        tls = xcalloc(1, sizeof(*tls));
        tls->refs = 1;
        tls->ops = ops;
        tls->cert = xstrdup(config->cert_file);
        tls->key = xstrdup(config->key_file ? config->key_file : config->cert_file);
        tls->ca = xstrdup_null(config->client_ca_file);
        if (config->n_client_names > 0)
                tls->names = xcalloc(config->n_client_names, sizeof(*tls->names));
        for (size_t i = 0; i < config->n_client_names; i++)
                tls->names[tls->n_names++] = xstrdup(config->client_names[i]);
        if (load(tls, e) < 0)
                return -1;
        *ret = TAKE_PTR(tls);
        return 0;
}

struct grpc_tls *grpc_tls_ref(struct grpc_tls *tls)
{
        if (tls)
                tls->refs++;
        return tls;
}

struct grpc_tls *grpc_tls_unref(struct grpc_tls *tls)
{
        if (!tls || --tls->refs > 0)
                return NULL;
        if (tls->context)
                tls->ops->context_free(tls->context);
        for (size_t i = 0; i < tls->n_names; i++)
                free(tls->names[i]);
        free(tls->names);
        free(tls->warning);
        free(tls->cert);
        free(tls->key);
        free(tls->ca);
        free(tls);
        return NULL;
}

int grpc_tls_reload(struct grpc_tls *tls, struct err *e)
{
        return load(tls, e);
}

const char *grpc_tls_warning(const struct grpc_tls *tls)
{
        return tls->warning;
}

struct grpc_tls_conn *grpc_tls_conn_new(const struct grpc_tls *tls, struct grpc_tls_io *io,
                                        const struct grpc_tls_ops **ret_ops)
{
        *ret_ops = tls->ops;
        return tls->ops->conn_new(tls->context, io);
}
