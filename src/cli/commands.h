/* SPDX-License-Identifier: Apache-2.0 */
/* One command per file cmd_<name>.c; the table that lists them is commands.c. */
#pragma once

#include "cli/cli.h"

extern const struct cmd cmd_help;
extern const struct cmd cmd_version;
