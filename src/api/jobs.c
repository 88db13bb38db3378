/* SPDX-License-Identifier: Apache-2.0 */
#include "api/jobs.h"

#include <assert.h>
#include <utlist.h>

#include "util/limits.h"

static void turn(uv_idle_t *idle);

static void enqueue(struct jobs *jobs, struct job *job)
{
        DL_APPEND(jobs->queue, job);
        job->place = JOB_QUEUED;
        (void)uv_idle_start(&jobs->idle, turn);
}

static void take_out(struct jobs *jobs, struct job *job)
{
        if (job->place == JOB_QUEUED)
                DL_DELETE(jobs->queue, job);
        else if (job->place == JOB_WAITING)
                DL_DELETE(jobs->waiting, job);
        job->place = JOB_IDLE;
}

static void turn(uv_idle_t *idle)
{
        struct jobs *jobs = idle->data;
        nsec end = time_monotonic() + JOBS_TURN;

        while (jobs->queue && time_monotonic() < end) {
                struct job *job = jobs->queue;

                take_out(jobs, job);
                /* At the end of the queue: who has much to do waits for all who have little. */
                if (job->step(job))
                        jobs_add(jobs, job);
        }
        if (!jobs->queue)
                (void)uv_idle_stop(&jobs->idle);
}

void jobs_init(struct jobs *jobs, uv_loop_t *loop)
{
        *jobs = (struct jobs){ .queue = NULL };
        (void)uv_idle_init(loop, &jobs->idle);
        jobs->idle.data = jobs;
}

void jobs_close(struct jobs *jobs)
{
        assert(!jobs->queue && !jobs->waiting && jobs->n_heavy == 0);
        uv_close((uv_handle_t *)&jobs->idle, NULL);
}

static void begin(struct jobs *jobs, struct job *job)
{
        if (job->heavy && !job->begun) {
                job->begun = true;
                jobs->n_heavy++;
        }
        enqueue(jobs, job);
}

void jobs_add(struct jobs *jobs, struct job *job)
{
        if (job->place != JOB_IDLE)
                return;
        if (job->heavy && !job->begun && jobs->n_heavy >= LIMIT_API_HEAVY_JOBS) {
                DL_APPEND(jobs->waiting, job);
                job->place = JOB_WAITING;
                return;
        }
        begin(jobs, job);
}

void jobs_end(struct jobs *jobs, struct job *job)
{
        take_out(jobs, job);
        if (!job->begun)
                return;
        job->begun = false;
        jobs->n_heavy--;
        if (jobs->waiting) {
                struct job *next = jobs->waiting;

                take_out(jobs, next);
                begin(jobs, next);
        }
}
