/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/phase.h"

#include <assert.h>

#include "util/auto.h"

static const char *const dir_names[] = {
        [POD_DIR_EMBRYO] = "embryo",
        [POD_DIR_PREPARE] = "prepare",
        [POD_DIR_PREPARED] = "prepared",
        [POD_DIR_RUN] = "run",
        [POD_DIR_EXITED_GARBAGE] = "exited-garbage",
        [POD_DIR_GARBAGE] = "garbage",
};
static_assert(ARRAY_LEN(dir_names) == POD_DIR_MAX, "a name for every directory");

static const char *const state_names[] = {
        [POD_EMBRYO] = "embryo",
        [POD_PREPARING] = "preparing",
        [POD_ABORTED_PREPARE] = "aborted prepare",
        [POD_PREPARED] = "prepared",
        [POD_RUNNING] = "running",
        [POD_EXITED] = "exited",
        [POD_EXITED_GARBAGE] = "exited garbage",
        [POD_EXITED_DELETING] = "exited deleting",
        [POD_GARBAGE] = "garbage",
        [POD_DELETING] = "deleting",
};
static_assert(ARRAY_LEN(state_names) == POD_STATE_MAX, "a name for every state");

/* [directory][locked] */
static const enum pod_state states[POD_DIR_MAX][2] = {
        [POD_DIR_EMBRYO] = { POD_EMBRYO, POD_EMBRYO },
        [POD_DIR_PREPARE] = { POD_ABORTED_PREPARE, POD_PREPARING },
        [POD_DIR_PREPARED] = { POD_PREPARED, POD_PREPARED },
        [POD_DIR_RUN] = { POD_EXITED, POD_RUNNING },
        [POD_DIR_EXITED_GARBAGE] = { POD_EXITED_GARBAGE, POD_EXITED_DELETING },
        [POD_DIR_GARBAGE] = { POD_GARBAGE, POD_DELETING },
};

#define BIT(state) (1u << (state))

static const unsigned deleting = BIT(POD_EXITED_DELETING) | BIT(POD_DELETING);
static const unsigned after_run = BIT(POD_EXITED) | BIT(POD_EXITED_GARBAGE) |
                                  BIT(POD_EXITED_DELETING) | BIT(POD_GARBAGE) | BIT(POD_DELETING);

const char *pod_dir_name(enum pod_dir dir)
{
        return dir_names[dir];
}

const char *pod_state_name(enum pod_state state)
{
        return state_names[state];
}

enum pod_state pod_state_of(enum pod_dir dir, bool locked)
{
        return states[dir][locked];
}

bool pod_state_is_after_run(enum pod_state state)
{
        return after_run & BIT(state);
}

bool pod_state_is_finished(enum pod_state state)
{
        return (after_run | BIT(POD_ABORTED_PREPARE)) & BIT(state);
}

bool pod_state_has_manifest(enum pod_state state)
{
        return !((deleting | BIT(POD_EMBRYO) | BIT(POD_PREPARING) | BIT(POD_ABORTED_PREPARE)) &
                 BIT(state));
}
