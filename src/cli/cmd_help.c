/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/help.h"

static bool man;

static int help_main(char *const *args, size_t n, struct err *e)
{
        const struct cmd *cmd;
        const char *group;
        size_t used;

        if (man) {
                help_man(stdout);
                return 0;
        }
        if (cli_find_command(args, n, &cmd, &group, &used, e) < 0)
                return -1;
        if (cmd)
                help_command(stdout, cmd);
        else if (group)
                help_group(stdout, group);
        else
                help_program(stdout);
        return 0;
}

/* For the build, which makes the manual page of it. */
static const struct opt help_opts[] = {
        { OPT_FLAG, 0, "man", "[=false]", NULL, &man, NULL, NULL },
        { .type = OPT_END },
};

const struct cmd cmd_help = {
        .name = "help",
        .usage = "[COMMAND]",
        .summary = "Tell about the commands",
        .max_args = 2,
        .opts = help_opts,
        .main = help_main,
};
