/* SPDX-License-Identifier: Apache-2.0 */
/* The data directory comes, goes, and is another one: every answer is about the one that the path leads to. */
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "node.h"

/* "exited": everything that is asked for below has one pod in run/. */
static void has_only(struct node *n, const char *uuid)
{
        assert_string_equal(node_state(n, uuid), "exited");
        assert_int_equal(pod_index_count(n->pods), 1);
}

static void has_none(struct node *n)
{
        struct err e;

        node_sync(n);
        assert_int_equal(pod_index_count(n->pods), 0);
        assert_ok(pod_index_check(n->pods, &e), &e);
}

/* A whole data directory of one pod, somewhere below the temporary one. */
static void make(struct node *n, const char *where, const char *uuid)
{
        char path[256];

        (void)snprintf(path, sizeof(path), "%s/pods/run/%s", where, uuid);
        node_mkdirs(n, path);
}

static void rename_it(struct node *n, const char *from, const char *to)
{
        assert_int_equal(renameat(n->dir.fd, from, n->dir.fd, to), 0);
}

/* Started on a data directory with POD_1. */
static void start_with_one(struct node *n)
{
        node_dir(n);
        make(n, "data", POD_1);
        node_start(n, 0);
        has_only(n, POD_1);
}

static void it_appears_step_by_step(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_dir(&n);
        node_start(&n, 0);
        has_none(&n);
        node_mkdirs(&n, "data");
        has_none(&n);
        node_mkdirs(&n, "data/pods");
        has_none(&n);
        node_mkdirs(&n, "data/pods/run");
        has_none(&n);
        node_mkdirs(&n, "data/pods/run/" POD_1);
        has_only(&n, POD_1);
        node_mkdirs(&n, "data/pods/prepared/" POD_2);
        assert_string_equal(node_state(&n, POD_2), "prepared");
}

static void it_appears_at_once(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_dir(&n);
        make(&n, "elsewhere", POD_1);
        node_start(&n, 0);
        has_none(&n);
        rename_it(&n, "elsewhere", "data");
        has_only(&n, POD_1);
}

static void all_of_its_path_appears(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_dir(&n);
        (void)snprintf(n.data, sizeof(n.data), "%s/a/b/c/data", n.dir.path);
        node_start(&n, 0);
        has_none(&n);
        node_mkdirs(&n, "a");
        has_none(&n);
        node_mkdirs(&n, "a/b");
        make(&n, "a/b/c/data", POD_1);
        has_only(&n, POD_1);
        rename_it(&n, "a/b", "a/x");
        has_none(&n);
        make(&n, "a/b/c/data", POD_2);
        has_only(&n, POD_2);
}

static void it_is_renamed_away_and_back(void **state)
{
        AUTO_NODE n;

        (void)state;
        start_with_one(&n);
        rename_it(&n, "data", "aside");
        has_none(&n);
        rename_it(&n, "aside", "data");
        has_only(&n, POD_1);
        make(&n, "new", POD_2);
        rename_it(&n, "data", "old");
        rename_it(&n, "new", "data");
        has_only(&n, POD_2);
        node_mkdirs(&n, "old/pods/run/" POD_3); /* no longer ours */
        has_only(&n, POD_2);
}

static void two_are_exchanged(void **state)
{
        AUTO_NODE n;

        (void)state;
        start_with_one(&n);
        make(&n, "other", POD_2);
        assert_int_equal(renameat2(n.dir.fd, "data", n.dir.fd, "other", RENAME_EXCHANGE), 0);
        has_only(&n, POD_2);
}

static void it_is_removed_and_made_anew(void **state)
{
        AUTO_NODE n;

        (void)state;
        start_with_one(&n);
        for (int i = 0; i < 20; i++) { /* often with the inode number it had */
                node_remove(&n, "data");
                if (i % 3 > 0)
                        has_none(&n);
                make(&n, "data", i % 2 ? POD_2 : POD_3);
                has_only(&n, i % 2 ? POD_2 : POD_3);
        }
}

