/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns for people, laid out as Go's text/tabwriter does with (minwidth 0, tabwidth 8, padding 1, '\t'),
 * which rkt used: scripts that cut its output at runs of tabs keep working.
 */
#pragma once

#include <stddef.h>

#include "util/buf.h"
#include "util/strv.h"

struct columns {
        struct strv cells;
        size_t *row_end; /* owned: index of the first cell after each row */
        size_t n_rows;
        size_t cap_rows;
};

#define COLUMNS_NULL ((struct columns){ 0 })

void columns_done(struct columns *c);

/* Adds a cell to the current row. Control characters become '?': a name must not drive the terminal. */
void columns_cell(struct columns *c, const char *text);
void columns_cellf(struct columns *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void columns_end_row(struct columns *c);

/* The finished rows, each ending in a newline. -ENOBUFS when @out is full. */
int columns_print(const struct columns *c, struct buf *out);
