/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/help.h"

static char *help_of(const struct cmd *cmd)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        if (cmd)
                help_command(f, cmd);
        else
                help_program(f);
        (void)fclose(f);
        return text;
}

static void every_command_has_a_summary_and_is_listed(void **state)
{
        AUTO_FREE char *text = help_of(NULL);

        (void)state;
        for (const struct cmd *const *c = cli_commands; *c; c++) {
                assert_true(strlen((*c)->summary) > 0);
                assert_non_null(strstr(text, (*c)->name));
        }
}

static void every_option_of_a_command_is_in_its_help(void **state)
{
        (void)state;
        for (const struct cmd *const *c = cli_commands; *c; c++) {
                AUTO_FREE char *text = help_of(*c);

                for (const struct opt *o = (*c)->opts; o && o->type != OPT_END; o++) {
                        char want[64];

                        (void)snprintf(want, sizeof(want), "--%s", o->name);
                        if (o->help)
                                assert_non_null(strstr(text, want));
                }
                assert_non_null(strstr(text, "--dir=/var/lib/carob"));
        }
}

static void no_option_hides_a_global_one(void **state)
{
        (void)state;
        for (const struct cmd *const *c = cli_commands; *c; c++)
                for (const struct opt *o = (*c)->opts; o && o->type != OPT_END; o++)
                        for (const struct opt *g = cli_global_opts; g->type != OPT_END; g++)
                                assert_string_not_equal(o->name, g->name);
}

static void no_line_is_wider_than_80_columns(void **state)
{
        (void)state;
        for (const struct cmd *const *c = cli_commands; *c; c++) {
                AUTO_FREE char *text = help_of(*c);
                size_t column = 0;

                for (const char *p = text; *p; p++) {
                        column = *p == '\n' ? 0 : *p == '\t' ? (column / 8 + 1) * 8 : column + 1;
                        assert_true(column <= 80);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_command_has_a_summary_and_is_listed),
                cmocka_unit_test(every_option_of_a_command_is_in_its_help),
                cmocka_unit_test(no_line_is_wider_than_80_columns),
                cmocka_unit_test(no_option_hides_a_global_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
