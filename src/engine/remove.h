/* SPDX-License-Identifier: Apache-2.0 */
/* Take a pod away: its cgroup, then its directory. */
#pragma once

#include "engine/engine.h"
#include "util/err.h"

/*
 * `rm`: any pod that nobody owns, whatever its state. Errors: ERR_STATE `pod "x" is currently running` and the like;
 * ERR_BUSY when another process is removing it; ERR_NOT_FOUND; those of pod_remove.
 */
int engine_rm(struct engine *eng, const char *uuid, struct err *e);

/*
 * Delete pod @uuid, which is marked as garbage: takes its lock, kills and removes what is left of its cgroup, appends its last
 * words to the ledger (pod/past.h), deletes the directory. Last words that cannot be written (the disk is full) are a
 * warning, eng->warn, and no failure: deleting is what helps then. Removed by somebody else meanwhile: success.
 */
int engine_delete_garbage(struct engine *eng, const char *uuid, struct err *e);
