/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stddef.h>

/* clang-format off */
const struct cmd *const cli_commands[] = {
        &cmd_api,
        &cmd_api_service,
        &cmd_cat_manifest,
        &cmd_completion,
        &cmd_events,
        &cmd_fetch,
        &cmd_gc,
        &cmd_image_cat_manifest,
        &cmd_image_gc,
        &cmd_image_list,
        &cmd_image_rm,
        &cmd_list,
        &cmd_logs,
        &cmd_prepare,
        &cmd_rm,
        &cmd_run,
        &cmd_run_prepared,
        &cmd_status,
        &cmd_stop,
        &cmd_version,
        &cmd_help,
        NULL,
};
/* clang-format on */
