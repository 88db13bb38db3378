/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flock(2) on a directory inode: the lock follows the directory through rename(2), belongs to the open
 * file description, and the kernel drops it on any kind of death. Returns 0 or -errno.
 */
#pragma once

#include <stdbool.h>

#include "util/time.h"

int flock_try_exclusive(int fd); /* -EWOULDBLOCK: somebody holds it */
int flock_try_shared(int fd);    /* -EWOULDBLOCK: somebody holds it exclusively */
int flock_release(int fd);
/* Wait until @deadline (time_monotonic()); negative: for ever. -ETIMEDOUT when it passed. */
int flock_wait(int fd, bool exclusive, nsec deadline);
/* 1: an owner is alive; 0: nobody holds the exclusive lock now; -errno. Leaves no lock behind. */
int flock_probe(int fd);
