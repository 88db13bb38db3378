/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when the logs of a pod may have grown and when the pod has ended, with inotify, a pidfd of the pod's
 * init and the pod's lock. READ-ONLY. Calling sequence, which loses no line:
 *
 *     logs_follow_open, then logs_reader_open with query.follow (unless logs_follow_check says ENDED: that is all then)
 *     for (;;) {
 *             all of logs_reader_next
 *             if (ended) break, after logs_reader_flush
 *             logs_follow_wait or: poll logs_follow_fd, then logs_follow_check
 *             ended = ... == LOGS_FOLLOW_ENDED
 *             logs_reader_refresh
 *     }
 */
#pragma once

#include "logs/watcher.h"
#include "util/err.h"

enum logs_follow_event {
        LOGS_FOLLOW_QUIET, /* nothing happened (within the timeout) */
        LOGS_FOLLOW_GROWN, /* there may be more lines */
        LOGS_FOLLOW_ENDED  /* the pod has ended; one last refresh sees every line there will be */
};

struct logs_follow;

/*
 * @pod_fd: the pod's directory; duplicated. @watcher: shared with other followers, and dispatched by the caller; NULL for
 * one of its own. A pod that is not running is LOGS_FOLLOW_ENDED at once.
 */
int logs_follow_open(int pod_fd, struct logs_watcher *watcher, struct logs_follow **ret,
                     struct err *e);
struct logs_follow *logs_follow_free(struct logs_follow *f); /* NULL is fine; returns NULL */
static inline void logs_follow_freep(struct logs_follow **f)
{
        (void)logs_follow_free(*f);
}

/* For an event loop: readable when logs_follow_check is worth a call. Owned by @f. */
int logs_follow_fd(const struct logs_follow *f);
/* What happened since the last call. Never blocks. ENDED is final. */
enum logs_follow_event logs_follow_check(struct logs_follow *f);
/* Blocks until something happens; negative @timeout_ms: as long as it takes. */
int logs_follow_wait(struct logs_follow *f, int timeout_ms, enum logs_follow_event *ret,
                     struct err *e);
