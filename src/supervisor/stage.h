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

struct stage_app {
        const struct plan *plan;
        const struct plan_app *app;
        pid_t init_pid;
        bool cgroup_v2;
        const char *cgroups_path; /* for a runtime that handles cgroups itself; NULL */
        bool terminal;
};

/* Mount the app's root, make its volumes, write its config.json. */
int stage_add_app(const struct stage *s, const struct stage_app *a, struct err *e);
char *stage_bundle(const struct stage *s, const char *app); /* its path; owned by the caller */
