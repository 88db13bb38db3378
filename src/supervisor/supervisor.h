/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor of one pod: from its start to its end. */
#pragma once

#include "supervisor/args.h"

/*
 * Run the pod in the directory args->lock_fd, which is locked and in `run`. Returns the exit status of the process: that
 * of the pod, or 254 when the failure is ours. Writes the pod's state files all along.
 */
int supervisor_run(const struct sup_args *args);
