/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to supervisor: the one object of the process. Everything in it is made before the first app starts; what
 * only starting needed is freed again once all apps run.
 */
#pragma once

#include <stdbool.h>

#include "pod/app_status.h"
#include "runtime/cgroup.h"
#include "runtime/invoke.h"
#include "supervisor/args.h"
#include "supervisor/control.h"
#include "supervisor/loop.h"
#include "supervisor/output.h"
#include "supervisor/plan.h"
#include "supervisor/rules.h"
#include "supervisor/stage.h"
#include "util/proc.h"

struct supervisor;

enum sup_step {
        SUP_APP_NEW,
        SUP_APP_CREATING, /* a runtime call is under way, also at STARTING */
        SUP_APP_CREATED,
        SUP_APP_STARTING,
        SUP_APP_RUNNING,
        SUP_APP_GONE,
};

struct sup_app {
        struct supervisor *sup;
        char *name;  /* owned */
        int info_fd; /* owned; appsinfo/<app> */
        enum sup_step step;
        struct runtime_cgroup *cgroup;  /* owned; NULL where the host has none */
        struct runtime_joiner *joiner;  /* owned; only while starting */
        int write_fds[LOGS_STREAM_MAX]; /* owned; the app's ends of its pipes, until it has them */
        struct runtime_call call;
        bool unfed; /* the call waits for its configuration, or will find it in the bundle */
        struct loop_source call_source;
        struct proc proc; /* the main process */
        struct loop_source proc_source;
        struct app_status status;
        bool status_dirty; /* could not be written */
        nsec let_go_at;    /* when its "start" was called; 0: not yet */
        nsec abandon_at; /* 0, or when a call is killed whose app has died already (time_monotonic()) */
        bool sweeping; /* leftovers in the cgroup are being killed */
        struct output_app output;
};

struct supervisor {
        const struct sup_args *args;
        struct loop loop;
        struct loop_source signals;
        int signal_fd;
        struct rules rules;
        struct plan plan;   /* only while starting */
        struct stage stage; /* only while starting */
        struct runtime_invoke invoke;
        struct runtime_cgroup_host *host;
        struct runtime_cgroup *cgroup; /* the pod's */
        struct runtime_cgroup *init_cgroup;
        struct proc init;
        struct loop_source init_source;
        struct control control;
        struct output output;
        bool output_open;
        struct sup_app *apps;
        size_t n_apps;
        size_t n_calls;     /* runtime calls under way */
        bool children_died; /* SIGCHLD came: strangers may have to be reaped */
        bool warm;          /* code pages are in memory that waiting does not need */
        bool synced;        /* sup_sync_apart was called */
        nsec retry_at;    /* time_monotonic() before which unwritten statuses are not tried again */
        bool reported;    /* whoever started us detached was told */
        nsec told_at;     /* the latest time that we wrote anywhere */
        char reason[512]; /* why the pod ended so; "" as long as nobody knows */
};

/* start.c: everything up to the first runtime call. On failure the caller ends the pod. */
int sup_prepare(struct supervisor *s, struct err *e);
/* What only starting needed. Not done in a hurry: closing the runtime's mount makes the kernel wait for RCU. */
void sup_free_start(struct supervisor *s);
void sup_free_joiners(struct supervisor *s);

/* apps.c: nothing here blocks but the start of a runtime call, for as long as entering the cgroup takes */
/* Issue the first calls before their configurations exist, where the runtime can wait for them (runtime/feed.h). */
int sup_launch_early(struct supervisor *s, struct err *e);
void sup_launch(struct supervisor *s); /* issue the runtime calls that can be made now */
bool sup_feed(struct supervisor *s);   /* true: a runtime may still want feeding; call again soon */
void sup_drop_unstarted(struct supervisor *s);
void sup_cancel_calls(struct supervisor *s); /* kills the runtime where it still works */
bool sup_app_reap(struct sup_app *a);        /* true: it has ended just now */
void sup_signal_apps(struct supervisor *s, int signo);
bool sup_sweep(struct supervisor *s); /* true: leftovers remain; call again soon */
bool sup_is_ours(const struct supervisor *s, pid_t pid);

/* supervisor.c */
void sup_act(struct supervisor *s, unsigned actions);
void sup_fail(struct supervisor *s, const char *why);
void sup_reason(struct supervisor *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sup_started(struct supervisor *s); /* all apps run */
/* Tell whoever started us detached: "ok", or why not. Only the first call counts. */
void sup_report(struct supervisor *s, const char *text);
void sup_write_app_status(struct sup_app *a);
/* The time, as it is written for others: what comes later is never earlier, also when the clock is set back. */
nsec sup_now(struct supervisor *s);

/* sync.c: fsync the pod's files, once, in a process of its own, which nobody waits for. */
void sup_sync_apart(struct supervisor *s);
/*
 * sync.c: leave the mount namespace to a child that dies right after us. Whoever leaves it last unmounts the overlays, and
 * the kernel then syncs the whole file system beneath them: that would be between the app's end and ours. It syncs the
 * pod's files as well where that was not done yet.
 */
void sup_undertake(const struct supervisor *s);
