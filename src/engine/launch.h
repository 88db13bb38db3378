/* SPDX-License-Identifier: Apache-2.0 */
/* Make a prepared pod run: this process (or, detached, a child) becomes its supervisor. */
#pragma once

#include <stdbool.h>

#include "engine/config.h"
#include "engine/engine.h"
#include "pod/launch.h"
#include "pod/store.h"
#include "util/err.h"

struct engine_launch {
        enum pod_net net;
        const char *hostname; /* NULL: the default */
        int64_t log_bytes;    /* as in struct pod_launch */
        int log_files;
        int log_driver; /* enum pod_log_driver; -1: not said */
        bool interactive;
        bool detach;
        bool debug;
};

/* Fill in what is not said from the configuration of logs. Errors: those of engine_config_logs_read. */
int engine_launch_configure(struct engine_launch *l, const struct engine_config_dirs *dirs,
                            struct err *e);

/* Whether what the launch asks of this host is there; to be called before a pod is made. Errors: ERR_UNAVAILABLE (the journal). */
int engine_launch_check(const struct engine_launch *l, struct err *e);

/*
 * Find pod @uuid in prepared/ and take its lock without waiting. Errors: ERR_STATE `pod "..." is not prepared`, ERR_BUSY when
 * another process is about to run it, ERR_NOT_FOUND.
 */
int engine_take_prepared(struct engine *eng, const char *uuid, struct pod *ret, struct err *e);

/*
 * @p is locked, in prepare/ or prepared/. Writes how it is to be run, moves it to run/, and executes carob-pod, which
 * inherits the lock: without detach this returns only on failure. With detach it returns 0 once all apps were started;
 * the supervisor lives on in a session of its own. @p stays the caller's to close.
 * Failure before the move leaves the pod as it was. Errors: those of engine_launch_check, ERR_UNSUPPORTED (no carob-pod), ERR_STATE (somebody else was faster),
 * ERR_INTERNAL; detached: the supervisor's own words.
 */
int engine_launch(struct engine *eng, struct pod *p, const struct engine_launch *l, struct err *e);
