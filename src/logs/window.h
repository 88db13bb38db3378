/* SPDX-License-Identifier: Apache-2.0 */
/* Private to logs: a block of a log file at any place, and where the lines around there begin. */
#pragma once

#include <stdlib.h>
#include <sys/types.h>

#include "logs/format.h"
#include "util/err.h"

struct window {
        int fd;           /* borrowed */
        off_t start, end; /* what data holds of the file */
        char *data;       /* owned: size bytes */
        size_t size;      /* what one read brings */
};

void window_init(struct window *w, int fd, size_t size);
static inline void window_done(struct window *w)
{
        free(w->data);
        w->data = NULL;
}

/* The offset behind the last newline before @before; 0 when there is none. 0, or -1: read error. */
int window_line_before(struct window *w, off_t before, off_t *ret, struct err *e);
/* The offset behind the first newline at or after @from; @end when there is none before it. 0, or -1: read error. */
int window_line_after(struct window *w, off_t from, off_t end, off_t *ret, struct err *e);
/* Parse time, stream and tag of the line at [start, end); the text may be cut. 0, or -EINVAL: it is no entry. */
int window_line_head(struct window *w, off_t start, off_t end, struct logs_entry *ret);
