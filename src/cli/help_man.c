/* SPDX-License-Identifier: Apache-2.0 */
/* The same tables as the help, in the source format of scdoc(5). */
#include <ctype.h>
#include <string.h>

#include "cli/help.h"

/* What scdoc would take for markup, wherever it stands or at the beginning of a line. */
static void put(FILE *out, const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++) {
                if (strchr("\\*_", text[i]) || (i == 0 && strchr("-#[]|.`~:;<!", text[i])))
                        (void)fputc('\\', out);
                (void)fputc(text[i], out);
        }
}

static void put_text(FILE *out, const char *text)
{
        put(out, text, strlen(text));
}

/* One paragraph is one line. */
static void put_paragraphs(FILE *out, const char *text)
{
        bool space = false, begin = true;

        for (; *text; text++) {
                if (text[0] == '\n' && text[1] == '\n') {
                        (void)fputs("\n\n", out);
                        begin = true;
                        space = false;
                        text++;
                } else if (isspace((unsigned char)*text)) {
                        space = !begin;
                } else {
                        size_t len = strcspn(text, " \t\n");

                        if (space)
                                (void)fputc(' ', out);
                        put(out, text, len);
                        text += len - 1;
                        space = begin = false;
                }
        }
        (void)fputs("\n\n", out);
}

/* Values are spelt out, not underlined: most are words to be typed, or a default. */
static void put_option(FILE *out, const struct opt *o)
{
        const char *equals, *value = help_value(o, &equals);

        if (o->letter)
                (void)fprintf(out, "*-%c*, ", o->letter);
        (void)fprintf(out, "*--%s*%s", o->name, equals);
        put_text(out, value);
        (void)fputs("\n\t", out);
        put_text(out, o->help);
        (void)fputs("\n\n", out);
}

static void put_options(FILE *out, const char *title, const struct opt *table)
{
        const struct opt *sorted[HELP_OPTIONS_MAX];
        size_t n = help_options(table, sorted);

        if (n == 0)
                return;
        if (title)
                (void)fprintf(out, "%c%s:\n\n", title[0], title + 1);
        for (size_t i = 0; i < n; i++)
                put_option(out, sorted[i]);
}

static void put_command(FILE *out, const struct cmd *cmd)
{
        (void)fputs("## ", out);
        put_text(out, cmd->name);
        (void)fprintf(out, "\n\n*carob %s*", cmd->name);
        if (cmd->opts || cmd->groups)
                (void)fputs(" [options]", out);
        if (*cmd->usage)
                (void)fputc(' ', out);
        put_text(out, cmd->usage);
        (void)fputs("\n\n", out);
        put_text(out, cmd->summary);
        (void)fputs(".\n\n", out);
        if (cmd->more)
                put_paragraphs(out, cmd->more);
        put_options(out, NULL, cmd->opts);
        for (const struct opt_group *g = cmd->groups; g && g->title; g++)
                put_options(out, g->title, g->opts);
}

void help_man(FILE *out)
{
        (void)fputs("# GLOBAL OPTIONS\n\nThey stand before or after any command.\n\n", out);
        put_options(out, NULL, cli_global_opts);
        (void)fputs("*--help*, *-h*\n\tprint the help of the command, and do nothing else\n\n",
                    out);
        (void)fputs("# COMMANDS\n\n", out);
        for (const struct cmd *const *c = cli_commands; *c; c++)
                put_command(out, *c);
}
