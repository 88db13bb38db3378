/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the bytes of an image come from: a range of an open file (a blob of a layout directory, a
 * member of a plain tar, a whole archive), read with pread(2), so that several readers may share
 * one descriptor.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/digest.h"
#include "util/err.h"

struct blob {
        int fd;           /* borrowed; a regular file */
        uint64_t offset;  /* first byte */
        uint64_t size;    /* bytes */
        const char *name; /* borrowed; for errors: "app.tar: blobs/sha256/…" */
};

/*
 * Read up to @len bytes at @pos (relative to the blob's start); *ret_len is 0 only at its end.
 * Errors: ERR_BAD_DATA when the file is shorter than the blob claims, ERR_INTERNAL when reading
 * fails.
 */
int blob_read_at(const struct blob *b, uint64_t pos, void *data, size_t len, size_t *ret_len,
                 struct err *e);

/* The whole blob into @out (its maximum bounds the size: ERR_LIMIT). */
int blob_read_all(const struct blob *b, struct buf *out, struct err *e);

/*
 * The whole blob, which must have the digest @oci_digest ("sha256:…"): ERR_BAD_DATA names
 * both when not.
 */
int blob_read_verified(const struct blob *b, const char *oci_digest, struct buf *out,
                       struct err *e);

/* ERR_BAD_DATA "@name: wrong digest: expected …, found …" unless both texts are equal. */
int blob_check_digest(const char *name, const char *expected, const char *found, struct err *e);

/* SHA-256 of the whole blob in lower-case hex, in one pass of its own. Errors: blob_read_at's. */
int blob_sha256(const struct blob *b, char ret[static DIGEST_HEX_MAX + 1], struct err *e);
