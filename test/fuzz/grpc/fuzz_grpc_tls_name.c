/* SPDX-License-Identifier: Apache-2.0 */
/* A client's certificate: its names, against some that are allowed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/tls_priv.h"
#include "grpc/tls_ssl_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const names[] = { "node-1", "kubelet.example", "192.0.2.7",
                                             "::1",    "spiffe://a/b",    "" };
        const unsigned char *at = data;
        X509 *cert = d2i_X509(NULL, &at, (long)size);
        const char *found;
        char *first;

        ERR_clear_error();
        if (!cert)
                return 0;
        found = grpc_tls_name_match(cert, names, sizeof(names) / sizeof(names[0]));
        first = grpc_tls_name_first(cert);
        if (found && !first && *found)
                abort(); /* who fits a name has one */
        for (const char *p = first; p && *p; p++)
                if (*p < 0x20 || *p > 0x7e)
                        abort();
        free(first);
        X509_free(cert);
        ERR_clear_error();
        return 0;
}
