/* SPDX-License-Identifier: Apache-2.0 */
/* The pod is played by a child process that holds the lock; what the waiter sees is what a real one sees. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "pod/remove.h"
#include "pod/wait.h"
#include "fixture.h"

static nsec in(int64_t ms)
{
        return time_monotonic() + ms * NSEC_PER_MSEC;
}

/*
 * A child that is "init" and owner of @p at once; it does @act after 30 ms and ends. The parent gives up its
 * descriptor, as a reader has none.
 */
static pid_t owner(struct world *w, struct pod *p, void (*act)(struct world *w, struct pod *p))
{
        pid_t child = fork();
        struct err e;

        if (child == 0) {
                (void)usleep(30000);
                if (act)
                        act(w, p);
                _exit(0);
        }
        assert_ok(pod_write_pid(p->fd, child, &e), &e);
        pod_done(p);
        return child;
}

static void reap(pid_t child)
{
        assert_int_equal(waitpid(child, NULL, 0), child);
}

static void the_end_of_the_owner_ends_the_wait(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 1);
        pid_t child = owner(&w, &p, NULL);
        nsec start = time_monotonic();
        struct err e;

        (void)state;
        assert_ok(pod_wait(&w.s, p.uuid.text, POD_WAIT_EXITED, in(5000), &e), &e);
        assert_true(time_monotonic() - start >= 20 * NSEC_PER_MSEC);
        assert_int_equal(state_of(&w, &p), POD_EXITED);
        reap(child);
}

static void a_killed_owner_ends_the_wait(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 1);
        pid_t child = fork();
        char want[128];
        struct err e;

        (void)state;
        if (child == 0) {
                (void)pause();
                _exit(0);
        }
        assert_ok(pod_write_pid(p.fd, child, &e), &e);
        pod_done(&p);
        (void)snprintf(want, sizeof(want), "pod %s is still running", p.uuid.text);
        assert_err(pod_wait(&w.s, p.uuid.text, POD_WAIT_EXITED, in(20), &e), &e, ERR_TIMEOUT, want);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_ok(pod_wait(&w.s, p.uuid.text, POD_WAIT_EXITED, in(5000), &e), &e);
        reap(child);
}

static void get_ready(struct world *w, struct pod *p)
{
        struct err e;

        (void)w;
        (void)pod_write_ready(p->fd, &e);
        (void)usleep(200000);
}

static void readiness_is_seen_while_the_pod_runs(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 1);
        pid_t child = owner(&w, &p, get_ready);
        struct err e;

        (void)state;
        assert_ok(pod_wait(&w.s, p.uuid.text, POD_WAIT_READY, in(5000), &e), &e);
        assert_int_equal(state_of(&w, &p), POD_RUNNING);
        reap(child);
}

static void start_and_get_ready(struct world *w, struct pod *p)
{
        struct err e;

        (void)pod_to_run(&w->s, p, &e);
        (void)usleep(10000);
        get_ready(w, p);
}

static void a_pod_may_be_waited_for_before_it_runs(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w);
        pid_t child = owner(&w, &p, start_and_get_ready);
        struct err e;

        (void)state;
        assert_ok(pod_wait(&w.s, p.uuid.text, POD_WAIT_READY, in(5000), &e), &e);
        assert_ok(pod_wait(&w.s, p.uuid.text, POD_WAIT_EXITED, in(5000), &e), &e);
        reap(child);
}

static void what_ended_is_never_ready(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 1);
        pid_t child = owner(&w, &p, NULL);
        char want[128];
        struct err e;

        (void)state;
        (void)snprintf(want, sizeof(want), "pod %s is exited and was not ready before",
                       p.uuid.text);
        assert_err(pod_wait(&w.s, p.uuid.text, POD_WAIT_READY, in(5000), &e), &e, ERR_STATE, want);
        reap(child);
}

static void be_removed(struct world *w, struct pod *p)
{
        struct err e;

        (void)flock_release(p->fd);
        (void)pod_to_exited_garbage(&w->s, p, &e);
        (void)pod_lock(&w->s, p, &e);
        (void)pod_remove(&w->s, p, &e);
}

static void a_removed_pod_has_ended(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 1);
        char uuid[UUID_TEXT_LEN + 1];
        pid_t child;
        struct err e;

        (void)state;
        memcpy(uuid, p.uuid.text, sizeof(uuid));
        child = owner(&w, &p, be_removed);
        assert_ok(pod_wait(&w.s, uuid, POD_WAIT_EXITED, in(5000), &e), &e);
        reap(child);
        assert_int_equal(pod_wait(&w.s, uuid, POD_WAIT_EXITED, in(100), &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void a_dead_init_and_a_living_owner_do_not_spin(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 1);
        struct rusage before, after;
        pid_t child = fork();
        struct err e;

        (void)state;
        if (child == 0)
                _exit(0);
        /* Not reaped: its pidfd is readable for ever. We hold the lock. */
        assert_ok(pod_write_pid(p.fd, child, &e), &e);
        (void)getrusage(RUSAGE_SELF, &before);
        assert_int_equal(pod_wait(&w.s, p.uuid.text, POD_WAIT_EXITED, in(300), &e), -1);
        (void)getrusage(RUSAGE_SELF, &after);
        assert_int_equal(e.kind, ERR_TIMEOUT);
        assert_true(after.ru_nvcsw - before.ru_nvcsw < 200);
        assert_int_equal(flock_release(p.fd), 0);
        reap(child);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_end_of_the_owner_ends_the_wait),
                cmocka_unit_test(a_killed_owner_ends_the_wait),
                cmocka_unit_test(readiness_is_seen_while_the_pod_runs),
                cmocka_unit_test(a_pod_may_be_waited_for_before_it_runs),
                cmocka_unit_test(what_ended_is_never_ready),
                cmocka_unit_test(a_removed_pod_has_ended),
                cmocka_unit_test(a_dead_init_and_a_living_owner_do_not_spin),
        };
        return cmocka_run_group_tests_name("pod/wait", tests, NULL, NULL);
}
