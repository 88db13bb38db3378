/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path that is followed: every directory on the way is watched, for as much as could make the path lead somewhere else. Where
 * the next component is an ordinary directory that is only its own renaming or removal; where it is missing, a
 * symlink, or the last one, it is every change of names. So a busy /var or /tmp far above us wakes nobody.
 *
 * Mounts are seen by watch_mounts, not here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "api/watch.h"
#include "util/strv.h"

struct data_path {
        char *path;          /* owned; absolute */
        struct watch *watch; /* borrowed */
        struct watch_owner
                *owner; /* borrowed; its events are for data_path_concerns. about: this object */
        int *wds;       /* owned */
        size_t n_wds;
        struct strv names; /* components, those of symlinks' targets too */
        bool blind;        /* some directory on the way could not be watched */
};

/* @path: relative ones are taken from the working directory of now. */
void data_path_init(struct data_path *p, const char *path, struct watch *watch,
                    struct watch_owner *owner);
void data_path_done(struct data_path *p);

/*
 * Go the way and watch it. A descriptor (O_PATH) of the directory at its end, or -errno: -ENOENT (it will be
 * seen when it appears), -ENOTDIR, -EACCES, -ELOOP, -EMFILE ...
 */
int data_path_walk(struct data_path *p);

/* Could this event make the path lead somewhere else? */
bool data_path_concerns(const struct data_path *p, const struct watch_event *ev);
