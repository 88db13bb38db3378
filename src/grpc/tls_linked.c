/* SPDX-License-Identifier: Apache-2.0 */
/* In place of tls_load.c, for programs that are linked with OpenSSL. */
#include "grpc/tls_priv.h"

const struct grpc_tls_ops *grpc_tls_backend(struct err *e)
{
        (void)e;
        return &grpc_tls_openssl;
}
