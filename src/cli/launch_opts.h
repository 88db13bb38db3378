/* SPDX-License-Identifier: Apache-2.0 */
/* How a pod is to be run: the options of run and run-prepared. */
#pragma once

#include "cli/opt.h"
#include "engine/launch.h"

extern struct engine_launch launch_request;
extern const struct opt launch_opts[];
#define LAUNCH_OPTS_GROUP                                                                          \
        {                                                                                          \
                "OPTIONS FOR RUNNING", launch_opts                                                 \
        }
