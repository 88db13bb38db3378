/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts from the command table; all go to @out and never fail. */
#pragma once

#include <stdio.h>

#include "cli/cli.h"

void help_program(FILE *out);
void help_group(FILE *out, const char *group);
void help_command(FILE *out, const struct cmd *cmd);
