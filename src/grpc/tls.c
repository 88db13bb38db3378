/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/tls.h"

int grpc_tls_new(const struct grpc_tls_config *config, struct grpc_tls **ret, struct err *e)
{
        (void)config;
        (void)ret;
        return err_set(e, ERR_UNSUPPORTED, 0, "TLS is not built in");
}

struct grpc_tls *grpc_tls_ref(struct grpc_tls *tls)
{
        return tls;
}

struct grpc_tls *grpc_tls_unref(struct grpc_tls *tls)
{
        (void)tls;
        return NULL;
}

int grpc_tls_reload(struct grpc_tls *tls, struct err *e)
{
        (void)tls;
        return err_set(e, ERR_UNSUPPORTED, 0, "TLS is not built in");
}

const char *grpc_tls_warning(const struct grpc_tls *tls)
{
        (void)tls;
        return NULL;
}
