/* SPDX-License-Identifier: Apache-2.0 */
/* The command table and what every command gets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/opt.h"
#include "util/err.h"

/* The flags that stand before or after any command. */
struct cli_globals {
        const char *dir; /* data directory */
        bool debug;
        const char *insecure_options;
        const char *local_config;
        const char *system_config;
        const char *user_config;
        bool trust_keys_from_https;
};
extern struct cli_globals cli_globals;
extern const struct opt cli_global_opts[];
/* As words for another program of ours. */
void cli_globals_add(struct strv *argv);

enum { CMD_ANY = -1, CMD_TABLES = 8 };

struct opt_group {
        const char *title; /* in help */
        const struct opt *opts;
};

struct cmd {
        const char *name;  /* "run", or "image list" */
        const char *usage; /* what stands after the name */
        const char *summary;
        int min_args;
        int max_args; /* CMD_ANY: no limit */
        const struct opt *opts;
        const struct opt_group *groups; /* further tables; ends with a NULL title; may be NULL */
        /* Exit status, or -1 with @e set: the caller prints "name: text". */
        int (*main)(char *const *args, size_t n_args, struct err *e);
        const char *more; /* further paragraphs of help; may be NULL */
        /* Optional, see struct opt_rules. */
        int (*arg)(void *ctx, const char *arg, struct err *e);
        int (*app_args)(void *ctx, char *const *args, size_t n, struct err *e);
        bool raw; /* all words go to main unparsed */
};

/* NULL-terminated, in the order of help. */
extern const struct cmd *const cli_commands[];

/* The option tables that hold for @cmd, or with NULL ahead of any command; ends with NULL. */
void cli_tables(const struct cmd *cmd, const struct opt *tables[static CMD_TABLES]);

/* "carob", or "rkt" when called by that name. */
const char *cli_program(void);

/*
 * The command that the first one or two of @n words name, each by any unambiguous prefix.
 * *ret is NULL when there are no words, or only the name of a group ("image"); then *ret_group is its name or NULL.
 * Global flags may stand between group and command.
 * Errors: ERR_USAGE for unknown and ambiguous words.
 */
int cli_find_command(char *const *words, size_t n, const struct cmd **ret, const char **ret_group,
                     size_t *ret_used, struct err *e);

/* main(), callable from a test. */
int cli_main(int argc, char *argv[]);
