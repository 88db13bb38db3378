/* SPDX-License-Identifier: Apache-2.0 */
#include "api/jobs.h"

#include <assert.h>
#include <utlist.h>

static void turn(uv_idle_t *idle)
{
        struct jobs *jobs = idle->data;
        nsec end = time_monotonic() + JOBS_TURN;

        do {
                struct job *job = jobs->queue;

                jobs_remove(jobs, job);
                /* At the end of the queue: who has much to do waits for all who have little. */
                if (job->step(job))
                        jobs_add(jobs, job);
        } while (jobs->queue && time_monotonic() < end);
}

void jobs_init(struct jobs *jobs, uv_loop_t *loop)
{
        *jobs = (struct jobs){ .queue = NULL };
        (void)uv_idle_init(loop, &jobs->idle);
        jobs->idle.data = jobs;
}

void jobs_close(struct jobs *jobs)
{
        assert(!jobs->queue);
        uv_close((uv_handle_t *)&jobs->idle, NULL);
}

void jobs_add(struct jobs *jobs, struct job *job)
{
        if (job->queued)
                return;
        DL_APPEND(jobs->queue, job);
        job->queued = true;
        (void)uv_idle_start(&jobs->idle, turn);
}

void jobs_remove(struct jobs *jobs, struct job *job)
{
        if (!job->queued)
                return;
        DL_DELETE(jobs->queue, job);
        job->queued = false;
        if (!jobs->queue)
                (void)uv_idle_stop(&jobs->idle);
}
