/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <stdlib.h>
#include <string.h>

#include "cli/columns.h"
#include "util/auto.h"
#include "util/version.h"

enum { HELP_MAX = 64 * 1024, WIDTH = 80, TAB = 8, HELP_COLUMN = 32 };

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

size_t help_options(const struct opt *table, const struct opt *ret[static HELP_OPTIONS_MAX])
{
        size_t n = 0;

        for (const struct opt *o = table; o && o->type != OPT_END && n < HELP_OPTIONS_MAX; o++)
                if (o->help)
                        ret[n++] = o;
        qsort(ret, n, sizeof(*ret), by_name);
        return n;
}

/* "[=false]" shows a flag's default; anything else follows "=". */
const char *help_value(const struct opt *o, const char **ret_equals)
{
        const char *value = o->value ? o->value : "";

        *ret_equals = o->type == OPT_FLAG || *value == '[' ? "" : "=";
        return value;
}

/* The words of [text, end), in lines that begin at column @indent and end before WIDTH; the first is at @column. */
static void print_words(FILE *out, const char *text, const char *end, int indent, int column)
{
        bool first = true;

        while (text < end) {
                int len = (int)strcspn(text, " \t\n");

                if (text + len > end)
                        len = (int)(end - text);
                if (len > 0) {
                        if (!first && column + 1 + len >= WIDTH) {
                                (void)fprintf(out, "\n%*s", indent, "");
                                column = indent;
                                first = true;
                        }
                        (void)fprintf(out, "%s%.*s", first ? "" : " ", len, text);
                        column += len + !first;
                        first = false;
                }
                text += len + 1;
        }
        (void)fputc('\n', out);
}

/* Paragraphs, which an empty line separates, laid out anew. */
static void print_text(FILE *out, const char *text)
{
        for (;;) {
                const char *end = strstr(text, "\n\n");

                (void)fprintf(out, "%*s", TAB, "");
                print_words(out, text, end ? end : text + strlen(text), TAB, TAB);
                if (!end)
                        return;
                text = end + 2;
                (void)fputc('\n', out);
        }
}

static void print_option(FILE *out, const struct opt *o)
{
        const char *equals, *value = help_value(o, &equals);
        int column;

        if (o->letter)
                column = fprintf(out, "  -%c, --%s%s%s", o->letter, o->name, equals, value);
        else
                column = fprintf(out, "      --%s%s%s", o->name, equals, value);
        if (column + 2 > HELP_COLUMN)
                (void)fprintf(out, "\n%*s", HELP_COLUMN, "");
        else
                (void)fprintf(out, "%*s", HELP_COLUMN - column, "");
        print_words(out, o->help, o->help + strlen(o->help), HELP_COLUMN, HELP_COLUMN);
}

static void print_options(FILE *out, const char *title, const struct opt *table)
{
        const struct opt *sorted[HELP_OPTIONS_MAX];
        size_t n = help_options(table, sorted);

        if (n == 0)
                return;
        (void)fprintf(out, "\n%s:\n", title);
        for (size_t i = 0; i < n; i++)
                print_option(out, sorted[i]);
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
                      "unambiguous\n\tprefix of its name will do.\n",
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
        if (cmd->more) {
                (void)fprintf(out, "\nDESCRIPTION:\n");
                print_text(out, cmd->more);
        }
        print_options(out, "OPTIONS", cmd->opts);
        for (const struct opt_group *g = cmd->groups; g && g->title; g++)
                print_options(out, g->title, g->opts);
        print_options(out, "GLOBAL OPTIONS", cli_global_opts);
}
