/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A helper thread that runs a decompress stream ahead of its reader, through a fixed ring of
 * chunks.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "image/decompress.h"
#include "util/err.h"

struct pump;

/*
 * @d is used by the thread alone until pump_join. Errors: ERR_NO_SPACE, ERR_INTERNAL (no thread).
 */
int pump_start(struct pump **ret, struct decompress *d, struct err *e);

/*
 * The next chunk, valid until the next call; *ret_len 0: the end. Errors: what decompress_read
 * said.
 */
int pump_next(struct pump *p, const void **ret, size_t *ret_len, struct err *e);

uint64_t pump_packed_pos(struct pump *p); /* of the chunk returned last */

/* Stops the thread wherever it is, waits for it, frees the ring; accepts NULL, returns NULL. */
struct pump *pump_join(struct pump *p);
static inline void pump_joinp(struct pump **p)
{
        pump_join(*p);
}
