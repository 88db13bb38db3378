/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random access to the files of a layout, be it a directory or a plain tar: names to ranges of
 * bytes. A tar is walked once, by its headers, with its data skipped. Links inside a tar are
 * followed (`docker save` shares layers so); names never lead outside.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/blob.h"
#include "util/err.h"

struct members;

/* One file, open. */
struct member {
        struct blob blob; /* blob.name is owned here */
        int own_fd;       /* -1: the descriptor is the archive's */
        char *name;       /* owned: "app.tar: blobs/sha256/…" */
};

#define MEMBER_NULL ((struct member){ .own_fd = -1 })
void member_done(struct member *m);

/* @dirfd and @file (for errors) are borrowed. */
struct members *members_of_dir(int dirfd, const char *file);
/*
 * Walks the plain tar @b, whose fd and name are borrowed. Errors: ERR_BAD_DATA, ERR_LIMIT,
 * blob_read_at's.
 */
int members_of_tar(const struct blob *b, struct members **ret, struct err *e);
struct members *members_free(struct members *m); /* accepts NULL, returns NULL */
static inline void members_freep(struct members **m)
{
        members_free(*m);
}

bool members_has(const struct members *m, const char *name);
/*
 * Open file @name. Errors: ERR_NOT_FOUND '@file: has no "@name"'; ERR_BAD_DATA for what is no
 * regular file, or a link that leads nowhere; ERR_UNSUPPORTED for a sparse member.
 */
int members_open(const struct members *m, const char *name, struct member *ret, struct err *e);
