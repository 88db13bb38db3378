/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel tells without being asked: one inotify instance and any number of pidfds in one epoll descriptor,
 * which is one uv_poll of the loop. So watch_sync can take everything that has happened until now, in the
 * middle of a call, and not only when the loop comes around to it.
 *
 * Whoever watches gets watch descriptors (wd) and its events. Several owners may watch one directory: each gets all
 * events of it, also those that only another one asked for, so owners look at the mask. Owners must not add or
 * remove anything from within a callback: they note, and act later.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "util/err.h"

struct watch; /* the hub */

struct watch_event {
        int wd;
        uint32_t
                mask; /* inotify(7); IN_IGNORED: the wd is gone, forget it (never for watch_remove'd ones) */
        const char *name; /* borrowed; of the entry of the directory; "": the directory itself */
};

struct watch_owner {
        /* Something happened in a directory watched for @about (as given to watch_add). */
        void (*on_event)(struct watch_owner *o, void *about, const struct watch_event *ev);
        /* Events were lost: whatever is known may be old. To every owner that was registered. */
        void (*on_overflow)(struct watch_owner *o);
        /* Something was mounted or unmounted. NULL: not needed. */
        void (*on_mounts)(struct watch_owner *o);
        /* After one or more of the above (or a pidfd), outside of the reading of events: now act. NULL: not needed. */
        void (*on_drained)(struct watch_owner *o);
        struct watch_owner *next; /* watch.c's */
};

struct watch_process; /* one pidfd */

struct watch_stats {
        size_t watches;     /* wds in use */
        size_t max_watches; /* those we allow ourselves */
        size_t processes;
        uint64_t events;
        uint64_t overflows;
        uint64_t refused; /* watches that could not be had */
};

/*
 * @budget: watches at most; 0: half of what the kernel grants a user (fs.inotify.max_user_watches). Errors:
 * ERR_NO_SPACE (descriptors, inotify instances), ERR_INTERNAL.
 */
int watch_new(uv_loop_t *loop, size_t budget, struct watch **ret, struct err *e);
/* Closes its handle; the loop must run once more afterwards, which frees the memory. NULL is fine. */
void watch_free(struct watch *w);

void watch_register(struct watch *w, struct watch_owner *o);
void watch_unregister(struct watch *w, struct watch_owner *o); /* removes nothing that it watches */

/*
 * Watch the directory @name beneath the directory @dirfd (O_PATH will do; "." is @dirfd itself), following no symlink at
 * the end of it. A mask is only ever added to what is watched of an inode already. The wd (> 0), or -errno: -ENOSPC when
 * the budget or the kernel's limit is used up; -ENOENT, -ENOTDIR, -EACCES of the directory. Adding again what @o
 * watches for @about already is no new watch. Needs /proc.
 */
int watch_add(struct watch *w, struct watch_owner *o, void *about, int dirfd, const char *name,
              uint32_t mask);
/* No more events of @wd for @about, not even those that are queued. */
void watch_remove(struct watch *w, struct watch_owner *o, void *about, int wd);

/* How many more watches could be added now. */
size_t watch_room(const struct watch *w);

/*
 * Call @fn once when process @pid is dead (also when it is already), then it is gone by itself. NULL, with errno: no
 * descriptor left, or pidfds are not to be had.
 */
struct watch_process *watch_process_add(struct watch *w, pid_t pid,
                                        void (*fn)(struct watch_owner *o, void *about),
                                        struct watch_owner *o, void *about);
void watch_process_remove(struct watch *w, struct watch_process *p); /* NULL is fine */

/*
 * Call on_mounts of all owners when anything was mounted or unmounted where we can see it. -errno: /proc is not
 * there.
 */
int watch_mounts(struct watch *w);

/* Somebody waits for news: each event is taken as it comes, also where it would be cheaper to let some gather. */
void watch_hurry(struct watch *w, bool hurry);

/* Take what has happened until now and call whom it concerns. Never blocks. */
void watch_sync(struct watch *w);

void watch_stats(const struct watch *w, struct watch_stats *ret);