/* Whose removal is not told as long as somebody is in it. */
static void somebody_stays_in_the_one_that_is_removed(void **state)
{
        AUTO_NODE n;
        AUTO_CLOSE int fd = -1;

        (void)state;
        start_with_one(&n);
        fd = fs_open_dir(n.dir.fd, "data");
        node_remove(&n, "data");
        has_none(&n);
        make(&n, "data", POD_2);
        has_only(&n, POD_2);
}

static void somebody_stays_in_the_one_above(void **state)
{
        AUTO_NODE n;
        AUTO_CLOSE int fd = -1;

        (void)state;
        node_dir(&n);
        (void)snprintf(n.data, sizeof(n.data), "%s/a/b/data", n.dir.path);
        make(&n, "a/b/data", POD_1);
        node_start(&n, 0);
        has_only(&n, POD_1);
        fd = fs_open_dir(n.dir.fd, "a/b");
        node_remove(&n, "a/b/data");
        has_none(&n);
        node_remove(&n, "a/b");
        make(&n, "a/b/data", POD_2);
        has_only(&n, POD_2);
}

static void a_symlink_is_switched(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_dir(&n);
        make(&n, "one", POD_1);
        make(&n, "two", POD_2);
        assert_int_equal(symlinkat("one", n.dir.fd, "data"), 0);
        node_start(&n, 0);
        has_only(&n, POD_1);
        assert_int_equal(symlinkat("two", n.dir.fd, "new"), 0);
        rename_it(&n, "new", "data");
        has_only(&n, POD_2);
        assert_int_equal(unlinkat(n.dir.fd, "data", 0), 0);
        has_none(&n);
        assert_int_equal(symlinkat("one/../one", n.dir.fd, "data"), 0);
        has_only(&n, POD_1);
        rename_it(&n, "one", "three"); /* now it dangles */
        has_none(&n);
        make(&n, "one", POD_3);
        has_only(&n, POD_3);
}

static void what_is_no_directory_is_an_error_until_it_is_one(void **state)
{
        AUTO_NODE n;
        struct err e;

        (void)state;
        node_dir(&n);
        node_write(&n, "data", "a file");
        node_start(&n, 0);
        node_sync(&n);
        assert_int_equal(pod_index_check(n.pods, &e), -1);
        assert_non_null(strstr(e.text, n.data));
        assert_int_equal(unlinkat(n.dir.fd, "data", 0), 0);
        has_none(&n);
        make(&n, "data", POD_1);
        has_only(&n, POD_1);
        node_remove(&n, "data/pods");
        node_write(&n, "data/pods", "a file");
        node_sync(&n);
        assert_int_equal(pod_index_check(n.pods, &e), -1);
        assert_int_equal(unlinkat(n.dir.fd, "data/pods", 0), 0);
        has_none(&n);
}

static void directories_within_are_replaced(void **state)
{
        AUTO_NODE n;

        (void)state;
        start_with_one(&n);
        rename_it(&n, "data/pods/run", "data/pods/aside");
        has_none(&n);
        rename_it(&n, "data/pods/aside", "data/pods/run");
        has_only(&n, POD_1);
        node_remove(&n, "data/pods/run");
        has_none(&n);
        node_mkdirs(&n, "data/pods/run/" POD_2);
        has_only(&n, POD_2);
        rename_it(&n, "data/pods", "data/old");
        has_none(&n);
        node_mkdirs(&n, "data/pods/run/" POD_3);
        has_only(&n, POD_3);
        node_mkdirs(&n, "data/old/run/" POD_1);
        has_only(&n, POD_3);
}

/* In a mount namespace of our own, or not at all. */
static bool may_mount(void)
{
        static bool tried, may;

        if (!tried)
                may = unshare(CLONE_NEWNS) == 0 &&
                      mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) == 0;
        tried = true;
        return may;
}

