/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns a pod: seen at once by calls, soon by everybody else, and at no cost when nothing happens. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "node.h"

static struct pod_index_stats stats_of(struct node *n)
{
        struct pod_index_stats stats;

        pod_index_stats(n->pods, &stats);
        return stats;
}

static uint64_t events_of(struct node *n)
{
        struct index_stats stats;

        index_stats(n->index, &stats);
        return stats.watch.events;
}

/* Until nothing moves any more. */
static void settle(struct node *n)
{
        uint64_t before;

        do {
                before = events_of(n);
                node_idle(n, 550);
        } while (events_of(n) != before);
}

struct seen {
        struct pod_follower follower;
        int states[16];
        int n;
};

static void note(struct pod_follower *f, const struct pod_sight *sight, const struct pod *pod,
                 const struct pod_view *view)
{
        struct seen *seen = OWNER_OF(f, struct seen, follower);

        (void)sight, (void)pod;
        if (seen->n == 0 || (seen->n < 16 && seen->states[seen->n - 1] != (int)view->state))
                seen->states[seen->n++] = (int)view->state;
}

static void nothing(struct pod_follower *f)
{
        (void)f;
}

static void whatever(struct pod_follower *f, int data_fd)
{
        (void)f, (void)data_fd;
}

/* What the index notices by itself, without a call. */
static void wait_for(struct node *n, const struct seen *seen, int state)
{
        nsec end = time_monotonic() + 10 * NSEC_PER_SEC;

        while (seen->n == 0 || seen->states[seen->n - 1] != state) {
                assert_true(time_monotonic() < end);
                node_idle(n, 1);
        }
}

static void a_lock_is_seen_in_each_directory(void **state)
{
        static const struct {
                const char *where, *uuid, *locked, *free;
        } rows[] = {
                { "prepare", POD_1, "preparing", "aborted prepare" },
                { "run", POD_2, "running", "exited" },
                { "exited-garbage", POD_3, "exited deleting", "exited garbage" },
                { "garbage", "44444444-0000-4000-8000-000000000004", "deleting", "garbage" },
        };
        AUTO_NODE n;

        (void)state;
        node_init(&n);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                node_pod(&n, rows[i].where, rows[i].uuid);
                assert_string_equal(node_state(&n, rows[i].uuid), rows[i].free);
                for (int k = 0; k < 50; k++) {
                        int fd = node_lock(&n, rows[i].where, rows[i].uuid);

                        assert_string_equal(node_state(&n, rows[i].uuid), rows[i].locked);
                        if (k % 5 == 0)
                                node_idle(&n, 3);
                        (void)close(fd);
                        assert_string_equal(node_state(&n, rows[i].uuid), rows[i].free);
                }
        }
}

static void a_visitor_may_take_the_lock_later(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        node_init(&n);
        node_pod(&n, "run", POD_1);
        assert_string_equal(node_state(&n, POD_1), "exited");
        fd = node_open(&n, "run", POD_1);
        node_idle(&n, 600);
        assert_string_equal(node_state(&n, POD_1), "exited");
        while (flock(fd, LOCK_EX | LOCK_NB) < 0)
                ;
        assert_string_equal(node_state(&n, POD_1), "running");
        (void)close(fd);
        assert_string_equal(node_state(&n, POD_1), "exited");
}

/* It opened the pod while that was running, so that nobody took notice. */
static void who_waited_for_the_lock_gets_it(void **state)
{
        AUTO_NODE n;
        int owner, next;

        (void)state;
        node_init(&n);
        node_pod(&n, "run", POD_1);
        owner = node_lock(&n, "run", POD_1);
        assert_string_equal(node_state(&n, POD_1), "running");
        next = node_open(&n, "run", POD_1);
        settle(&n);
        (void)close(owner);
        assert_int_equal(flock(next, LOCK_EX), 0);
        assert_string_equal(node_state(&n, POD_1), "running");
        (void)close(next);
        assert_string_equal(node_state(&n, POD_1), "exited");
}

static pid_t owner_start(struct node *n, const char *uuid)
{
        int ready[2];
        char c;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)!node_lock(n, "run", uuid);
                (void)!write(ready[1], "", 1);
                for (;;)
                        (void)pause();
        }
        assert_int_equal(read(ready[0], &c, 1), 1);
        (void)close(ready[0]);
        (void)close(ready[1]);
        return pid;
}

