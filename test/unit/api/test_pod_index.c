/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include "api/event_derive.h"

static void an_empty_node_has_no_pods(void **state)
{
        AUTO_NODE n;
        AUTO(grpc_blob_unrefp) struct grpc_blob *all = NULL;
        const struct pod_record *r = NULL;
        size_t at = 0;
        struct err e;

        (void)state;
        node_init(&n);
        node_sync(&n);
        assert_int_equal(pod_index_count(n.pods), 0);
        assert_null(pod_index_next(n.pods, &at));
        assert_ok(pod_index_check(n.pods, &e), &e);
        assert_err(pod_index_find(n.pods, "1", &r, &e), &e, ERR_NOT_FOUND,
                   "no matches found for \"1\"");
        all = pod_index_list(n.pods, true, &e);
        assert_int_equal(all->len, 0);
}

static void pods_appear_move_and_go(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        node_init(&n);
        node_pod(&n, "prepare", POD_1);
        assert_string_equal(node_state(&n, POD_1), "aborted prepare");
        fd = node_lock(&n, "prepare", POD_1);
        assert_string_equal(node_state(&n, POD_1), "preparing");
        node_move(&n, "prepare", "prepared", POD_1);
        assert_string_equal(node_state(&n, POD_1), "prepared");
        node_move(&n, "prepared", "run", POD_1);
        assert_string_equal(node_state(&n, POD_1), "running");
        (void)close(fd);
        assert_string_equal(node_state(&n, POD_1), "exited");
        node_move(&n, "run", "exited-garbage", POD_1);
        assert_string_equal(node_state(&n, POD_1), "exited garbage");
        fd = node_lock(&n, "exited-garbage", POD_1);
        assert_string_equal(node_state(&n, POD_1), "exited deleting");
        node_remove(&n, "data/pods/exited-garbage/" POD_1);
        assert_string_equal(node_state(&n, POD_1), "none");
        (void)close(fd);
}

static void what_was_there_before_is_found_by_the_scan(void **state)
{
        AUTO_NODE n;
        struct pod_index_stats stats;
        const struct pod_record *r;
        size_t at = 0;
        int fd;

        (void)state;
        node_dir(&n);
        node_pod(&n, "run", POD_2);
        node_pod(&n, "prepared", POD_3);
        node_pod(&n, "garbage", POD_1);
        fd = node_lock(&n, "run", POD_2);
        node_start(&n, 0);
        node_sync(&n);
        r = pod_index_next(n.pods, &at);
        assert_string_equal(r->uuid.text, POD_1);
        assert_int_equal(r->state, POD_GARBAGE);
        r = pod_index_next(n.pods, &at);
        assert_string_equal(r->uuid.text, POD_2);
        assert_int_equal(r->state, POD_RUNNING);
        r = pod_index_next(n.pods, &at);
        assert_string_equal(r->uuid.text, POD_3);
        assert_int_equal(r->state, POD_PREPARED);
        assert_null(pod_index_next(n.pods, &at));
        pod_index_stats(n.pods, &stats);
        assert_int_equal(stats.pods, 3);
        assert_int_equal(stats.by_state[POD_RUNNING], 1);
        assert_int_equal(stats.by_state[POD_PREPARED], 1);
        assert_int_equal(stats.pending, 0);
        assert_int_equal(stats.broken, 0);
        assert_true(stats.last_scan_ns > 0);
        (void)close(fd);
}

static void what_is_no_pod_is_none(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_init(&n);
        node_mkdirs(&n, "data/pods/run/lost+found");
        node_mkdirs(&n, "data/pods/run/AAAAAAAA-0000-4000-8000-000000000001");
        node_write(&n, "data/pods/run/" POD_1, "a file");
        assert_int_equal(symlinkat("..", n.dir.fd, "data/pods/run/" POD_2), 0);
        node_sync(&n);
        assert_int_equal(pod_index_count(n.pods), 0);
        node_stop(&n);
        node_start(&n, 0);
        node_sync(&n);
        assert_int_equal(pod_index_count(n.pods), 0);
        /* A file that a pod comes in the place of. */
        assert_int_equal(unlinkat(n.dir.fd, "data/pods/run/" POD_1, 0), 0);
        node_mkdirs(&n, "data/pods/run/" POD_1);
        assert_string_equal(node_state(&n, POD_1), "exited");
        node_remove(&n, "data/pods/run/" POD_1);
        node_write(&n, "data/pods/run/" POD_1, "a file again");
        assert_string_equal(node_state(&n, POD_1), "none");
}

