/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replace a file so that a reader sees the old or the new content, never a mix, and a crash leaves one of
 * the two: temporary in the same directory, write, [fsync], rename, [fsync of the directory].
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum atomic_file_flags {
        ATOMIC_FILE_VOLATILE =
                0, /* atomic for readers; after power loss the old one may come back */
        ATOMIC_FILE_DURABLE = 1 << 0, /* fsync file and directory */
};

/* Returns 0 or -errno; on failure the old file is untouched and no temporary is left. */
int atomic_file_write(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
                      int flags);
/* Temporaries are called ".tmp-<name>-<random>"; cleaners may remove any such name that nobody locks. */
bool atomic_file_is_temporary(const char *name);
