/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI configuration (runtime-spec 1.0, config.json) of one app of a pod. It joins the pod's network, IPC, UTS and PID
 * namespaces by path and has a mount namespace (on cgroup v2 a cgroup namespace too) of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/strv.h"

struct appc_app;
struct appc_pod_manifest;
struct appc_pod_app;

/* --- Volumes --- */

struct runtime_bind {
        char *source; /* owned; absolute, in the mount namespace of the runtime */
        char *target; /* owned; absolute, in the app's root */
        bool read_only;
        bool recursive; /* mounts beneath the source come along */
};
struct runtime_binds {
        struct runtime_bind *v; /* owned */
        size_t n, cap;
};
#define RUNTIME_BINDS_NULL ((struct runtime_binds){ 0 })
void runtime_binds_done(struct runtime_binds *b);
void runtime_binds_add(struct runtime_binds *b, const char *source, const char *target,
                       bool read_only, bool recursive);

/*
 * What app @papp of @pod (whose effective app is @app) sees of the pod's volumes: its mount points matched by name or by its
 * `mounts`, and its further `mounts` by path. A mount point that nothing satisfies gets an empty volume of its own
 * ("_<app>-<name>"), as rkt does. @volumes_dir: absolute path of the pod's `volumes` directory.
 * Sorted so that a parent is mounted before what lies beneath it.
 * Errors: ERR_BAD_DATA when a mount names no volume of the pod; ERR_NOT_FOUND when a host volume's source does not exist.
 */
int runtime_volumes_resolve(const struct appc_pod_manifest *pod, const struct appc_pod_app *papp,
                            const struct appc_app *app, const char *volumes_dir,
                            struct runtime_binds *ret, struct err *e);
/*
 * Make the directories of this app's empty volumes beneath @volumes_fd (mode, uid, gid as the manifest says, 0755 0:0
 * by default); those that exist stay as they are (another app's, or a pod prepared before).
 */
int runtime_volumes_create(const struct appc_pod_manifest *pod, const struct appc_pod_app *papp,
                           const struct appc_app *app, int volumes_fd, struct err *e);

/*
 * Fill the app's own empty volumes (those of mount points that nothing satisfied) with what its image has at that
 * place, owner and mode of the directory included, as docker does: a database image expects its data directory to be its
 * user's. A volume that has entries already is left alone. @rootfs_fd: the app's root.
 * Errors: ERR_NO_SPACE, ERR_INTERNAL.
 */
int runtime_volumes_populate(const struct appc_pod_manifest *pod, const struct appc_pod_app *papp,
                             const struct appc_app *app, int volumes_fd, int rootfs_fd,
                             struct err *e);

/* --- The app's identity --- */

struct runtime_user {
        uid_t uid;
        gid_t gid;
        gid_t *groups; /* owned; supplementary, without gid */
        size_t n_groups;
        char *home; /* owned; from the image's passwd, NULL when it has none for this uid */
};
void runtime_user_done(struct runtime_user *u);

/*
 * @user and @group as appc has them: a number, a name in the image's /etc/passwd or /etc/group, or an absolute path whose owner is
 * meant; NULL or "": 0. A group that does not exist but is spelled as the user means the user's primary one.
 * @rootfs_fd: the mounted root; files are opened as in a chroot, read bounded.
 * The supplementary groups are @gids alone (appc says so); when there are none, those that /etc/group lists the user's name in.
 * Errors: ERR_NOT_FOUND `user "x" is not in the image's /etc/passwd`, ERR_BAD_DATA, ERR_INTERNAL.
 */
int runtime_user_resolve(int rootfs_fd, const char *user, const char *group, const gid_t *gids,
                         size_t n_gids, struct runtime_user *ret, struct err *e);

/* --- config.json --- */

struct runtime_spec {
        const char *app_name;
        const struct appc_app *app;
        const struct strv
                *exec;      /* instead of the app's (event handlers, --exec); NULL: the app's */
        const char *rootfs; /* absolute path, as the runtime sees it */
        int rootfs_fd;      /* the same directory */
        bool read_only_rootfs;
        pid_t init_pid; /* the pod init; its /proc/<pid>/ns are joined */
        int (*await_init)(void *arg, pid_t *ret,
                          struct err *e); /* or where to ask for it, last of all */
        void *await_arg;
        bool host_network; /* no network namespace: stay in the caller's */
        bool terminal;
        const char *metadata_url;            /* AC_METADATA_URL; NULL: not set */
        const struct runtime_binds *volumes; /* NULL: none */
        const char *hostname_file; /* bound to /etc/hostname … ; NULL: the image's own is left */
        const char *hosts_file;
        const char *resolv_file;
        const char
                *shm_dir; /* the pod's /dev/shm, a tmpfs all its apps share; NULL: one of its own */
        const char *cgroups_path; /* only for runtimes that insist on handling cgroups; else NULL */
        bool cgroup_v2;           /* host mode: cgroup namespace, and /sys/fs/cgroup read-only */
};

/* Bound on the text of one config.json: an app's environment at its limits and every mount a pod may have. */
#define RUNTIME_SPEC_BYTES_MAX (16u * 1024 * 1024)

/*
 * Write config.json's text to @out (maximum: RUNTIME_SPEC_BYTES_MAX). Reads the image's passwd and group files and the
 * seccomp profile; touches nothing else.
 * Errors: those of runtime_user_resolve; ERR_USAGE the app has no exec; ERR_UNSUPPORTED what this host cannot enforce
 * though the app asks for it (AppArmor profile, SELinux context, oom score below our own without
 * CAP_SYS_RESOURCE); ERR_BAD_DATA for an unknown capability or seccomp set; ERR_LIMIT.
 */
int runtime_spec_write(const struct runtime_spec *spec, struct buf *out, struct err *e);
