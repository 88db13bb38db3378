/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "engine/engine.h"

/*
 * Can pods have overlay roots here? @podfd: a pod directory, where it would be. Trying costs a mount and a dozen
 * directory operations (some milliseconds on a slow disk), so success is remembered in the file "overlay-works" of
 * the data directory for as long as the system is up.
 */
bool engine_overlay_works(struct engine *eng, int podfd);
