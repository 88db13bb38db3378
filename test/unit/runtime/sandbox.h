/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the root tests of src/runtime share: a mount namespace of their own, a pod init in fresh namespaces, an image layer
 * with busybox, an app in a cgroup, and a way to run it. Everything is found again by descriptor or pid, and removed.
 */
#pragma once

#include "test.h"

#include "appc/app.h"
#include "runtime/cgroup.h"
#include "runtime/invoke.h"
#include "runtime/rootfs.h"
#include "runtime/spec.h"
#include "util/proc.h"
#include "util/uuid.h"

struct sandbox {
        const char *runtime; /* set before sandbox_init: another OCI runtime than crun; NULL */
        struct test_dir dir;
        char *state;  /* owned; a tmpfs */
        char *rootfs; /* owned; where the overlay is mounted */
        int layers_fd, rootfs_fd;
        struct uuid uuid;
        struct runtime_cgroup_host *host;
        struct runtime_cgroup *pod, *app;
        struct runtime_invoke invoke;
        struct proc init;
        struct runtime_binds binds;
        bool read_only;
};

/* What one run of an app gave. */
struct outcome {
        int status;      /* as proc_wait */
        char out[16384]; /* stdout and stderr */
};

/* Exit 77 with a reason unless this is root with busybox-static and crun; then unshare the mounts. */
void sandbox_require(void);
void sandbox_init(struct sandbox *s);
void sandbox_done(struct sandbox *s);
/* An app that runs `busybox sh -c @script`, as root. Free with appc_app_free. */
struct appc_app *sandbox_app(const char *script);
/* Start it (joiner, config.json, crun run --detach) and read its output to the end. Fails the test if it cannot start. */
void sandbox_run(struct sandbox *s, const struct appc_app *app, struct outcome *ret);
/* The same, but a failure to start is the result: 0 started (and waited for), -1 with @e. */
int sandbox_try(struct sandbox *s, const struct appc_app *app, struct outcome *ret, struct err *e);

#define AUTO_SANDBOX AUTO(sandbox_done)
