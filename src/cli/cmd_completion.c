/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/complete.h"

static int completion_main(char *const *args, size_t n, struct err *e)
{
        const char *script;

        /* What the scripts call. */
        if (strcmp(args[0], "words") == 0) {
                complete_words(stdout, args + 1, n - 1);
                return 0;
        }
        script = completion_script(args[0]);
        if (!script)
                return err_set(e, ERR_USAGE, 0, "no completion for \"%s\": bash, zsh or fish",
                               args[0]);
        if (n > 1)
                return err_set(e, ERR_USAGE, 0, "too many arguments");
        (void)fputs(script, stdout);
        return 0;
}

const struct cmd cmd_completion = {
        .name = "completion",
        .usage = "bash|zsh|fish",
        .summary = "Print a shell's completion function",
        .more = "\tIt completes commands, options, pods and images by asking carob. To use it at "
                "once:\n\teval \"$(carob completion bash)\"; installed carob has it in its "
                "place.\n",
        .min_args = 1,
        .max_args = CMD_ANY,
        .main = completion_main,
};
