/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle's config.json that may be read before it exists. crun needs longer to be loaded and linked than the rest of
 * a pod's start takes; so it is started first, and waits where it reads its configuration: config.json is a FIFO, until the
 * text is known.
 *
 *      runtime_feed_open       config.json is a FIFO; whoever opens it waits
 *      (start the runtime, make what the configuration speaks of)
 *      runtime_feed_text       config.json is a file; who is still to open it reads that
 *      runtime_feed_waiting    gives the text to one who waits at the FIFO; repeat until the call ends
 *
 * The last step is needed more than once only because the runtime may look up the name before the second step and
 * open what it found after it: it would wait for ever.
 */
#pragma once

#include <stddef.h>

#include "util/err.h"

/* In @bundle, an existing directory of the caller's own. Errors: ERR_INTERNAL. */
int runtime_feed_open(const char *bundle, struct err *e);

/* Write config.json, with or without runtime_feed_open before. Errors: ERR_INTERNAL. */
int runtime_feed_text(const char *bundle, const char *text, size_t len, struct err *e);

/*
 * Returns 1 when somebody waited and has the text now, 0 when nobody waits (yet), or -errno (-EPIPE: it died
 * while reading). Does not block but on a reader that is busy reading.
 */
int runtime_feed_waiting(const char *bundle);