static void another_directory_of_the_same_name_is_another_pod(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        node_init(&n);
        node_pod(&n, "run", POD_1);
        fd = node_lock(&n, "run", POD_1);
        assert_string_equal(node_state(&n, POD_1), "running");
        assert_int_equal(renameat(n.dir.fd, "data/pods/run/" POD_1, n.dir.fd, "aside"), 0);
        node_mkdirs(&n, "data/pods/run/" POD_1);
        assert_string_equal(node_state(&n, POD_1), "exited");
        assert_true(pod_index_get(n.pods, POD_1)->broken);
        node_write(&n, "aside/pid", "77\n"); /* of which nothing is told any more */
        node_pod(&n, "run", POD_1);
        assert_string_equal(node_state(&n, POD_1), "exited");
        assert_int_equal(pod_index_get(n.pods, POD_1)->pid, -1);
        (void)close(fd);
        fd = node_lock(&n, "run", POD_1);
        assert_string_equal(node_state(&n, POD_1), "running");
        (void)close(fd);
}

/* The first one was asked for its lock, and never read. */
static void one_that_is_replaced_before_it_is_read_is_forgotten(void **state)
{
        AUTO_NODE n;
        int fds[2];

        (void)state;
        node_init(&n);
        node_mkdirs(&n, "data/pods/run");
        node_sync(&n);
        node_mkdirs(&n, "data/pods/run/" POD_1);
        fds[0] = node_open(&n, "run", POD_1);
        (void)pod_index_sync_for(n.pods, "f"); /* a call that is about others */
        assert_int_equal(renameat(n.dir.fd, "data/pods/run/" POD_1, n.dir.fd, "aside"), 0);
        node_mkdirs(&n, "data/pods/run/" POD_1);
        fds[1] = node_lock(&n, "run", POD_1);
        assert_string_equal(node_state(&n, POD_1), "running");
        (void)close(fds[0]);
        (void)close(fds[1]);
        assert_string_equal(node_state(&n, POD_1), "exited");
}

static void a_beginning_in_any_case_finds_its_pod(void **state)
{
        static const char *const good[] = { "a", "AB", "abcdef01-0000", "1", POD_1 };
        AUTO_NODE n;
        const struct pod_record *r = NULL;
        struct err e;

        (void)state;
        node_init(&n);
        node_mkdirs(&n, "data/pods/run/" POD_1);
        node_mkdirs(&n, "data/pods/run/abcdef01-0000-4000-8000-00000000000a");
        node_mkdirs(&n, "data/pods/run/bbcdef01-0000-4000-8000-00000000000a");
        node_mkdirs(&n, "data/pods/run/bbcdef01-0000-4000-8000-00000000000b");
        node_sync(&n);
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_ok(pod_index_find(n.pods, good[i], &r, &e), &e);
        assert_ok(pod_index_find(n.pods, "BBCDEF01-0000-4000-8000-00000000000B", &r, &e), &e);
        assert_string_equal(r->uuid.text, "bbcdef01-0000-4000-8000-00000000000b");
        assert_err(pod_index_find(n.pods, "bb", &r, &e), &e, ERR_AMBIGUOUS,
                   "pod id \"bb\": ambiguous uuid, 2 matches");
        assert_err(pod_index_find(n.pods, "", &r, &e), &e, ERR_USAGE, "no pod id given");
        assert_err(pod_index_find(n.pods, "x", &r, &e), &e, ERR_USAGE,
                   "pod id \"x\": not the beginning of a UUID");
        assert_err(pod_index_find(n.pods, "c", &r, &e), &e, ERR_NOT_FOUND,
                   "no matches found for \"c\"");
        assert_null(pod_index_get(n.pods, "abcdef01"));
        assert_null(pod_index_get(n.pods, "../x"));
}

static void a_list_is_shared_until_something_changes(void **state)
{
        AUTO_NODE n;
        AUTO(grpc_blob_unrefp)
        struct grpc_blob *one = NULL, *two = NULL, *three = NULL, *brief = NULL;
        struct err e;

        (void)state;
        node_init(&n);
        node_pod(&n, "run", POD_1);
        node_sync(&n);
        one = pod_index_list(n.pods, true, &e);
        two = pod_index_list(n.pods, true, &e);
        brief = pod_index_list(n.pods, false, &e);
        assert_ptr_equal(one, two);
        assert_true(one->len > brief->len && brief->len > 0);
        assert_int_equal(one->len, pod_index_get(n.pods, POD_1)->encoded.len);
        node_pod(&n, "run", POD_2);
        node_sync(&n);
        three = pod_index_list(n.pods, true, &e);
        assert_true(three != one && three->len > one->len);
}

struct follower {
        struct pod_follower follower;
        char text[1024];
};

