/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroups of a pod and of its apps. carob owns them, not the OCI runtime: it makes them, writes limits and
 * device policy, starts the runtime inside, kills and removes them. Version 1, the hybrid layout and version 2
 * all work; cgroup.c holds what they share.
 *
 * Where: in a delegated cgroup (systemd's Delegate=yes) that holds nothing but this process, the pod's cgroup
 * is that one, and this process moves into its child "_carob". Otherwise it is "carob/<uuid>" beneath the
 * hierarchy's root. An app's cgroup is "<pod>/<app>"; names of our own start with '_', which no app name can.
 *
 * All calls may block for as long as the kernel does (a join: some ms after idle), none waits for an event but
 * runtime_cgroup_kill and runtime_cgroup_remove, which are bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/err.h"
#include "util/proc.h"

struct appc_isolators;

enum runtime_cgroup_mode {
        RUNTIME_CGROUP_NONE, /* no usable hierarchy: pods run without limits */
        RUNTIME_CGROUP_V1,   /* one hierarchy per controller */
        RUNTIME_CGROUP_HYBRID, /* v1 controllers, and a v2 hierarchy beside them (it tracks processes) */
        RUNTIME_CGROUP_V2,
        RUNTIME_CGROUP_MODE_MAX,
};
const char *runtime_cgroup_mode_name(enum runtime_cgroup_mode mode); /* "none" "v1" "hybrid" "v2" */

/* What this host has: mount points, controllers, our own place. Read once per process. */
struct runtime_cgroup_host;

/* Errors: ERR_INTERNAL when /proc cannot be read. A host without cgroups is mode NONE, not an error. */
int runtime_cgroup_host_open(struct runtime_cgroup_host **ret, struct err *e);
struct runtime_cgroup_host *runtime_cgroup_host_free(struct runtime_cgroup_host *host); /* NULL */
void runtime_cgroup_host_freep(struct runtime_cgroup_host **host);
enum runtime_cgroup_mode runtime_cgroup_host_mode(const struct runtime_cgroup_host *host);

/*
 * crun 1.8 refuses to run where a v2 hierarchy beside v1 has a controller, even if told to leave cgroups alone. So in the
 * hybrid layout the supervisor detaches the v2 mount in its own mount namespace (its mounts must be private); what @host has
 * open stays usable. Elsewhere this does nothing. Errors: ERR_PERMISSION, ERR_INTERNAL.
 */
int runtime_cgroup_hide_hybrid(const struct runtime_cgroup_host *host, struct err *e);

/* A cgroup (in every hierarchy of the host) that exists; holds a descriptor per hierarchy. */
struct runtime_cgroup;

/*
 * Make the cgroup of pod @uuid, with the controllers its apps need switched on. On v2 in a delegated cgroup this
 * moves the calling process (see above). @host must outlive the result, and the results of _create_app.
 * Errors: ERR_EXISTS when a pod of this uuid left its cgroup behind and it cannot be reused; ERR_PERMISSION; ERR_INTERNAL.
 */
int runtime_cgroup_create_pod(const struct runtime_cgroup_host *host, const char *uuid,
                              struct runtime_cgroup **ret, struct err *e);
/*
 * Make "<pod>/<name>". @name: an app's name, or "_init" for the pod init (v2 wants processes in leaves; on v1
 * the init may join the pod's cgroup itself). An empty leftover is reused.
 */
int runtime_cgroup_create_child(const struct runtime_cgroup *pod, const char *name,
                                struct runtime_cgroup **ret, struct err *e);
struct runtime_cgroup *runtime_cgroup_free(struct runtime_cgroup *cg); /* closes only; NULL */
void runtime_cgroup_freep(struct runtime_cgroup **cg);

/*
 * The path as the pod's `subcgroup` file has it: no leading '/', relative to the hierarchy's root, for example
 * "carob/6733d088-…". Empty when the host has no cgroups. Borrowed from @cg.
 */
const char *runtime_cgroup_path(const struct runtime_cgroup *cg);

/* Limits of one cgroup; -1: none, for every field. */
struct runtime_limits {
        int64_t memory_limit_bytes; /* memory and swap together: a limited app does not swap */
        int64_t memory_request_bytes;
        int64_t cpu_limit_milli; /* thousandths of a CPU; at least 10 take effect (a quota of 1 ms in 100) */
        int64_t cpu_shares; /* 2..262144 */
        int64_t pids_limit;
        bool pids_required; /* the user asked: a host that cannot is an error. Else it is our own default */
};
#define RUNTIME_LIMITS_NULL ((struct runtime_limits){ -1, -1, -1, -1, -1, false })

/* An app without a `resource/pids` isolator may have so many processes and threads: enough for any server met, few enough
 * that a fork bomb leaves the host alive. The value systemd gives units on a host of 4 GB, rounded. */
enum { RUNTIME_PIDS_DEFAULT = 4096 };

/*
 * Limits from an app's isolators: the shares come from cpu-shares, else from the cpu request, else from the cpu
 * limit. @for_app adds the default pids limit, which a pod's cgroup has not.
 */
void runtime_limits_from_isolators(const struct appc_isolators *iso, bool for_app,
                                   struct runtime_limits *ret);

/*
 * Write limits. Errors: ERR_UNSUPPORTED (text names limit and missing controller) when the host cannot enforce what was
 * asked; ERR_USAGE when the kernel says the value makes no sense; ERR_INTERNAL.
 */
int runtime_cgroup_limit(const struct runtime_cgroup *cg, const struct runtime_limits *limits,
                         struct err *e);

/*
 * Allow the devices of a container (null, zero, full, random, urandom, tty, ptmx, pts, and mknod of any)
 * and nothing else. v1: devices.deny and devices.allow; v2: a BPF program. Errors: ERR_UNSUPPORTED when the
 * kernel has neither; ERR_PERMISSION, ERR_INTERNAL.
 */
int runtime_cgroup_restrict_devices(const struct runtime_cgroup *cg, struct err *e);

/* Move process @pid (0: the calling one) into @cg, in every hierarchy. Blocks some ms after idle. */
int runtime_cgroup_join(const struct runtime_cgroup *cg, pid_t pid, struct err *e);

/*
 * The quick way for a new process of one thread, which waits for nothing: clone it into the v2 part of @cg (-1: there is
 * none), and let it enter the v1 hierarchies itself. Async-signal-safe. 0, or -errno with the hierarchy's number.
 */
int runtime_cgroup_v2_fd(const struct runtime_cgroup *cg);
int runtime_cgroup_enter_v1(const struct runtime_cgroup *cg, int *ret_hierarchy);

/* Directory fd for clone3(CLONE_INTO_CGROUP); -1 where a process must join by itself (v1, hybrid). Borrowed. */
int runtime_cgroup_clone_fd(const struct runtime_cgroup *cg);

/*
 * SIGKILL every process in @cg and beneath it until none is left, for at most @timeout_ms. Processes in
 * uninterruptible sleep may outlast that. Returns 0 when empty. Errors: ERR_TIMEOUT (text tells how many remain), ERR_INTERNAL.
 */
int runtime_cgroup_kill(const struct runtime_cgroup *cg, int timeout_ms, struct err *e);

/* SIGNAL every process now in @cg, once (stop: TERM to a process group that left its leader). 0 or -errno. */
int runtime_cgroup_signal(const struct runtime_cgroup *cg, int signo);

/* Is nobody in @cg or beneath? 1 empty, 0 not, -errno. */
int runtime_cgroup_is_empty(const struct runtime_cgroup *cg);

/* How often the kernel's OOM killer struck in @cg; 0 when it cannot tell. */
uint64_t runtime_cgroup_oom_kills(const struct runtime_cgroup *cg);

/*
 * Remove @cg and everything beneath it, in every hierarchy. A directory that is busy (a dead process not yet
 * reaped by its parent) is retried for at most @timeout_ms. Errors: ERR_BUSY, ERR_INTERNAL. Already gone is success.
 * A delegated pod cgroup itself stays (it is systemd's); only what is beneath is removed.
 */
int runtime_cgroup_remove(const struct runtime_cgroup *cg, int timeout_ms, struct err *e);
/* Remove @cg, nothing beneath it, where that can be done at once: what is left is runtime_cgroup_remove's. */
void runtime_cgroup_try_remove(const struct runtime_cgroup *cg);

/*
 * For gc: remove what pod @uuid left. @path: its `subcgroup` text, or NULL when there is none (then the place
 * where a pod's cgroup normally is). Processes still inside are killed only when the path's last component is
 * the uuid, i.e. when it is ours alone. A @path with "..", or empty, is ERR_BAD_DATA. Nothing there is success.
 */
int runtime_cgroup_gc(const struct runtime_cgroup_host *host, const char *uuid, const char *path,
                      int timeout_ms, struct err *e);

/*
 * The joiner: a child process that enters the app's cgroup while its parent does other work, then waits for the command
 * that it becomes (v1 and hybrid: a process has to enter there by itself). On v2 nothing is forked: the command is
 * cloned into the cgroup.
 */
struct runtime_joiner;

/*
 * Start it. @cg must outlive the joiner, and be complete (limits, devices): the child is inside from now on. The child
 * dies with the calling thread (PDEATHSIG).
 */
int runtime_joiner_start(const struct runtime_cgroup *cg, struct runtime_joiner **ret,
                         struct err *e);
/*
 * Make it run @s inside the cgroup, as proc_spawn would; @s->cgroup_fd, child_setup and chdir_fd are not supported
 * here (must be -1, NULL, -1). Blocks until the join is done and the exec succeeded or failed. The joiner is used up by
 * success: free it all the same.
 * Errors: as proc_spawn; ERR_INTERNAL when the join failed (text names the hierarchy).
 */
int runtime_joiner_spawn(struct runtime_joiner *j, const struct proc_spawn *s, struct proc *ret,
                         struct err *e);
/*
 * The same in two steps. _begin asks and waits for nothing; *ret is the process that is about to become the program.
 * _verdict says whether it did: it waits for that, or for the process's death, so it does not block once that process
 * has ended. @path: as in @s. Ask at most once; without asking, a failure is an exit status of 127.
 */
int runtime_joiner_begin(struct runtime_joiner *j, const struct proc_spawn *s, struct proc *ret,
                         struct err *e);
int runtime_joiner_verdict(struct runtime_joiner *j, const char *path, struct err *e);
struct runtime_joiner *
runtime_joiner_free(struct runtime_joiner *j); /* kills an unused child; NULL */
void runtime_joiner_freep(struct runtime_joiner **j);
