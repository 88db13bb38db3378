/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/help.h"

static __attribute__((noinline)) char *manual(void)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        help_man(f);
        (void)fclose(f);
        return text;
}

static void assert_options(const char *text, const struct opt *table)
{
        for (const struct opt *o = table; o && o->type != OPT_END; o++) {
                char want[64];

                (void)snprintf(want, sizeof(want), "*--%s*", o->name);
                if (o->help)
                        assert_non_null(strstr(text, want));
        }
}

static void assert_command(const char *text, const struct cmd *cmd)
{
        const char *own;
        char want[64];

        (void)snprintf(want, sizeof(want), "## %s\n", cmd->name);
        own = strstr(text, want);
        assert_non_null(own);
        assert_options(own, cmd->opts);
        for (const struct opt_group *g = cmd->groups; g && g->title; g++)
                assert_options(own, g->opts);
}

static void every_command_and_option_is_there(void **state)
{
        char *text = manual();

        (void)state;
        assert_options(text, cli_global_opts);
        for (const struct cmd *const *c = cli_commands; *c; c++)
                assert_command(text, *c);
        free(text);
}

static void text_is_not_taken_for_markup(void **state)
{
        AUTO_FREE char *text = manual();

        (void)state;
        assert_non_null(strstr(text, "POD\\_STATE\\_RUNNING"));
        assert_non_null(strstr(text, "\n\t\\-1000 (spared)"));
        assert_non_null(strstr(text, "*--debug*\\[=false]"));
}

static void a_paragraph_is_a_line(void **state)
{
        AUTO_FREE char *text = manual();

        (void)state;
        assert_null(strstr(text, "\n\n\n"));
        assert_null(strstr(text, " \n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_command_and_option_is_there),
                cmocka_unit_test(text_is_not_taken_for_markup),
                cmocka_unit_test(a_paragraph_is_a_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
