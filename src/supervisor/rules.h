/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pod does when something happens: a pure state machine, without processes, clocks or files.
 *
 * An immutable pod, as appc has it: apps start together; one that exits with 0 leaves the others running; the first
 * that does not, stops the pod and decides its exit status; the pod ends with its last app. Asked to stop, the apps get
 * SIGTERM, and SIGKILL when the grace period is over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/time.h"

enum rules_phase {
        RULES_STARTING,
        RULES_RUNNING,
        RULES_STOPPING, /* SIGTERM was sent */
        RULES_KILLING,  /* SIGKILL was sent */
        RULES_ENDED,    /* no app is left */
};

/* What is to be done now; a set. */
enum rules_action {
        RULES_TERM = 1 << 0, /* SIGTERM to the main process of each app */
        RULES_KILL = 1 << 1, /* SIGKILL to all there is */
        RULES_END = 1 << 2,  /* the last app is gone */
};

enum { RULES_OUR_FAILURE = 254 };

struct rules {
        enum rules_phase phase;
        size_t alive;  /* apps that have not ended */
        nsec grace;    /* span between TERM and KILL */
        nsec deadline; /* monotonic; 0: none. Call rules_tick then */
        bool decided;  /* exit_code and signal are final */
        int exit_code;
        int signal; /* of the app that decided; 0: none */
};

void rules_init(struct rules *r, size_t n_apps, nsec grace);

/* Each returns a set of actions. @now is monotonic. */
unsigned rules_started(struct rules *r);
unsigned rules_app_ended(struct rules *r, int exit_code, int signal, nsec now);
/* An app is gone that never ran, or whose end says nothing about the pod. */
unsigned rules_app_dropped(struct rules *r);
/* @grace: -1 for the default. Stopping again can only shorten the wait. */
unsigned rules_stop(struct rules *r, bool force, nsec grace, nsec now);
/* We cannot go on: status 254 unless an app decided before. */
unsigned rules_fail(struct rules *r);
unsigned rules_tick(struct rules *r, nsec now);
