/* SPDX-License-Identifier: Apache-2.0 */
/* One command per file cmd_<name>.c; the table that lists them is commands.c. */
#pragma once

#include "cli/cli.h"

extern const struct cmd cmd_api;
extern const struct cmd cmd_api_service;
extern const struct cmd cmd_cat_manifest;
extern const struct cmd cmd_completion;
extern const struct cmd cmd_events;
extern const struct cmd cmd_fetch;
extern const struct cmd cmd_gc;
extern const struct cmd cmd_help;
extern const struct cmd cmd_image_cat_manifest;
extern const struct cmd cmd_image_gc;
extern const struct cmd cmd_image_list;
extern const struct cmd cmd_image_rm;
extern const struct cmd cmd_list;
extern const struct cmd cmd_logs;
extern const struct cmd cmd_prepare;
extern const struct cmd cmd_rm;
extern const struct cmd cmd_run;
extern const struct cmd cmd_run_prepared;
extern const struct cmd cmd_status;
extern const struct cmd cmd_stop;
extern const struct cmd cmd_version;
