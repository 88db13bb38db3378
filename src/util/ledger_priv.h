/* SPDX-License-Identifier: Apache-2.0 */
/* What the writing and the reading half share: one generation, opened. */
#pragma once

#include <limits.h>

#include "util/ledger.h"

/* '#', the id, ' ', the id of the generation before, ' ', its end, '\n'; all in hex */
enum { LEDGER_HEAD_LEN = 1 + 16 + 1 + 16 + 1 + 8 + 1 };

struct ledger_file {
        int fd; /* owned; -1: it is not there, or has no line in it yet */
        dev_t dev;
        ino_t ino;
        off_t size; /* when it was opened; what is past LEDGER_BYTES is not ours, and counts as not there */
        uint64_t id;    /* 0: the first line is not ours */
        uint64_t prev;  /* 0: there was none before */
        off_t prev_end; /* of that one's last whole line */
};

#define LEDGER_FILE_NULL ((struct ledger_file){ .fd = -1 })

void ledger_file_done(struct ledger_file *f);
/* For reading: 0, also when there is none (fd is -1), or -1 with e. */
int ledger_file_open(int dirfd, const char *name, struct ledger_file *ret, struct err *e);
/* Fill in all but fd, which is open for reading: 0 or -errno (-EINVAL: no regular file). */
int ledger_file_look(struct ledger_file *f);
/* Does @name beneath @dirfd still mean this file? */
bool ledger_file_is_at(const struct ledger_file *f, int dirfd, const char *name);
/* Where the last whole line ends; -EMSGSIZE when more than a line follows it, or another -errno. */
off_t ledger_file_whole(const struct ledger_file *f);
/* NAME.1: 0 or -1 with e. */
int ledger_old_name(const char *name, char ret[static NAME_MAX + 1], struct err *e);
