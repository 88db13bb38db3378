/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/jobs.h"
#include "util/limits.h"

struct counter {
        struct job job;
        int left;
        int done;
        nsec step_ns; /* how long a step takes */
        char *trace;  /* where each step leaves its name */
        char name;
};

static void spin(nsec ns)
{
        nsec end = time_monotonic() + ns;

        while (time_monotonic() < end)
                ;
}

static bool count(struct job *job)
{
        struct counter *c = (struct counter *)job;

        c->done++;
        if (c->trace)
                c->trace[strlen(c->trace)] = c->name;
        if (c->step_ns > 0)
                spin(c->step_ns);
        return --c->left > 0;
}

struct fixture {
        uv_loop_t loop;
        struct jobs jobs;
};

static void fixture_init(struct fixture *f)
{
        assert_int_equal(uv_loop_init(&f->loop), 0);
        jobs_init(&f->jobs, &f->loop);
}

static void fixture_done(struct fixture *f)
{
        jobs_close(&f->jobs);
        assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void a_job_runs_to_its_end_and_then_the_loop_rests(void **state)
{
        struct counter c = { .job.step = count, .left = 100 };
        struct fixture f;

        (void)state;
        fixture_init(&f);
        jobs_add(&f.jobs, &c.job);
        jobs_add(&f.jobs, &c.job); /* once more changes nothing */
        assert_int_equal(uv_run(&f.loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(c.done, 100);
        assert_int_equal(c.job.place, JOB_IDLE);
        assert_false(uv_is_active((uv_handle_t *)&f.jobs.idle));
        fixture_done(&f);
}

static void jobs_take_turns(void **state)
{
        char trace[16] = "";
        struct counter a = { .job.step = count, .left = 3, .trace = trace, .name = 'a' };
        struct counter b = { .job.step = count, .left = 2, .trace = trace, .name = 'b' };
        struct fixture f;

        (void)state;
        fixture_init(&f);
        jobs_add(&f.jobs, &a.job);
        jobs_add(&f.jobs, &b.job);
        (void)uv_run(&f.loop, UV_RUN_DEFAULT);
        assert_string_equal(trace, "ababa");
        fixture_done(&f);
}

static void a_removed_job_does_not_run(void **state)
{
        struct counter a = { .job.step = count, .left = 5 }, b = { .job.step = count, .left = 5 };
        struct fixture f;

        (void)state;
        fixture_init(&f);
        jobs_add(&f.jobs, &a.job);
        jobs_add(&f.jobs, &b.job);
        jobs_end(&f.jobs, &a.job);
        jobs_end(&f.jobs, &a.job);
        (void)uv_run(&f.loop, UV_RUN_DEFAULT);
        assert_int_equal(a.done, 0);
        assert_int_equal(b.done, 5);
        fixture_done(&f);
}

/* A heavy job ends itself with its last step, as their owners do. */
struct heavy {
        struct counter counter;
        struct jobs *jobs;
        size_t *now, *most;
};

static bool lift(struct job *job)
{
        struct heavy *h = (struct heavy *)job;

        if (h->counter.done == 0 && ++*h->now > *h->most)
                *h->most = *h->now;
        if (count(job))
                return true;
        --*h->now;
        jobs_end(h->jobs, job);
        return false;
}

static void few_heavy_jobs_are_begun_at_a_time(void **state)
{
        struct heavy heavy[3 * LIMIT_API_HEAVY_JOBS];
        struct counter light = { .job.step = count, .left = 1 };
        size_t now = 0, most = 0;
        struct fixture f;

        (void)state;
        fixture_init(&f);
        for (size_t i = 0; i < ARRAY_LEN(heavy); i++) {
                heavy[i] = (struct heavy){
                        .counter = { .job = { .step = lift, .heavy = true }, .left = 10 },
                        .jobs = &f.jobs,
                        .now = &now,
                        .most = &most,
                };
                jobs_add(&f.jobs, &heavy[i].counter.job);
        }
        jobs_add(&f.jobs, &light.job);
        jobs_end(&f.jobs, &heavy[2].counter.job);                    /* begun */
        jobs_end(&f.jobs, &heavy[ARRAY_LEN(heavy) - 1].counter.job); /* waiting */
        (void)uv_run(&f.loop, UV_RUN_DEFAULT);
        assert_int_equal(most, LIMIT_API_HEAVY_JOBS);
        assert_int_equal(now, 0);
        assert_int_equal(light.done, 1);
        for (size_t i = 0; i < ARRAY_LEN(heavy); i++)
                assert_int_equal(heavy[i].counter.done,
                                 i == 2 || i == ARRAY_LEN(heavy) - 1 ? 0 : 10);
        fixture_done(&f);
}

static void tick(uv_timer_t *timer)
{
        (*(int *)timer->data)++;
}

static void long_work_lets_the_loop_breathe(void **state)
{
        struct counter c = { .job.step = count, .left = 100, .step_ns = NSEC_PER_MSEC / 2 };
        int ticks = 0;
        uv_timer_t timer;
        struct fixture f;

        (void)state;
        fixture_init(&f);
        assert_int_equal(uv_timer_init(&f.loop, &timer), 0);
        timer.data = &ticks;
        assert_int_equal(uv_timer_start(&timer, tick, 1, 1), 0);
        uv_unref((uv_handle_t *)&timer);
        jobs_add(&f.jobs, &c.job);
        (void)uv_run(&f.loop, UV_RUN_DEFAULT);
        assert_int_equal(c.done, 100);
        /* 50 ms of work in turns of 2 ms: far more than one tick, on any machine. */
        assert_true(ticks >= 5);
        uv_close((uv_handle_t *)&timer, NULL);
        fixture_done(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_job_runs_to_its_end_and_then_the_loop_rests),
                cmocka_unit_test(jobs_take_turns),
                cmocka_unit_test(a_removed_job_does_not_run),
                cmocka_unit_test(few_heavy_jobs_are_begun_at_a_time),
                cmocka_unit_test(long_work_lets_the_loop_breathe),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