static void say(struct pod_follower *f, const char *what, const struct pod_sight *sight)
{
        struct follower *to = OWNER_OF(f, struct follower, follower);
        size_t len = strlen(to->text);

        (void)snprintf(to->text + len, sizeof(to->text) - len, "%s%s%s%s\n", what,
                       sight ? sight->last ? " known" : " unknown" : "",
                       sight && sight->ino ? " read" : "",
                       sight && sight->told->pod ? " told" : "");
}

static void on_attached(struct pod_follower *f, int data_fd)
{
        say(f, data_fd >= 0 ? "attached" : "detached", NULL);
}

static void on_scanned(struct pod_follower *f)
{
        say(f, "scanned", NULL);
}

static void on_seen(struct pod_follower *f, const struct pod_sight *sight, const struct pod *pod,
                    const struct pod_view *view)
{
        assert_true(pod->fd >= 0);
        assert_string_equal(sight->uuid->text, view->uuid.text);
        say(f, pod_state_name(view->state), sight);
        sight->told->pod = POD_TOLD_SEEN;
}

static void on_gone(struct pod_follower *f, const struct pod_sight *sight)
{
        say(f, "gone", sight);
}

static void on_lost(struct pod_follower *f, const struct pod_sight *sight)
{
        say(f, "lost", sight);
}

static struct pod_follower follower(void)
{
        return (struct pod_follower){ .attached = on_attached,
                                      .scanned = on_scanned,
                                      .seen = on_seen,
                                      .gone = on_gone,
                                      .lost = on_lost };
}

static void each_look_is_told(void **state)
{
        AUTO_NODE n;
        struct follower f = { .follower = follower() };

        (void)state;
        node_init(&n);
        node_sync(&n);
        pod_index_follow(n.pods, &f.follower);
        node_pod(&n, "prepared", POD_1); /* and what comes with it: the directory is followed now */
        node_sync(&n);
        node_move(&n, "prepared", "run", POD_1);
        node_sync(&n);
        node_sync(&n);
        assert_int_equal(pod_index_told(n.pods, POD_1)->pod, POD_TOLD_SEEN);
        assert_null(pod_index_told(n.pods, POD_2));
        node_remove(&n, "data/pods/run/" POD_1);
        node_sync(&n);
        node_mkdirs(&n, "data/pods/run/" POD_2);
        node_remove(&n, "data/pods/run/" POD_2);
        node_sync(&n);
        assert_null(pod_index_told(n.pods, POD_1));
        assert_non_null(strstr(f.text, "attached\nprepared unknown read\nscanned\n"));
        assert_non_null(strstr(f.text, "exited known read told\n"));
        assert_non_null(strstr(f.text, "gone known read told\ngone unknown\n"));
        pod_index_follow(n.pods, NULL);
}

static void another_of_that_name_is_told_anew(void **state)
{
        AUTO_NODE n;
        struct follower f = { .follower = follower() };

        (void)state;
        node_init(&n);
        node_pod(&n, "run", POD_1);
        node_sync(&n);
        pod_index_follow(n.pods, &f.follower);
        pod_index_told(n.pods, POD_1)->pod = POD_TOLD_SEEN;
        assert_int_equal(renameat(n.dir.fd, "data/pods/run/" POD_1, n.dir.fd, "aside"), 0);
        node_pod(&n, "run", POD_1);
        node_sync(&n);
        assert_string_equal(f.text, "gone known read told\nexited known read\n");
        pod_index_follow(n.pods, NULL);
}

static void a_directory_that_is_not_there_loses_all(void **state)
{
        AUTO_NODE n;
        struct follower f = { .follower = follower() };

        (void)state;
        node_init(&n);
        node_pod(&n, "run", POD_1);
        node_sync(&n);
        pod_index_follow(n.pods, &f.follower);
        assert_int_equal(renameat(n.dir.fd, "data", n.dir.fd, "aside"), 0);
        node_sync(&n);
        assert_string_equal(f.text, "detached\nlost known read\nscanned\n");
        pod_index_follow(n.pods, NULL);
}

static void turns(struct node *n, int count)
{
        while (count-- > 0)
                (void)uv_run(&n->loop, UV_RUN_NOWAIT);
}

static uint64_t reads(struct node *n)
{
        struct pod_index_stats stats;

        pod_index_stats(n->pods, &stats);
        return stats.reads;
}

