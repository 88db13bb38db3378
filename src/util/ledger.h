/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of last words: one line for each thing that was removed, written before it is. Whoever follows the things themselves
 * and finds one missing reads here what became of it, however late he looks.
 *
 * Two generations, NAME and NAME.1, of at most LEDGER_BYTES each: what is older is forgotten. Each begins with a line of
 * ours, `#<its id> <id of the one before> <where that ended>`, the ids random: so a reader that was away for long knows whether
 * he has read all that was before, which inode numbers do not say, since they are given to others. Lines are whole or not there at all for a
 * reader; what a crash or a full disk left of one is cut off by the next writer. Nothing is fsynced: after a loss of power
 * nobody is left who could have missed the removal.
 *
 * Writers exclude one another by flock(2) on NAME. Readers need no lock and no right to write.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/err.h"

enum {
        LEDGER_BYTES = 4 * 1024 * 1024,
        LEDGER_LINE_MAX = 256 * 1024, /* without the newline */
};

/*
 * Append @line (no newline in it) to @name beneath @dirfd, 0640 and of the directory's group. Several processes may do so at once.
 * Errors: ERR_LIMIT for a longer line; ERR_BUSY when somebody else held the lock for a second; ERR_NO_SPACE, ERR_PERMISSION,
 * ERR_INTERNAL (also when @name is no regular file); for readers the ledger is as it was then.
 */
int ledger_append(int dirfd, const char *name, const char *line, size_t len, struct err *e);

/* Where somebody has read to. Holds no descriptor between two calls. */
struct ledger_place {
        uint64_t id; /* of the generation; 0: nothing was there */
        dev_t dev;   /* of its file: only to see cheaply that nothing has changed */
        ino_t ino;
        off_t at;
};

/* Before the oldest line that is still there. */
#define LEDGER_START ((struct ledger_place){ 0 })

/*
 * The end as of now: only what is appended afterwards is news. A missing file is an empty one. Errors: as ledger_read.
 */
int ledger_end(int dirfd, const char *name, struct ledger_place *ret, struct err *e);

/*
 * Read on from @place: @fn for each whole line, oldest first, also across a change of generations; it is not
 * NUL-terminated, may hold any bytes but newlines, and is valid during the call. @place is where that ended. Lines
 * that were dropped meanwhile (two generations on) are missing, and *ret_gap says so. Cheap when nothing was appended
 * (one fstatat). Longer lines than LEDGER_LINE_MAX are passed over. Errors: ERR_PERMISSION, ERR_NO_SPACE (descriptors),
 * ERR_INTERNAL (also when it is no regular file); @place is behind what @fn was told before.
 */
int ledger_read(int dirfd, const char *name, struct ledger_place *place,
                void (*fn)(const char *line, size_t len, void *arg), void *arg, bool *ret_gap,
                struct err *e);
