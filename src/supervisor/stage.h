/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files an OCI runtime needs for the pod: a private tmpfs on `stage` in the pod's directory, in a mount namespace
 * that is the supervisor's own. Nothing of it is seen by the host and all of it falls with the supervisor.
 *
 *     stage/state/            the runtime's own state
 *     stage/shm/              the pod's /dev/shm, a tmpfs
 *     stage/apps/<app>/       the app's bundle: config.json, rootfs/ (where its overlay is mounted)
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "supervisor/plan.h"
#include "util/err.h"

struct stage {
        int pod_fd;     /* owned; the pod's directory as it is in our mount namespace */
        int layers_fd;  /* owned; images/layers; -1 when there is none */
        char *pod_path; /* owned; the pod's directory */
        char *path;     /* owned; pod_path/stage */
        char *shm;      /* owned */
        char *state;    /* owned */
};

#define STAGE_NULL ((struct stage){ .pod_fd = -1, .layers_fd = -1 })

/* A mount namespace of our own. What the host mounts later still arrives; nothing of ours leaves. */
int stage_enter(struct err *e);

/* After stage_enter. @lock_fd is the directory of pod @uuid in `run` beneath the data directory @dir. */
int stage_open(int lock_fd, const char *dir, const char *uuid, struct stage *ret, struct err *e);
void stage_done(struct stage *s); /* unmounts nothing */

/* Mount the tmpfs and make what is in it. */
int stage_fill(const struct stage *s, struct err *e);
/*
 * Make the bundle of app @name, empty. @wait: a runtime may be started on it at once, and waits for its
 * config.json (runtime/feed.h).
 */
int stage_make_bundle(const struct stage *s, const char *name, bool wait, struct err *e);

struct stage_app {
        const struct plan *plan;
        const struct plan_app *app;
        int (*await_init)(void *arg, pid_t *ret,
                          struct err *e); /* asked last for the pod init's pid */
        void *await_arg;
        bool cgroup_v2;
        const char *cgroups_path; /* for a runtime that handles cgroups itself; NULL */
        bool terminal;
};

/* In a bundle that was made: mount the app's root; then make its volumes and write its config.json. */
int stage_mount_app(const struct stage *s, const struct plan_app *app, struct err *e);
int stage_configure_app(const struct stage *s, const struct stage_app *a, struct err *e);
char *stage_bundle(const struct stage *s, const char *app); /* its path; owned by the caller */