/* One turn takes what has happened, the next one reads it; no clock has to go on meanwhile. */
static void who_waits_for_news_has_them_in_the_next_turn(void **state)
{
        static const char *const news[] = { "pid", "appsinfo/web/status" };
        AUTO_NODE n;
        uint64_t before;

        (void)state;
        node_init(&n);
        node_mkdirs(&n, "data/pods/exited-garbage");
        node_pod(&n, "run", POD_1);
        node_sync(&n);
        turns(&n, 3);
        pod_index_hurry(n.pods, true);
        for (size_t i = 0; i < ARRAY_LEN(news); i++) {
                before = reads(&n);
                node_file(&n, "run", POD_1, news[i], "1");
                turns(&n, 3);
                assert_int_equal(reads(&n), before + 1);
        }
        before = reads(&n);
        node_move(&n, "run", "exited-garbage", POD_1);
        turns(&n, 3);
        assert_true(reads(&n) > before);
        before = reads(&n);
        node_remove(&n, "data/pods/exited-garbage/" POD_1);
        turns(&n, 3);
        assert_true(reads(&n) > before);
}

static void many(struct node *n, int pods)
{
        char path[128];

        for (int i = 0; i < pods; i++) {
                (void)snprintf(path, sizeof(path), "data/pods/run/%08x-0000-4000-8000-000000000000",
                               i);
                node_mkdirs(n, path);
        }
}

/* Too much to be read within a call. */
static void a_call_waits_for_what_was_pending_and_no_longer(void **state)
{
        AUTO_NODE n;
        struct node_waiter early = { .waiter.fn = node_told }, gone = { .waiter.fn = node_told };
        struct pod_index_stats stats;

        (void)state;
        node_dir(&n);
        many(&n, 1000);
        node_start(&n, 0);
        assert_false(pod_index_sync(n.pods));
        pod_index_wait(n.pods, &early.waiter);
        pod_index_wait(n.pods, &gone.waiter);
        pod_index_cancel(n.pods, &gone.waiter);
        pod_index_stats(n.pods, &stats);
        assert_true(stats.pods < 1000 && stats.pending > 0);
        for (int i = 0; i < 100000 && !early.done; i++) {
                node_write(&n, "data/pods/run/000003e0-0000-4000-8000-000000000000/pid", "1");
                (void)uv_run(&n.loop, UV_RUN_NOWAIT);
        }
        assert_true(early.done);
        assert_false(gone.done);
        assert_int_equal(pod_index_count(n.pods), 1000);
}

static void one_pod_is_known_at_once_while_many_are_read(void **state)
{
        AUTO_NODE n;
        const struct pod_record *r = NULL;
        struct pod_index_stats stats;
        struct err e;

        (void)state;
        node_dir(&n);
        many(&n, 1000);
        node_start(&n, 0);
        assert_true(pod_index_sync_for(n.pods, "000003E0-0000-4000-8000-000000000000"));
        assert_non_null(pod_index_get(n.pods, "000003e0-0000-4000-8000-000000000000"));
        assert_true(pod_index_sync_for(n.pods, "0000038"));
        assert_int_equal(pod_index_find(n.pods, "0000038", &r, &e), -1);
        assert_string_equal(e.text, "pod id \"0000038\": ambiguous uuid, 16 matches");
        assert_true(pod_index_sync_for(n.pods, "f"));
        pod_index_stats(n.pods, &stats);
        assert_true(stats.pending > 900);
        /* Too many begin so: then it takes as long as it takes. */
        assert_false(pod_index_sync_for(n.pods, "0"));
        assert_false(pod_index_sync_for(n.pods, ""));
        node_sync(&n);
        assert_int_equal(pod_index_count(n.pods), 1000);
}

static void an_index_may_be_freed_in_the_middle(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_dir(&n);
        many(&n, 200);
        node_start(&n, 0);
        (void)pod_index_sync(n.pods);
        node_stop(&n);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_node_has_no_pods),
                cmocka_unit_test(pods_appear_move_and_go),
                cmocka_unit_test(what_was_there_before_is_found_by_the_scan),
                cmocka_unit_test(what_is_no_pod_is_none),
                cmocka_unit_test(another_directory_of_the_same_name_is_another_pod),
                cmocka_unit_test(one_that_is_replaced_before_it_is_read_is_forgotten),
                cmocka_unit_test(a_beginning_in_any_case_finds_its_pod),
                cmocka_unit_test(a_list_is_shared_until_something_changes),
                cmocka_unit_test(each_look_is_told),
                cmocka_unit_test(another_of_that_name_is_told_anew),
                cmocka_unit_test(a_directory_that_is_not_there_loses_all),
                cmocka_unit_test(who_waits_for_news_has_them_in_the_next_turn),
                cmocka_unit_test(a_call_waits_for_what_was_pending_and_no_longer),
                cmocka_unit_test(one_pod_is_known_at_once_while_many_are_read),
                cmocka_unit_test(an_index_may_be_freed_in_the_middle),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
