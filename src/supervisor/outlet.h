/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own stdout or stderr, where the output of attached apps is copied to. Never blocks the supervisor: a pipe or a
 * terminal is opened anew, for O_NONBLOCK is a property of the description that we share with the user's shell.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum outlet_kind {
        OUTLET_CLOSED, /* nobody reads: writes are swallowed */
        OUTLET_FILE,   /* regular file, or what cannot block for long */
        OUTLET_PIPE,   /* pipe or terminal, non-blocking by our own description */
        OUTLET_SOCKET,
};

struct outlet {
        int fd; /* owned when it is not the given one */
        enum outlet_kind kind;
        bool owned;
};

#define OUTLET_NULL ((struct outlet){ .fd = -1, .kind = OUTLET_CLOSED })

void outlet_init(struct outlet *o,
                 int fd); /* @fd: borrowed for the outlet's life; closed is fine */
void outlet_done(struct outlet *o);

/*
 * Returns how much was taken: less than @len when the reader is slow (wait for EPOLLOUT on o->fd). A reader that
 * is gone closes the outlet; other failures swallow the bytes.
 */
size_t outlet_write(struct outlet *o, const char *data, size_t len);
