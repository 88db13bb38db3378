/* SPDX-License-Identifier: Apache-2.0 */
/* Garbage collection of pods. Several may run at once: each pod is taken by one of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"
#include "util/err.h"
#include "util/time.h"

enum engine_gc_what {
        ENGINE_GC_MARKED, /* moved to exited-garbage or garbage */
        ENGINE_GC_REMOVED,
        ENGINE_GC_KEPT,    /* within its grace period */
        ENGINE_GC_SKIPPED, /* another process is at it */
        ENGINE_GC_FAILED,
};

struct engine_gc {
        nsec now;             /* time_now() */
        nsec grace;           /* exited pods live so long after they were marked */
        nsec expire_prepared; /* prepared pods live so long */
        bool mark_only;
        /* Told of every pod that something was done to or not done; @text: for people, only of failures; may be NULL. */
        void (*note)(void *arg, enum engine_gc_what what, const char *uuid, const char *text);
        void *arg;
};

/*
 * Mark, expire, delete. What one pod fails with goes to note; then *ret_failed says how many did. Errors: ERR_PERMISSION,
 * ERR_INTERNAL when the pods cannot be listed at all.
 */
int engine_gc(struct engine *eng, const struct engine_gc *gc, size_t *ret_failed, struct err *e);
