/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming SHA-256 and SHA-512 (OpenSSL EVP). Link only where it is used: libcrypto is not small. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum digest_algo { DIGEST_SHA256, DIGEST_SHA512 };

enum { DIGEST_HEX_MAX = 128 }; /* characters of a SHA-512 in hex */

struct digest;

struct digest *digest_new(enum digest_algo algo);
void digest_update(struct digest *d, const void *data, size_t len);
/* Ends the computation and writes lower-case hex; the object can only be freed afterwards. */
void digest_final(struct digest *d, char ret[static DIGEST_HEX_MAX + 1]);
struct digest *digest_free(struct digest *d); /* accepts NULL, returns NULL */
static inline void digest_freep(struct digest **d)
{
        digest_free(*d);
}

void digest_of(enum digest_algo algo, const void *data, size_t len,
               char ret[static DIGEST_HEX_MAX + 1]);

/* "sha256:" + 64 lower-case hex (OCI image-spec descriptor.md, "Digests"); nothing else is accepted. */
bool digest_is_oci_sha256(const char *s);
