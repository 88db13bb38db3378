/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod's files say is told as soon as they say it, also when there are not enough watches for all. */
#include "node.h"

#include "v1alpha/api.pb-c.h"

/* What clients get, unpacked; NULL: no such pod. */
static V1alpha__Pod *pod_of(struct node *n, const char *uuid)
{
        const struct pod_record *r;
        V1alpha__InspectPodResponse *reply;
        V1alpha__Pod *pod;

        node_sync(n);
        r = pod_index_get(n->pods, uuid);
        if (!r)
                return NULL;
        reply = v1alpha__inspect_pod_response__unpack(NULL, r->encoded.len, r->encoded.data);
        assert_non_null(reply);
        pod = reply->pod;
        reply->pod = NULL;
        v1alpha__inspect_pod_response__free_unpacked(reply, NULL);
        return pod;
}

static int pid_of(struct node *n, const char *uuid)
{
        V1alpha__Pod *pod = pod_of(n, uuid);
        int pid = pod->pid;

        v1alpha__pod__free_unpacked(pod, NULL);
        return pid;
}

static size_t apps_of(struct node *n, const char *uuid)
{
        V1alpha__Pod *pod = pod_of(n, uuid);
        size_t apps = pod->n_apps;

        v1alpha__pod__free_unpacked(pod, NULL);
        return apps;
}

static int exit_code_of(struct node *n, const char *uuid)
{
        V1alpha__Pod *pod = pod_of(n, uuid);
        int code = pod->apps[0]->exit_code;

        v1alpha__pod__free_unpacked(pod, NULL);
        return code;
}

static struct pod_index_stats stats_of(struct node *n)
{
        struct pod_index_stats stats;

        pod_index_stats(n->pods, &stats);
        return stats;
}

static size_t watches_of(struct node *n)
{
        struct index_stats stats;

        index_stats(n->index, &stats);
        return stats.watch.watches;
}

static void a_pod_is_read_while_it_is_made(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_init(&n);
        node_mkdirs(&n, "data/pods/run/" POD_1);
        assert_string_equal(node_state(&n, POD_1), "exited");
        assert_true(pod_index_get(n.pods, POD_1)->broken);
        node_file(&n, "run", POD_1, "pod", "{\"acVersion\"");
        assert_int_equal(apps_of(&n, POD_1), 0);
        node_pod(&n, "run", POD_1);
        assert_int_equal(apps_of(&n, POD_1), 1);
        assert_false(pod_index_get(n.pods, POD_1)->broken);
        assert_int_equal(pid_of(&n, POD_1), -1);
        node_file(&n, "run", POD_1, "pid", "42\n");
        assert_int_equal(pid_of(&n, POD_1), 42);
        assert_int_equal(exit_code_of(&n, POD_1), -1);
        node_file(&n, "run", POD_1, "appsinfo/web/status",
                  "{\"state\":\"exited\",\"exit_code\":7}");
        assert_int_equal(exit_code_of(&n, POD_1), 7);
}

static void every_way_to_change_a_file_is_seen(void **state)
{
        AUTO_NODE n;
        AUTO_CLOSE int fd = -1;
        int run;

        (void)state;
        node_init(&n);
        node_pod(&n, "run", POD_1);
        node_file(&n, "run", POD_1, "pid", "1\n");
        assert_int_equal(pid_of(&n, POD_1), 1);
        run = node_open(&n, "run", POD_1);
        /* Written by somebody who keeps it open. */
        fd = openat(run, "pid", O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, "2\n", 2, 0), 2);
        assert_int_equal(pid_of(&n, POD_1), 2);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pid_of(&n, POD_1), -1);
        /* Replaced. */
        node_file(&n, "run", POD_1, "new", "3\n");
        assert_int_equal(renameat(run, "new", run, "pid"), 0);
        assert_int_equal(pid_of(&n, POD_1), 3);
        /* Renamed away, linked, removed. */
        assert_int_equal(renameat(run, "pid", run, "old"), 0);
        assert_int_equal(pid_of(&n, POD_1), -1);
        assert_int_equal(linkat(run, "old", run, "pid", 0), 0);
        assert_int_equal(pid_of(&n, POD_1), 3);
        assert_int_equal(unlinkat(run, "pid", 0), 0);
        assert_int_equal(pid_of(&n, POD_1), -1);
        /* The directory of an app appears later, and is replaced. */
        assert_int_equal(renameat(run, "appsinfo/web", run, "appsinfo/aside"), 0);
        assert_int_equal(exit_code_of(&n, POD_1), -1);
        assert_int_equal(mkdirat(run, "appsinfo/web", 0750), 0);
        node_file(&n, "run", POD_1, "appsinfo/web/status",
                  "{\"state\":\"exited\",\"exit_code\":5}");
        assert_int_equal(exit_code_of(&n, POD_1), 5);
        assert_int_equal(renameat(run, "appsinfo", run, "aside"), 0);
        assert_int_equal(exit_code_of(&n, POD_1), -1);
        assert_int_equal(renameat(run, "aside", run, "appsinfo"), 0);
        assert_int_equal(exit_code_of(&n, POD_1), 5);
        (void)close(run);
}

