/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One inotify for all followers of a process. The kernel gives each user 128 of them by default
 * (fs.inotify.max_user_instances), for all of its processes: a service that took one for each
 * follower would stop at that, and stop its user's other programs too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

struct logs_watcher;

/* Errors: ERR_NO_SPACE when the user has no inotify left, ERR_INTERNAL. */
int logs_watcher_new(struct logs_watcher **ret, struct err *e);
/* Nobody may follow by it any more. NULL is fine; returns NULL. */
struct logs_watcher *logs_watcher_free(struct logs_watcher *w);
static inline void logs_watcher_freep(struct logs_watcher **w)
{
        (void)logs_watcher_free(*w);
}

/* For an event loop: readable when logs_watcher_dispatch is worth a call. Owned by @w. */
int logs_watcher_fd(const struct logs_watcher *w);
/* Tell those whom it concerns of what happened: their logs_follow_fd becomes readable. Never blocks. */
void logs_watcher_dispatch(struct logs_watcher *w);
