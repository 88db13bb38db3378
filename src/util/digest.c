/* SPDX-License-Identifier: Apache-2.0 */
#include "util/digest.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/auto.h"
#include "util/mem.h"

struct digest {
        EVP_MD_CTX *ctx; /* owned */
};

/* OpenSSL fails here only without memory or with a broken installation: both end the program. */
static void must(int ok)
{
        if (ok != 1)
                abort();
}

struct digest *digest_new(enum digest_algo algo)
{
        struct digest *d = xcalloc(1, sizeof(*d));

        d->ctx = EVP_MD_CTX_new();
        must(d->ctx != NULL);
        must(EVP_DigestInit_ex(d->ctx, algo == DIGEST_SHA256 ? EVP_sha256() : EVP_sha512(), NULL));
        return d;
}

void digest_update(struct digest *d, const void *data, size_t len)
{
        must(EVP_DigestUpdate(d->ctx, data, len));
}

void digest_final(struct digest *d, char ret[static DIGEST_HEX_MAX + 1])
{
        uint8_t raw[EVP_MAX_MD_SIZE];
        unsigned n = 0;

        must(EVP_DigestFinal_ex(d->ctx, raw, &n));
        for (unsigned i = 0; i < n; i++) {
                ret[2 * i] = "0123456789abcdef"[raw[i] >> 4];
                ret[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
        }
        ret[2 * n] = '\0';
}

struct digest *digest_free(struct digest *d)
{
        if (d)
                EVP_MD_CTX_free(d->ctx);
        free(d);
        return NULL;
}

void digest_of(enum digest_algo algo, const void *data, size_t len,
               char ret[static DIGEST_HEX_MAX + 1])
{
        AUTO(digest_freep) struct digest *d = digest_new(algo);

        digest_update(d, data, len);
        digest_final(d, ret);
}

bool digest_is_oci_sha256(const char *s)
{
        if (strncmp(s, "sha256:", 7) != 0 || strlen(s) != 7 + 64)
                return false;
        return strspn(s + 7, "0123456789abcdef") == 64;
}
