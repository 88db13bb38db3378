/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that takes longer than one turn of the loop may: it is done in small steps, all jobs in turn, with input and
 * output between the turns. So a list of ten thousand pods delays nobody else for more than JOBS_TURN.
 */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "util/time.h"

/* How long steps are made before the loop looks at its sockets again. */
#define JOBS_TURN (2 * NSEC_PER_MSEC)

struct job {
        /* One small step, well under a millisecond. True: there is more to do. It may free the job and return false. */
        bool (*step)(struct job *job);
        struct job *prev, *next; /* of jobs.queue */
        bool queued;
};

struct jobs {
        uv_idle_t idle;
        struct job *queue; /* borrowed; the next one to run is first */
};

void jobs_init(struct jobs *jobs, uv_loop_t *loop);
/* No job may be queued any more. The loop must run once more afterwards. */
void jobs_close(struct jobs *jobs);

/* Queue @job, which its owner keeps until it has ended; nothing happens when it is queued already. */
void jobs_add(struct jobs *jobs, struct job *job);
/* Take @job out before its end; nothing happens when it is not queued. */
void jobs_remove(struct jobs *jobs, struct job *job);
