/* SPDX-License-Identifier: Apache-2.0 */
/* Stop a running pod and wait until it has ended. */
#pragma once

#include <stdbool.h>

#include "engine/engine.h"
#include "util/err.h"

enum engine_stop_result {
        ENGINE_STOP_FAILED = -1,
        ENGINE_STOPPED = 0,
        ENGINE_STOP_ALREADY = 1, /* it had ended before */
};

/*
 * TERM to the apps, KILL after the supervisor's grace period; with @force KILL at once. A supervisor that does not
 * answer or does not come to an end is killed together with the pod, whose processes the kernel ends then. Returns
 * once nobody holds the pod's lock. Errors: ERR_STATE when it is not running, ERR_NOT_FOUND, ERR_PERMISSION,
 * ERR_TIMEOUT when not even that ended it.
 */
enum engine_stop_result engine_stop(struct engine *eng, const char *uuid, bool force,
                                    struct err *e);
