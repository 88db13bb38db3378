/* SPDX-License-Identifier: Apache-2.0 */
/* Wait for a pod from outside: asleep in poll(2), woken by its pidfd and by inotify. */
#pragma once

#include "pod/store.h"
#include "util/err.h"
#include "util/time.h"

enum pod_wait_for {
        POD_WAIT_EXITED, /* it has run and ended, was aborted, or is gone */
        POD_WAIT_READY,  /* all its apps were started */
};

/*
 * Blocks until the pod is there or @deadline (time_monotonic(); negative: for ever) has passed.
 * The pod may be renamed, killed or removed meanwhile. Errors: ERR_TIMEOUT; ERR_NOT_FOUND when
 * there was no such pod to begin with; ERR_STATE when it can no longer become ready.
 */
int pod_wait(struct pod_store *s, const char *uuid, enum pod_wait_for what, nsec deadline,
             struct err *e);