static void it_is_mounted_over_and_unmounted(void **state)
{
        AUTO_NODE n;

        (void)state;
        if (!may_mount())
                skip();
        start_with_one(&n);
        assert_int_equal(mount("none", n.data, "tmpfs", 0, NULL), 0);
        has_none(&n);
        make(&n, "data", POD_2);
        has_only(&n, POD_2);
        /* Nothing of ours holds it, once nobody can be about to take a lock any more. */
        for (int i = 0; i < 100 && umount2(n.data, 0) < 0; i++) {
                assert_int_equal(errno, EBUSY);
                node_idle(&n, 50);
        }
        has_only(&n, POD_1);
        /* A directory above. */
        assert_int_equal(mount("none", n.dir.path, "tmpfs", 0, NULL), 0);
        has_none(&n);
        assert_int_equal(umount2(n.dir.path, 0), 0);
        has_only(&n, POD_1);
}

/* More than the kernel keeps, while nobody reads. */
static void an_overflow_leads_to_a_scan(void **state)
{
        AUTO_NODE n;
        struct index_stats before, after;

        (void)state;
        start_with_one(&n);
        index_stats(n.index, &before);
        for (int i = 0; i < 30000; i++)
                (void)close(node_open(&n, "run", POD_1));
        make(&n, "data", POD_2);
        rename_it(&n, "data/pods/run/" POD_1, "gone");
        has_only(&n, POD_2);
        index_stats(n.index, &after);
        if (after.watch.overflows == before.watch.overflows)
                skip(); /* the queue is longer here */
        assert_true(after.attached > before.attached);
}

static void set_descriptors(rlim_t n)
{
        struct rlimit limit;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        limit.rlim_cur = n;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The loop runs until the pods are known again. */
static void wait_until_known(struct node *n)
{
        struct err e;

        for (int i = 0; i < 10000 && pod_index_check(n->pods, &e) < 0; i++) {
                (void)uv_run(&n->loop, UV_RUN_NOWAIT);
                (void)usleep(1000);
        }
        assert_ok(pod_index_check(n->pods, &e), &e);
}

static void a_lack_of_descriptors_when_the_path_changes_passes(void **state)
{
        AUTO_NODE n;
        struct rlimit limit;
        struct err e;
        int r;

        (void)state;
        start_with_one(&n);
        make(&n, "elsewhere", POD_2);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        rename_it(&n, "data", "old");
        rename_it(&n, "elsewhere", "data");
        set_descriptors(0);
        node_sync(&n);
        r = pod_index_check(n.pods, &e);
        set_descriptors(limit.rlim_cur);
        assert_int_equal(r, -1);
        assert_int_equal(e.kind, ERR_NO_SPACE);
        wait_until_known(&n);
        has_only(&n, POD_2);
}

static void a_lack_of_descriptors_when_a_part_appears_passes(void **state)
{
        AUTO_NODE n;
        struct rlimit limit;
        struct err e;
        int r;

        (void)state;
        node_dir(&n);
        node_mkdirs(&n, "data");
        make(&n, "elsewhere", POD_1);
        node_start(&n, 0);
        has_none(&n);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        rename_it(&n, "elsewhere/pods", "data/pods");
        set_descriptors(0);
        node_sync(&n);
        r = pod_index_check(n.pods, &e);
        set_descriptors(limit.rlim_cur);
        assert_int_equal(r, -1);
        assert_int_equal(e.kind, ERR_NO_SPACE);
        wait_until_known(&n);
        has_only(&n, POD_1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_appears_step_by_step),
                cmocka_unit_test(it_appears_at_once),
                cmocka_unit_test(all_of_its_path_appears),
                cmocka_unit_test(it_is_renamed_away_and_back),
                cmocka_unit_test(two_are_exchanged),
                cmocka_unit_test(it_is_removed_and_made_anew),
                cmocka_unit_test(somebody_stays_in_the_one_that_is_removed),
                cmocka_unit_test(somebody_stays_in_the_one_above),
                cmocka_unit_test(a_symlink_is_switched),
                cmocka_unit_test(what_is_no_directory_is_an_error_until_it_is_one),
                cmocka_unit_test(directories_within_are_replaced),
                cmocka_unit_test(it_is_mounted_over_and_unmounted),
                cmocka_unit_test(an_overflow_leads_to_a_scan),
                cmocka_unit_test(a_lack_of_descriptors_when_the_path_changes_passes),
                cmocka_unit_test(a_lack_of_descriptors_when_a_part_appears_passes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
