/* SPDX-License-Identifier: Apache-2.0 */
/* Delete a pod that was marked as garbage. */
#pragma once

#include "pod/store.h"
#include "util/err.h"

/*
 * Delete the directory of @p, which lies in exited-garbage/ or garbage/ and whose exclusive lock
 * p->fd holds (pod_lock). `pod-created` goes first: without it the pod's directory tells of nothing that has happened
 * (pod/past.h), so its last words must have been written. The manifest goes last, so that a pod half deleted is still one, and
 * deleting it again finishes the work. Never follows a symlink. Somebody else's having removed it
 * is success. Errors: ERR_STATE when it is not garbage; ERR_BUSY naming the path where something
 * is still mounted; ERR_PERMISSION, ERR_INTERNAL. May take as long as the disk does, but waits
 * for no lock.
 */
int pod_remove(struct pod_store *s, struct pod *p, struct err *e);
