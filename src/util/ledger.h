/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of last words: one line for each thing that was removed, written before it is. Whoever follows the things themselves
 * and finds one missing reads here what became of it, however late he looks.
 *
 * Two generations, NAME and NAME.1, of at most LEDGER_BYTES each: what is older is forgotten. Lines are whole or not there
 * at all for a reader; a line that a crash tore is passed over. Nothing is fsynced: after a loss of power nobody is
 * left who could have missed the removal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/err.h"

enum {
        LEDGER_BYTES = 4 * 1024 * 1024,
        LEDGER_LINE_MAX = 256 * 1024, /* without the newline */
};

/*
 * Append @line (no newline in it) to @name beneath @dirfd, 0640 and of the directory's group. Several processes may do so at once.
 * Errors: ERR_LIMIT for a longer line; ERR_NO_SPACE, ERR_PERMISSION, ERR_INTERNAL; the ledger is as it was then.
 */
int ledger_append(int dirfd, const char *name, const char *line, size_t len, struct err *e);

/* Where somebody has read to. Holds no descriptor between two calls. */
struct ledger_place {
        dev_t dev; /* of the file; 0 with ino 0: nothing was there */
        ino_t ino;
        off_t at;
};

#define LEDGER_START ((struct ledger_place){ 0 })

/* The end as of now: only what is appended afterwards is news. A missing file is an empty one. */
int ledger_end(int dirfd, const char *name, struct ledger_place *ret, struct err *e);

/*
 * Read on from @place: @fn for each whole line, oldest first, also across a change of generations; @place is where that ended. Lines
 * that were dropped meanwhile (two generations on) are missing, and *ret_gap says so. Cheap when nothing was appended
 * (one fstatat). Errors: ERR_PERMISSION, ERR_NO_SPACE (descriptors), ERR_INTERNAL; @place stays then.
 */
int ledger_read(int dirfd, const char *name, struct ledger_place *place,
                void (*fn)(const char *line, size_t len, void *arg), void *arg, bool *ret_gap,
                struct err *e);
