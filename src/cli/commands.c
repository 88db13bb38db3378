/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stddef.h>

const struct cmd *const cli_commands[] = {
        &cmd_version,
        &cmd_help,
        NULL,
};
