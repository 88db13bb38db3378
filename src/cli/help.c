/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <stdlib.h>
#include <string.h>

#include "cli/columns.h"
#include "util/auto.h"
#include "util/version.h"

enum { HELP_MAX = 64 * 1024 };

static void print_columns(FILE *out, const struct columns *c)
{
        AUTO(buf_done) struct buf text = BUF_NULL(HELP_MAX);

        if (columns_print(c, &text) == 0)
                (void)fputs(buf_str(&text), out);
}

/* The cells come out unpadded on the left: the tabwriter sees "\tname\t..." as a first empty cell. */
static void print_commands(FILE *out, const char *group)
{
        AUTO(columns_done) struct columns c = COLUMNS_NULL;
        size_t len = group ? strlen(group) : 0;

        for (const struct cmd *const *cmd = cli_commands; *cmd; cmd++) {
                if (group && (strncmp((*cmd)->name, group, len) != 0 || (*cmd)->name[len] != ' '))
                        continue;
                columns_cell(&c, "");
                columns_cell(&c, (*cmd)->name);
                columns_cell(&c, (*cmd)->summary);
                columns_end_row(&c);
        }
        (void)fprintf(out, "COMMANDS:\n");
        print_columns(out, &c);
}

static int by_name(const void *a, const void *b)
{
        const struct opt *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

/* "[=false]" shows a flag's default; anything else follows "=". */
static void opt_row(struct columns *c, const struct opt *o)
{
        const char *value = o->value ? o->value : "";
        const char *eq = o->type == OPT_FLAG || *value == '[' ? "" : "=";

        if (o->letter)
                columns_cellf(c, "  -%c, --%s%s%s", o->letter, o->name, eq, value);
        else
                columns_cellf(c, "      --%s%s%s", o->name, eq, value);
        columns_cell(c, o->help);
        columns_end_row(c);
}

static void print_options(FILE *out, const char *title, const struct opt *table)
{
        AUTO(columns_done) struct columns c = COLUMNS_NULL;
        const struct opt *sorted[128];
        size_t n = 0;

        for (const struct opt *o = table; o && o->type != OPT_END && n < ARRAY_LEN(sorted); o++)
                if (o->help)
                        sorted[n++] = o;
        if (n == 0)
                return;
        qsort(sorted, n, sizeof(*sorted), by_name);
        for (size_t i = 0; i < n; i++)
                opt_row(&c, sorted[i]);
        (void)fprintf(out, "\n%s:\n", title);
        print_columns(out, &c);
}

void help_program(FILE *out)
{
        const char *me = cli_program();

        (void)fprintf(out, "NAME:\n\t%s - runs pods of containers without a daemon\n\n", me);
        (void)fprintf(out, "USAGE:\n\t%s [command]\n\nVERSION:\n\t%s\n\n", me, CAROB_VERSION);
        print_commands(out, NULL);
        (void)fprintf(out,
                      "\nDESCRIPTION:\n\tImports images (ACI, OCI, docker archives), and runs "
                      "them in pods.\n\n\t\"%s help COMMAND\" tells more about a command; any "
                      "unambiguous prefix of its name will do.\n",
                      me);
        print_options(out, "OPTIONS", cli_global_opts);
}

void help_group(FILE *out, const char *group)
{
        (void)fprintf(out, "NAME:\n\t%s %s - a group of commands\n\n", cli_program(), group);
        (void)fprintf(out, "USAGE:\n\t%s %s [command]\n\n", cli_program(), group);
        print_commands(out, group);
        print_options(out, "GLOBAL OPTIONS", cli_global_opts);
}

void help_command(FILE *out, const struct cmd *cmd)
{
        const char *me = cli_program();

        (void)fprintf(out, "NAME:\n\t%s %s - %s\n\n", me, cmd->name, cmd->summary);
        (void)fprintf(out, "USAGE:\n\t%s %s%s%s%s\n", me, cmd->name,
                      cmd->opts || cmd->groups ? " [options]" : "", *cmd->usage ? " " : "",
                      cmd->usage);
        if (cmd->more)
                (void)fprintf(out, "\nDESCRIPTION:\n%s", cmd->more);
        print_options(out, "OPTIONS", cmd->opts);
        for (const struct opt_group *g = cmd->groups; g && g->title; g++)
                print_options(out, g->title, g->opts);
        print_options(out, "GLOBAL OPTIONS", cli_global_opts);
}
