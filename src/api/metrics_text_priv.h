/* SPDX-License-Identifier: Apache-2.0 */
/* How lines are written; what the files of metrics_text share. */
#pragma once

#include "api/metrics_text.h"

struct metrics_writer {
        struct buf *out;
        bool openmetrics;
        bool full;
};

void metrics_put(struct metrics_writer *w, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));
void metrics_put_family(struct metrics_writer *w, const char *name, const char *type,
                        const char *help);
/* @t as seconds, exactly. */
void metrics_put_seconds(struct metrics_writer *w, nsec t);

/* A family of one number without labels. */
struct metrics_scalar {
        const char *name;
        const char *type;
        const char *help;
        enum { NUMBER, SECONDS } unit; /* uint64_t; nsec */
        size_t offset;
};

void metrics_put_scalars(struct metrics_writer *w, const struct metrics_scalar *scalars, size_t n,
                         const void *of);

#define ROW(type, what, name, member, help)                                                        \
        {                                                                                          \
                name, what, help, NUMBER, offsetof(struct type, member)                            \
        }
#define ROW_SECONDS(type, what, name, member, help)                                                \
        {                                                                                          \
                name, what, help, SECONDS, offsetof(struct type, member)                           \
        }

/* metrics_text_node.c */
void metrics_put_node(struct metrics_writer *w, const struct metrics_values *v);