/* Temporary names and what nobody is told of. */
static void other_files_cause_no_reading(void **state)
{
        AUTO_NODE n;
        uint64_t reads;

        (void)state;
        node_init(&n);
        node_pod(&n, "run", POD_1);
        node_sync(&n);
        reads = stats_of(&n).reads;
        node_file(&n, "run", POD_1, ".status.tmp", "{");
        node_file(&n, "run", POD_1, "control", "");
        node_file(&n, "run", POD_1, "appsinfo/web/.status.123", "{");
        node_sync(&n);
        assert_int_equal(stats_of(&n).reads, reads);
}

static void a_change_that_tells_nothing_new_changes_nothing(void **state)
{
        AUTO_NODE n;
        uint64_t generation;

        (void)state;
        node_init(&n);
        node_pod(&n, "run", POD_1);
        node_sync(&n);
        generation = pod_index_generation(n.pods);
        node_file(&n, "run", POD_1, "ready", "");
        node_sync(&n);
        assert_int_equal(pod_index_generation(n.pods), generation);
        node_file(&n, "run", POD_1, "pid", "1");
        node_sync(&n);
        assert_true(pod_index_generation(n.pods) > generation);
}

static void pods_that_are_done_give_their_watches_back(void **state)
{
        AUTO_NODE n;
        size_t before;

        (void)state;
        node_init(&n);
        node_mkdirs(&n, "data/pods/run");
        node_sync(&n);
        before = watches_of(&n);
        node_pod(&n, "run", POD_1);
        node_sync(&n);
        assert_int_equal(watches_of(&n), before + 3);
        node_remove(&n, "data/pods/run/" POD_1);
        assert_string_equal(node_state(&n, POD_1), "none");
        assert_int_equal(watches_of(&n), before);
}

/*
 * A budget for the directories and for two pods. What runs takes watches from what does not; what has none is read anew
 * after a while.
 */
static void running_pods_take_watches_from_others(void **state)
{
        AUTO_NODE n;
        char text[16];
        size_t used;
        int one, two, three;
        nsec end;

        (void)state;
        node_init(&n);
        node_mkdirs(&n, "data/pods/run");
        node_sync(&n);
        used = watches_of(&n);
        node_stop(&n);
        node_pod(&n, "run", POD_1);
        node_pod(&n, "run", POD_2);
        node_pod(&n, "run", POD_3);
        node_start(&n, used + 7); /* one is kept for directories */
        node_sync(&n);
        assert_int_equal(stats_of(&n).unwatched, 1);
        one = node_lock(&n, "run", POD_1);
        two = node_lock(&n, "run", POD_2);
        node_sync(&n);
        three = node_lock(&n, "run", POD_3); /* the last one has no watches yet */
        (void)close(one);
        node_sync(&n);
        assert_int_equal(stats_of(&n).by_state[POD_RUNNING], 2);
        assert_int_equal(stats_of(&n).unwatched, 1);
        for (int i = 1; i < 5; i++) {
                (void)snprintf(text, sizeof(text), "%d\n", i);
                node_file(&n, "run", POD_2, "pid", text);
                node_file(&n, "run", POD_3, "pid", text);
                assert_int_equal(pid_of(&n, POD_2), i);
                assert_int_equal(pid_of(&n, POD_3), i);
        }
        /* More run than can be watched: looked at every second. */
        one = node_lock(&n, "run", POD_1);
        assert_string_equal(node_state(&n, POD_1), "running");
        node_file(&n, "run", POD_1, "pid", "77");
        node_file(&n, "run", POD_2, "pid", "77");
        node_file(&n, "run", POD_3, "pid", "77");
        end = time_monotonic() + 20 * NSEC_PER_SEC;
        while (pid_of(&n, POD_1) != 77 || pid_of(&n, POD_2) != 77 || pid_of(&n, POD_3) != 77) {
                assert_true(time_monotonic() < end);
                node_idle(&n, 50);
        }
        (void)close(one);
        (void)close(two);
        (void)close(three);
}

/* Not even the six directories can be watched. */
static void without_any_watch_everything_is_read_anew(void **state)
{
        AUTO_NODE n;
        nsec end = time_monotonic() + 20 * NSEC_PER_SEC;

        (void)state;
        node_dir(&n);
        node_mkdirs(&n, "data/pods/run");
        node_start(&n, 1);
        node_sync(&n);
        node_pod(&n, "run", POD_1);
        while (strcmp(node_state(&n, POD_1), "exited") != 0) {
                assert_true(time_monotonic() < end);
                node_idle(&n, 50);
        }
        node_remove(&n, "data/pods/run/" POD_1);
        while (strcmp(node_state(&n, POD_1), "none") != 0) {
                assert_true(time_monotonic() < end);
                node_idle(&n, 50);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_pod_is_read_while_it_is_made),
                cmocka_unit_test(every_way_to_change_a_file_is_seen),
                cmocka_unit_test(other_files_cause_no_reading),
                cmocka_unit_test(a_change_that_tells_nothing_new_changes_nothing),
                cmocka_unit_test(pods_that_are_done_give_their_watches_back),
                cmocka_unit_test(running_pods_take_watches_from_others),
                cmocka_unit_test(without_any_watch_everything_is_read_anew),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
