/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command line options from tables: one table per command is the only place that knows an option, and both the
 * parser and --help read it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"
#include "util/strv.h"

enum opt_type {
        OPT_END,
        OPT_FLAG,     /* bool: --x, --x=true, --x=false */
        OPT_TEXT,     /* const char *, borrowed from argv: --x=V, --x V */
        OPT_DURATION, /* nsec, never negative: "30s", "1h30m" */
        OPT_NUMBER,   /* int64_t, never negative */
        OPT_CALL,     /* call(dest, value, e) */
};

/* A failure's text is prefixed with the option's name by the parser. */
typedef int (*opt_call)(void *dest, const char *value, struct err *e);

struct opt {
        enum opt_type type;
        char letter;       /* 0: none */
        const char *name;  /* without the dashes */
        const char *value; /* what help shows after '=': the default, or what is expected */
        const char *help;  /* NULL: an option that works but is not shown */
        void *dest;
        opt_call call;
        const char *bare; /* not NULL: the value may be left out, and then is this */
};

/* What to do with a command's words. */
struct opt_rules {
        const struct opt *const *tables; /* NULL-terminated; the first table that has a name wins */
        bool stop_at_arg;                /* end before the first word that is no option */
        /* Optional: called for each plain argument, in order with the options' calls. */
        int (*arg)(void *ctx, const char *arg, struct err *e);
        /*
         * Optional: the words between "--" and "---" (or the end), after which options are recognised again.
         * Without it everything after "--" is a plain argument.
         */
        int (*app_args)(void *ctx, char *const *args, size_t n, struct err *e);
        void *ctx;
};

struct opt_result {
        struct strv args; /* the plain arguments */
        size_t used;      /* words consumed */
        bool help;        /* --help or -h was met; nothing after it was looked at */
};

#define OPT_RESULT_NULL ((struct opt_result){ 0 })

void opt_result_done(struct opt_result *r);

/*
 * Parse @n words. @r must be initialised; it is valid to read and release on failure too.
 * Errors: ERR_USAGE naming the word; whatever a call returned.
 */
int opt_parse(const struct opt_rules *rules, char *const *words, size_t n, struct opt_result *r,
              struct err *e);

/* The option called @name (@len bytes, without dashes), hidden or not; NULL: none. Borrowed. */
const struct opt *opt_find(const struct opt *const *tables, const char *name, size_t len);
/* Without '=' its value is the next word. */
bool opt_takes_word(const struct opt *o);
