/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a pod is where its directory is, and whether its owner lives: nothing else is
 * stored that could lie after a crash. The owner holds flock(2) exclusively on the directory
 * itself.
 */
#pragma once

#include <stdbool.h>

/*
 * In transition order: whoever scans in this order cannot miss a pod that moves forward
 * meanwhile.
 */
enum pod_dir {
        POD_DIR_EMBRYO,
        POD_DIR_PREPARE,
        POD_DIR_PREPARED,
        POD_DIR_RUN,
        POD_DIR_EXITED_GARBAGE,
        POD_DIR_GARBAGE,
        POD_DIR_MAX,
};

/* Bits for sets of directories. */
#define POD_DIR_BIT(d) (1u << (d))
#define POD_DIRS_ALL   ((1u << POD_DIR_MAX) - 1)

enum pod_state {
        POD_EMBRYO,          /* made, not yet locked */
        POD_PREPARING,       /* prepare/, locked */
        POD_ABORTED_PREPARE, /* prepare/, not locked */
        POD_PREPARED,        /* prepared/; the lock has no meaning */
        POD_RUNNING,         /* run/, locked */
        POD_EXITED,          /* run/, not locked */
        POD_EXITED_GARBAGE,  /* exited-garbage/, not locked: waits out its grace period */
        POD_EXITED_DELETING, /* exited-garbage/, locked: being deleted */
        POD_GARBAGE,         /* garbage/, not locked: never ran */
        POD_DELETING,        /* garbage/, locked */
        POD_STATE_MAX,
};

const char *pod_dir_name(enum pod_dir dir);       /* the directory's name: "exited-garbage" */
const char *pod_state_name(enum pod_state state); /* as rkt prints it: "exited garbage" */
enum pod_state pod_state_of(enum pod_dir dir, bool locked);

/* It has run and will not run again. */
bool pod_state_is_after_run(enum pod_state state);
/* Nothing will happen to it any more but its removal. */
bool pod_state_is_finished(enum pod_state state);
/* Its files are complete: not embryo, preparing, aborted, or being deleted. */
bool pod_state_has_manifest(enum pod_state state);
