/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration of kind "logs": what becomes of the apps' output where the command line does not say it. */
#pragma once

#include <stdint.h>

#include "engine/config.h"

struct engine_config_logs {
        int64_t max_bytes; /* as in struct pod_launch; -1: not said */
        int max_files;     /* -1: not said */
        int driver;        /* enum pod_log_driver; -1: not said */
};

#define ENGINE_CONFIG_LOGS_NULL ((struct engine_config_logs){ -1, -1, -1 })

/* One file. Errors: ERR_BAD_DATA naming the member. */
int engine_config_logs_parse(struct json_object *o, struct engine_config_logs *ret, struct err *e);
/*
 * All files together. Two of one directory that say the same are ERR_BAD_DATA: which is meant? Other errors as
 * engine_config_read.
 */
int engine_config_logs_read(const struct engine_config_dirs *dirs, struct engine_config_logs *ret,
                            struct err *e);
