/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL is in a module of its own: linked to it, a program without TLS would take 1.7 MB more
 * memory and 1.5 ms more to start. Nothing else may be defined here: programs that are linked with
 * OpenSSL replace this file by tls_linked.c.
 */
#include <dlfcn.h>

#include "grpc/tls_priv.h"
#include "util/auto.h"
#include "util/fs.h"

const struct grpc_tls_ops *grpc_tls_backend(struct err *e)
{
        static void *module; /* stays loaded */
        const struct grpc_tls_ops *ops;

        if (!module) {
                AUTO_FREE char *file = fs_find_sibling("carob-tls.so", CAROB_LIBDIR);

                module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
        }
        ops = module ? dlsym(module, "grpc_tls_openssl") : NULL;
        if (!ops)
                (void)err_set(e, ERR_UNSUPPORTED, 0, "load the TLS module: %.400s", dlerror());
        return ops;
}
