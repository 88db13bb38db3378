/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that takes longer than one turn of the loop may: it is done in small steps, all jobs in turn, with input and
 * output between the turns. So a list of ten thousand pods delays nobody else for more than JOBS_TURN.
 *
 * Jobs that hold descriptors and a growing reply are heavy: only LIMIT_API_HEAVY_JOBS of them are begun at a time,
 * the others wait for their first step in the order in which they came. Whatever number of clients ask for lists, what
 * they cost together stays bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "util/time.h"

/* How long steps are made before the loop looks at its sockets again. */
#define JOBS_TURN (2 * NSEC_PER_MSEC)

enum job_place { JOB_IDLE, JOB_QUEUED, JOB_WAITING };

struct job {
        /* One small step, well under a millisecond. True: there is more to do. It may end the job and return false. */
        bool (*step)(struct job *job);
        bool heavy;
        bool begun; /* heavy: one of the few; set by jobs.c, as are those below */
        enum job_place place;
        struct job *prev, *next; /* of the list that it is in */
};

struct jobs {
        uv_idle_t idle;
        struct job *queue;   /* borrowed; the next one to run is first */
        struct job *waiting; /* borrowed; heavy ones that were not begun */
        size_t n_heavy;      /* that were begun and have not ended */
};

void jobs_init(struct jobs *jobs, uv_loop_t *loop);
/* All jobs must have ended. The loop must run once more afterwards. */
void jobs_close(struct jobs *jobs);

/* Have @job make steps until one returns false. Nothing happens when it does already. */
void jobs_add(struct jobs *jobs, struct job *job);
/* The job makes no more steps unless it is added again; a heavy one gives up its place. Its owner may free it. */
void jobs_end(struct jobs *jobs, struct job *job);
