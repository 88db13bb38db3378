/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/help.h"

static int help_main(char *const *args, size_t n, struct err *e)
{
        const struct cmd *cmd;
        const char *group;
        size_t used;

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

const struct cmd cmd_help = {
        .name = "help",
        .usage = "[COMMAND]",
        .summary = "Tell about the commands",
        .max_args = 2,
        .main = help_main,
};
