/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/cli.h"

static int find(const char *a, const char *b, const struct cmd **cmd, const char **group,
                struct err *e)
{
        static char words[2][64];
        char *argv[] = { words[0], words[1] };
        size_t used;

        (void)snprintf(words[0], sizeof(words[0]), "%s", a ? a : "");
        (void)snprintf(words[1], sizeof(words[1]), "%s", b ? b : "");
        return cli_find_command(argv, b ? 2 : 1, cmd, group, &used, e);
}

static void exact_names_and_unambiguous_prefixes_are_found(void **state)
{
        const struct cmd *cmd;
        const char *group;
        struct err e;

        (void)state;
        assert_ok(find("version", NULL, &cmd, &group, &e), &e);
        assert_string_equal(cmd->name, "version");
        assert_ok(find("v", NULL, &cmd, &group, &e), &e);
        assert_string_equal(cmd->name, "version");
        assert_ok(find("help", "run", &cmd, &group, &e), &e);
        assert_string_equal(cmd->name, "help");
}

static void unknown_words_are_usage_errors(void **state)
{
        const struct cmd *cmd;
        const char *group;
        struct err e;

        (void)state;
        assert_err(find("nonsense", NULL, &cmd, &group, &e), &e, ERR_USAGE,
                   "unknown command \"nonsense\"");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(exact_names_and_unambiguous_prefixes_are_found),
                cmocka_unit_test(unknown_words_are_usage_errors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
