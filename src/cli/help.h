/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts from the command table, 80 columns wide; all go to @out and never fail. */
#pragma once

#include <stdio.h>

#include "cli/cli.h"

void help_program(FILE *out);
void help_group(FILE *out, const char *group);
void help_command(FILE *out, const struct cmd *cmd);
/* All commands as the COMMANDS section of carob(1), in the source format of scdoc. */
void help_man(FILE *out);

enum { HELP_OPTIONS_MAX = 128 };
/* The options of @table that are shown, by name. Borrowed; returns how many. */
size_t help_options(const struct opt *table, const struct opt *ret[static HELP_OPTIONS_MAX]);
/* What follows the option's name: "=VALUE", "[=false]" or nothing. The text is borrowed from @o. */
const char *help_value(const struct opt *o, const char **ret_equals);
