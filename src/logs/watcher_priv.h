/* SPDX-License-Identifier: Apache-2.0 */
/* What follow.c asks of watcher.c. */
#pragma once

#include "logs/watcher.h"

struct logs_watched;

/* One who wants to know of one directory; part of its owner, zero before it is added. */
struct logs_watch {
        struct logs_watched *at; /* borrowed; NULL: the directory is gone, or was never watched */
        struct logs_watch *prev, *next;
        int event_fd; /* borrowed: written to with each hit; -1: nobody waits for it */
        bool hit;     /* something happened; its owner takes it away */
};

/*
 * Watch the directory @path for @mask. All who watch one directory must want the same. -1 with
 * errno set.
 */
int logs_watch_add(struct logs_watcher *w, struct logs_watch *watch, const char *path,
                   uint32_t mask);
void logs_watch_remove(struct logs_watcher *w, struct logs_watch *watch);
