/* SPDX-License-Identifier: Apache-2.0 */
/* How a pod is to be run: the options of run and run-prepared. */
#pragma once

#include "cli/opt.h"
#include "engine/launch.h"

extern struct engine_launch launch_request;
extern const struct opt launch_opts[];

/* Once the options are read: what they do not say comes from the configuration, and the host must have what it asks for. */
int launch_opts_complete(struct err *e);
#define LAUNCH_OPTS_GROUP                                                                          \
        {                                                                                          \
                "OPTIONS FOR RUNNING", launch_opts                                                 \
        }
