/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The algorithm of text/tabwriter: a column block is a run of consecutive rows that all have a cell in that
 * column which is not their last one; a block is as wide as its widest cell, and the last cell of a row takes
 * part in no column. Nested blocks are laid out by recursion, one level per column.
 */
#include "cli/columns.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

enum { TAB = 8, PADDING = 1, COLUMNS_MAX = 32 };

void columns_done(struct columns *c)
{
        strv_done(&c->cells);
        free(c->row_end);
        *c = COLUMNS_NULL;
}

void columns_cell(struct columns *c, const char *text)
{
        char *copy = xstrdup(text);

        for (char *p = copy; *p; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        *p = '?';
        strv_add_consume(&c->cells, copy);
}

void columns_cellf(struct columns *c, const char *fmt, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        columns_cell(c, text);
}

void columns_end_row(struct columns *c)
{
        ARRAY_GROW(c->row_end, c->n_rows, c->cap_rows);
        c->row_end[c->n_rows++] = c->cells.n;
}

static size_t row_start(const struct columns *c, size_t row)
{
        return row == 0 ? 0 : c->row_end[row - 1];
}

static size_t row_cells(const struct columns *c, size_t row)
{
        return c->row_end[row] - row_start(c, row);
}

/* Characters, not bytes. */
static size_t text_width(const char *s)
{
        size_t n = 0;

        for (; *s; s++)
                n += ((unsigned char)*s & 0xc0) != 0x80;
        return n;
}

struct layout {
        const struct columns *c;
        struct buf *out;
        size_t width[COLUMNS_MAX];
        size_t n_width;
        size_t next; /* the first row not yet printed */
};

static int print_cell(struct layout *l, const char *text, size_t column)
{
        size_t have = text_width(text), want;

        if (buf_puts(l->out, text) < 0)
                return -ENOBUFS;
        if (column >= l->n_width)
                return 0;
        want = (l->width[column] + TAB - 1) / TAB * TAB;
        for (size_t tabs = (want - have + TAB - 1) / TAB; tabs > 0; tabs--)
                if (buf_putc(l->out, '\t') < 0)
                        return -ENOBUFS;
        return 0;
}

static int print_rows(struct layout *l, size_t until)
{
        for (; l->next < until; l->next++) {
                size_t first = row_start(l->c, l->next), n = row_cells(l->c, l->next);

                for (size_t j = 0; j < n; j++)
                        if (print_cell(l, l->c->cells.v[first + j], j) < 0)
                                return -ENOBUFS;
                if (buf_putc(l->out, '\n') < 0)
                        return -ENOBUFS;
        }
        return 0;
}

/* Lay out rows [from, until), whose first n_width columns are already decided. */
static int format_rows(struct layout *l, size_t from, size_t until)
{
        size_t column = l->n_width;

        for (size_t row = from; row < until && column < COLUMNS_MAX;) {
                size_t width = 0, end = row;

                if (column + 1 >= row_cells(l->c, row)) {
                        row++;
                        continue;
                }
                if (print_rows(l, row) < 0)
                        return -ENOBUFS;
                for (; end < until && column + 1 < row_cells(l->c, end); end++) {
                        size_t w =
                                text_width(l->c->cells.v[row_start(l->c, end) + column]) + PADDING;

                        if (w > width)
                                width = w;
                }
                l->width[l->n_width++] = width;
                if (format_rows(l, row, end) < 0)
                        return -ENOBUFS;
                l->n_width--;
                row = end;
        }
        return print_rows(l, until);
}

int columns_print(const struct columns *c, struct buf *out)
{
        struct layout l = { .c = c, .out = out };

        return format_rows(&l, 0, c->n_rows);
}