static void owner_kill(pid_t pid)
{
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_killed_owner_is_seen_by_the_next_call(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_init(&n);
        node_pod(&n, "run", POD_1);
        for (int i = 0; i < 10; i++) {
                pid_t pid = owner_start(&n, POD_1);

                assert_string_equal(node_state(&n, POD_1), "running");
                owner_kill(pid);
                assert_string_equal(node_state(&n, POD_1), "exited");
        }
}

static void a_killed_owner_is_seen_without_a_call(void **state)
{
        AUTO_NODE n;
        struct seen seen = { .follower = {
                                     .attached = whatever, .scanned = nothing, .seen = note } };
        pid_t pid;

        (void)state;
        node_init(&n);
        node_pod(&n, "run", POD_1);
        pid = owner_start(&n, POD_1);
        pod_index_follow(n.pods, &seen.follower);
        wait_for(&n, &seen, POD_RUNNING);
        owner_kill(pid);
        wait_for(&n, &seen, POD_EXITED);
        pod_index_follow(n.pods, NULL);
}

/* No watch at all is left for the directory of the pod: its init tells. */
static void the_death_of_the_init_is_enough(void **state)
{
        AUTO_NODE n;
        char text[32];
        pid_t pid;

        (void)state;
        node_dir(&n);
        node_pod(&n, "run", POD_1);
        pid = owner_start(&n, POD_1);
        (void)snprintf(text, sizeof(text), "%d\n", (int)pid);
        node_file(&n, "run", POD_1, "pid", text);
        node_start(&n, 1);
        assert_string_equal(node_state(&n, POD_1), "running");
        owner_kill(pid);
        assert_string_equal(node_state(&n, POD_1), "exited");
}

static void nothing_happens_when_nothing_happens(void **state)
{
        AUTO_NODE n;
        uint64_t events, reads;
        int fd;

        (void)state;
        node_init(&n);
        node_pod(&n, "run", POD_1);
        node_pod(&n, "run", POD_2);
        node_pod(&n, "exited-garbage", POD_3);
        fd = node_lock(&n, "run", POD_1);
        node_sync(&n);
        settle(&n);
        assert_int_equal(stats_of(&n).descriptors, 1); /* of the locked one */
        events = events_of(&n);
        reads = stats_of(&n).reads;
        node_idle(&n, 600);
        for (int i = 0; i < 100; i++)
                node_sync(&n);
        assert_int_equal(events_of(&n), events);
        assert_int_equal(stats_of(&n).reads, reads);
        /* Visitors cost no reading, and leave no descriptor behind. */
        for (int i = 0; i < 100; i++) {
                (void)close(node_open(&n, "run", i % 2 ? POD_1 : POD_2));
                node_sync(&n);
        }
        settle(&n);
        assert_int_equal(stats_of(&n).reads, reads);
        assert_int_equal(stats_of(&n).descriptors, 1);
        (void)close(fd);
        assert_string_equal(node_state(&n, POD_1), "exited");
        settle(&n);
        assert_int_equal(stats_of(&n).descriptors, 0);
}

static void name_of(int i, char ret[static UUID_TEXT_LEN + 1])
{
        (void)snprintf(ret, UUID_TEXT_LEN + 1, "%08x-0000-4000-8000-000000000000", i + 1);
}

/* All pods are visited at once, again and again, as by lists; and some are locked. */
static void crowds_of_visitors_hide_no_owner(void **state)
{
        enum { PODS = 1500 };
        AUTO_NODE n;
        char uuid[UUID_TEXT_LEN + 1], path[128];
        int owners[PODS / 100];

        (void)state;
        node_dir(&n);
        node_mkdirs(&n, "data/pods/run");
        for (int i = 0; i < PODS; i++) {
                name_of(i, uuid);
                (void)snprintf(path, sizeof(path), "data/pods/run/%s", uuid);
                node_mkdirs(&n, path);
        }
        node_start(&n, 0);
        node_sync(&n);
        for (int round = 0; round < 3; round++) {
                for (int i = 0; i < PODS; i++) {
                        name_of(i, uuid);
                        if (i % 100 == 0)
                                owners[i / 100] = node_lock(&n, "run", uuid);
                        else
                                (void)close(node_open(&n, "run", uuid));
                }
                node_sync(&n);
                assert_int_equal(stats_of(&n).by_state[POD_RUNNING], ARRAY_LEN(owners));
                for (size_t i = 0; i < ARRAY_LEN(owners); i++)
                        (void)close(owners[i]);
                node_sync(&n);
                assert_int_equal(stats_of(&n).by_state[POD_RUNNING], 0);
        }
        settle(&n);
        assert_int_equal(stats_of(&n).descriptors, 0);
}

/* More owners than descriptors: those that got none are asked on a timer. */
static void owners_without_a_descriptor_of_ours_are_asked_on_a_timer(void **state)
{
        enum { PODS = 40 };
        AUTO_NODE n;
        struct rlimit old, tight = { .rlim_cur = 40 };
        char uuid[UUID_TEXT_LEN + 1];
        pid_t owners[PODS];
        nsec end;

        (void)state;
        node_dir(&n);
        for (int i = 0; i < PODS; i++) {
                name_of(i, uuid);
                node_pod(&n, "run", uuid);
                owners[i] = owner_start(&n, uuid);
        }
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
        tight.rlim_max = old.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
        node_start(&n, 0);
        node_sync(&n);
        assert_int_equal(stats_of(&n).by_state[POD_RUNNING], PODS);
        assert_true(stats_of(&n).descriptors <= 20);
        for (int i = 0; i < PODS; i++)
                owner_kill(owners[i]);
        end = time_monotonic() + 20 * NSEC_PER_SEC;
        while (stats_of(&n).by_state[POD_EXITED] < PODS) {
                assert_true(time_monotonic() < end);
                node_idle(&n, 50);
        }
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_lock_is_seen_in_each_directory),
                cmocka_unit_test(a_visitor_may_take_the_lock_later),
                cmocka_unit_test(who_waited_for_the_lock_gets_it),
                cmocka_unit_test(a_killed_owner_is_seen_by_the_next_call),
                cmocka_unit_test(a_killed_owner_is_seen_without_a_call),
                cmocka_unit_test(the_death_of_the_init_is_enough),
                cmocka_unit_test(nothing_happens_when_nothing_happens),
                cmocka_unit_test(crowds_of_visitors_hide_no_owner),
                cmocka_unit_test(owners_without_a_descriptor_of_ours_are_asked_on_a_timer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
