/* SPDX-License-Identifier: Apache-2.0 */
#include "image/blob.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/digest.h"
#include "util/mem.h"

int blob_read_at(const struct blob *b, uint64_t pos, void *data, size_t len, size_t *ret_len,
                 struct err *e)
{
        ssize_t n;

        if (pos >= b->size) {
                *ret_len = 0;
                return 0;
        }
        if (len > b->size - pos)
                len = b->size - pos;
        do
                n = pread(b->fd, data, len, (off_t)(b->offset + pos));
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return err_set(e, ERR_INTERNAL, errno, "%s: read", b->name);
        if (n == 0)
                return err_set(e, ERR_BAD_DATA, 0,
                               "%s: ends after %" PRIu64 " of %" PRIu64 " bytes", b->name, pos,
                               b->size);
        *ret_len = (size_t)n;
        return 0;
}

int blob_read_all(const struct blob *b, struct buf *out, struct err *e)
{
        uint8_t *p;
        size_t n;

        if (b->size > out->max - out->len || buf_reserve(out, b->size, &p) < 0)
                return err_set(e, ERR_LIMIT, 0,
                               "%s: %" PRIu64 " bytes, more than the %zu allowed here", b->name,
                               b->size, out->max);
        for (uint64_t pos = 0; pos < b->size; pos += n) {
                if (blob_read_at(b, pos, p + pos, b->size - pos, &n, e) < 0)
                        return -1;
        }
        buf_commit(out, b->size);
        return 0;
}

int blob_check_digest(const char *name, const char *expected, const char *found, struct err *e)
{
        if (strcmp(expected, found) == 0)
                return 0;
        return err_set(e, ERR_BAD_DATA, 0, "%s: wrong digest: expected %s, found %s", name,
                       expected, found);
}

int blob_read_verified(const struct blob *b, const char *oci_digest, struct buf *out, struct err *e)
{
        char found[8 + DIGEST_HEX_MAX] = "sha256:";
        char hex[DIGEST_HEX_MAX + 1];
        size_t start = out->len;

        if (!digest_is_oci_sha256(oci_digest))
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "%s: only sha256 digests are understood, not \"%.80s\"", b->name,
                               oci_digest);
        if (blob_read_all(b, out, e) < 0)
                return -1;
        digest_of(DIGEST_SHA256, out->data + start, out->len - start, hex);
        memcpy(found + 7, hex, 65);
        return blob_check_digest(b->name, oci_digest, found, e);
}

int blob_sha256(const struct blob *b, char ret[static DIGEST_HEX_MAX + 1], struct err *e)
{
        AUTO(digest_freep) struct digest *d = digest_new(DIGEST_SHA256);
        AUTO_FREE uint8_t *chunk = NULL;
        const size_t chunk_size = 256 * 1024;
        size_t n;

        chunk = xmalloc(chunk_size);
        for (uint64_t pos = 0; pos < b->size; pos += n) {
                if (blob_read_at(b, pos, chunk, chunk_size, &n, e) < 0)
                        return -1;
                digest_update(d, chunk, n);
        }
        digest_final(d, ret);
        return 0;
}
