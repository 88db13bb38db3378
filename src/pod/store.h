/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directories of all pods, and one pod opened among them. Reading only: pod/change.h changes.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "pod/phase.h"
#include "util/err.h"
#include "util/uuid.h"

struct pod_store {
        int data_fd;             /* owned duplicate; the data directory */
        int pods_fd;             /* owned; -1 while it does not exist */
        int dir_fd[POD_DIR_MAX]; /* owned; -1 while it does not exist */
};

#define POD_STORE_NULL                                                                             \
        ((struct pod_store){ .data_fd = -1, .pods_fd = -1, .dir_fd = { -1, -1, -1, -1, -1, -1 } })

/*
 * Open what is there beneath the data directory @data_fd. Directories that do not exist yet count
 * as empty and are looked for again by every list. Errors: ERR_PERMISSION, ERR_NO_SPACE,
 * ERR_INTERNAL.
 */
int pod_store_open(int data_fd, struct pod_store *ret, struct err *e);
void pod_store_done(struct pod_store *s);
/* Open the directories that were missing. No error: what is still missing stays -1. */
void pod_store_refresh(struct pod_store *s);

struct pod {
        struct uuid uuid;
        int fd; /* owned; every file is read beneath it, wherever the pod moves. Carries the lock */
        enum pod_dir dir; /* where it was when we looked */
};

#define POD_NULL ((struct pod){ .fd = -1 })

/*
 * Find pod @uuid in transition order and open it. O_CLOEXEC, takes no lock. Errors: ERR_NOT_FOUND
 * `no matches found for "<uuid>"`; ERR_PERMISSION, ERR_NO_SPACE, ERR_INTERNAL.
 */
int pod_open(struct pod_store *s, const char *uuid, struct pod *ret, struct err *e);
/*
 * The same, but only a handle (O_PATH): files can be read beneath it, its lock cannot be asked for, and nobody who watches
 * the directories is told of an opening. @first: where it probably is. Directories that were missing are not looked for.
 */
int pod_find(struct pod_store *s, const char *uuid, enum pod_dir first, struct pod *ret,
             struct err *e);
/* Is the directory behind p->fd at p->dir now? */
bool pod_is_there(const struct pod_store *s, const struct pod *p);
void pod_done(struct pod *p); /* closes; a lock that only this descriptor carries falls */

/*
 * Is an owner alive? Takes and drops a shared lock, and does not even that where the lock has no
 * meaning (embryo, prepared), so that a reader never disturbs who is about to become the owner.
 * Do not call it while @p itself holds the lock. An error of flock(2) counts as "no".
 */
bool pod_is_locked(const struct pod *p);
/*
 * The state of @p, true at one moment of this call; p->dir is updated. The pod may have moved on
 * already. Of a pod that was removed meanwhile: deleting.
 */
enum pod_state pod_state_sample(struct pod_store *s, struct pod *p);
/* Where the directory behind p->fd is now: 0 and *ret, or -1 when it was removed. */
int pod_where(struct pod_store *s, const struct pod *p, enum pod_dir *ret);
