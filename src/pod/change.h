/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that changes a pod's state: create, lock, move. Every move is one renameat2(2) that
 * never replaces, then fsync of the directory it went to; of two racers exactly one wins, and the
 * other is told so.
 */
#pragma once

#include "pod/store.h"
#include "util/err.h"

/* pod_store_open, after making the directories (0750) that are missing. */
int pod_store_create(int data_fd, struct pod_store *ret, struct err *e);

/*
 * A new pod directory in prepare/, exclusively locked by ret->fd. It is made in embryo/, so that
 * "made but not yet locked" is never taken for an aborted prepare. `pod-created` is there from the start: a pod
 * that has none is being deleted (pod/past.h).
 */
int pod_create(struct pod_store *s, struct pod *ret, struct err *e);

/*
 * Take the exclusive lock on p->fd, and look again where the pod is (p->dir is updated; after
 * this it moves only by our hand). Readers hold a shared lock for microseconds, so a held lock is
 * tried for 50 ms before it counts. Errors: ERR_BUSY `pod <uuid> is in use by another process`;
 * ERR_NOT_FOUND when it was removed meanwhile.
 */
int pod_lock(struct pod_store *s, struct pod *p, struct err *e);

enum pod_move {
        POD_MOVE_FAILED = -1, /* see e */
        POD_MOVED = 0,        /* p->dir is updated */
        POD_MOVE_LOST =
                1, /* somebody else was first; e says so (ERR_STATE; ERR_BUSY: has an owner) */
};

/*
 * By the owner, who holds the exclusive lock. The caller has fsynced what it wrote (pod_sync), the mark
 * pod_write_prepared among it if it goes to prepared. prepare -> prepared, prepare or prepared -> run.
 */
enum pod_move pod_to_prepared(struct pod_store *s, struct pod *p, struct err *e);
enum pod_move pod_to_run(struct pod_store *s, struct pod *p, struct err *e);
/*
 * By anybody, who must not hold the lock: run -> exited-garbage; prepare or prepared -> garbage.
 * A shared lock is held meanwhile, which keeps owners out and shows nothing to readers. A pod
 * with a living owner is POD_MOVE_LOST with ERR_BUSY. The pod directory's ctime becomes the time
 * of marking. A pod that comes from prepare/ loses the mark that it was prepared: it was not, its owner died before it
 * got to prepared/.
 */
enum pod_move pod_to_exited_garbage(struct pod_store *s, struct pod *p, struct err *e);
enum pod_move pod_to_garbage(struct pod_store *s, struct pod *p, struct err *e);

/*
 * fsync of all files and directories of the pod that describe it (not of rootfs, overlay,
 * volumes, logs).
 */
int pod_sync(const struct pod *p, struct err *e);
