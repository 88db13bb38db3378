/* SPDX-License-Identifier: Apache-2.0 */
#include "event_node.h"

/* --- pods */

static void a_life_is_told_as_it_goes(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        fd = run_pod(&n, POD_1);
        assert_string_equal(news(&n), "started 1\napp-started w\n");
        quiet(&n);
        app_ends(&n, POD_1, 3);
        assert_string_equal(news(&n), "app-exited w=3\n");
        pod_ends(&n, POD_1, 3);
        quiet(&n);
        (void)close(fd);
        assert_string_equal(news(&n), "exited 1=3\n");
        node_move(&n, "run", "exited-garbage", POD_1);
        assert_string_equal(news(&n), "collected 1\n");
        quiet(&n);
        remove_pod(&n, "exited-garbage", POD_1);
        quiet(&n);
}

static void a_life_between_two_looks_is_told_whole(void **state)
{
        AUTO_NODE n;

        (void)state;
        begin(&n);
        whole_life(&n, POD_1);
        assert_string_equal(news(&n),
                            "started 1\napp-started w\napp-exited w=3\nexited 1=3\ncollected 1\n");
        whole_life(&n, POD_2);
        remove_pod(&n, "exited-garbage", POD_2);
        assert_string_equal(news(&n),
                            "started 2\napp-started w\napp-exited w=3\nexited 2=3\ncollected 2\n");
        quiet(&n);
}

static void a_preparation_is_told(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        node_pod(&n, "prepare", POD_1);
        fd = node_lock(&n, "prepare", POD_1);
        quiet(&n);
        node_file(&n, "prepare", POD_1, "pod-prepared", "");
        quiet(&n);
        node_move(&n, "prepare", "prepared", POD_1);
        (void)close(fd);
        assert_string_equal(news(&n), "prepared 1\n");
        node_move(&n, "prepared", "garbage", POD_1);
        assert_string_equal(news(&n), "collected 1\n");
        node_pod(&n, "prepare", POD_2);
        fd = node_lock(&n, "prepare", POD_2);
        quiet(&n);
        node_file(&n, "prepare", POD_2, "pod-aborted", "no such image");
        (void)close(fd);
        assert_string_equal(news(&n), "aborted 2 (no such image)\n");
        node_move(&n, "prepare", "garbage", POD_2);
        assert_string_equal(news(&n), "collected 2\n");
        quiet(&n);
}

static void a_killed_supervisor_is_told_once(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        fd = run_pod(&n, POD_1);
        assert_string_equal(news(&n), "started 1\napp-started w\n");
        (void)close(fd);
        assert_string_equal(news(&n), "app-exited w seen\nexited 1 seen\n");
        node_move(&n, "run", "exited-garbage", POD_1);
        assert_string_equal(news(&n), "collected 1\n");
        remove_pod(&n, "exited-garbage", POD_1);
        quiet(&n);
}

/* Its files are half deleted when we look. */
static void what_is_being_deleted_speaks_by_its_last_words(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        whole_life(&n, POD_1);
        fd = node_lock(&n, "exited-garbage", POD_1);
        last_words(&n, "exited-garbage", POD_1);
        node_remove(&n, "data/pods/exited-garbage/" POD_1 "/pod-created");
        node_remove(&n, "data/pods/exited-garbage/" POD_1 "/status");
        node_remove(&n, "data/pods/exited-garbage/" POD_1 "/pid");
        assert_string_equal(news(&n),
                            "started 1\napp-started w\napp-exited w=3\nexited 1=3\ncollected 1\n");
        delete_pod(&n, "exited-garbage", POD_1);
        (void)close(fd);
        quiet(&n);
}

static void what_vanishes_without_a_word_has_ended(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        fd = run_pod(&n, POD_1);
        assert_string_equal(news(&n), "started 1\napp-started w\n");
        delete_pod(&n, "run", POD_1);
        (void)close(fd);
        assert_string_equal(news(&n), "app-exited w seen\nexited 1 seen\ncollected 1 seen\n");
        node_mkdirs(&n, "data/pods/run/" POD_2); /* of which nobody has ever seen more than this */
        delete_pod(&n, "run", POD_2);
        quiet(&n);
}

static void another_pod_of_that_name_is_told_anew(void **state)
{
        AUTO_NODE n;

        (void)state;
        begin(&n);
        whole_life(&n, POD_1);
        (void)news(&n);
        last_words(&n, "exited-garbage", POD_1);
        /* Not deleted, or the next one may get its inode, and nothing could tell the two apart. */
        node_move(&n, "exited-garbage", "../aside", POD_1);
        whole_life(&n, POD_1);
        assert_string_equal(news(&n),
                            "started 1\napp-started w\napp-exited w=3\nexited 1=3\ncollected 1\n");
        remove_pod(&n, "exited-garbage", POD_1);
        (void)close(run_pod(&n, POD_1));
        assert_string_equal(news(&n),
                            "started 1\napp-started w\napp-exited w seen\nexited 1 seen\n");
        assert_int_equal(renameat(n.dir.fd, "data/pods/run/" POD_1, n.dir.fd, "aside"), 0);
        (void)close(run_pod(&n, POD_1));
        assert_string_equal(news(&n), "collected 1 seen\nstarted 1\napp-started w\n"
                                      "app-exited w seen\nexited 1 seen\n");
}

static void a_pod_that_is_broken_for_a_while_is_not_told_anew(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        fd = run_pod(&n, POD_1);
        assert_string_equal(news(&n), "started 1\napp-started w\n");
        node_file(&n, "run", POD_1, "pod", "{");
        quiet(&n);
        node_file(&n, "run", POD_1, "appsinfo/web/status", "{");
        node_file(&n, "run", POD_1, "pid", "");
        quiet(&n);
        node_pod(&n, "run", POD_1);
        node_file(&n, "run", POD_1, "pid", "1");
        app_ends(&n, POD_1, 0);
        pod_ends(&n, POD_1, 0);
        (void)close(fd);
        assert_string_equal(news(&n), "app-exited w=0\nexited 1=0\n");
}

/* --- the first look */

static void what_was_before_us_is_not_told(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        node_dir(&n);
        node_mkdirs(&n, "data/images/records");
        fd = run_pod(&n, POD_1);
        whole_life(&n, POD_2);
        (void)close(run_pod(&n, POD_3)); /* when, nobody knows */
        whole_life(&n, "44444444-0000-4000-8000-000000000004");
        remove_pod(&n, "exited-garbage", "44444444-0000-4000-8000-000000000004");
        import(&n, IMAGE_A, "a", time_now());
        image_last_words(&n, IMAGE_B, "b", 1);
        (void)usleep(20000);
        n.with_events = true;
        n.since = time_now_coarse();
        node_start(&n, 0);
        app_ends(&n, POD_1, 0);
        assert_string_equal(news(&n), "app-exited w=0\n");
        quiet(&n);
        pod_ends(&n, POD_1, 0);
        (void)close(fd);
        remove_pod(&n, "exited-garbage", POD_2);
        remove_image(&n, IMAGE_A);
        assert_string_equal(news(&n), "exited 1=0\nremoved a seen\n");
        quiet(&n);
}

static void since_zero_tells_all_that_the_disk_does(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_dir(&n);
        node_mkdirs(&n, "data/images/records");
        whole_life(&n, POD_1);
        remove_pod(&n, "exited-garbage", POD_1);
        (void)close(run_pod(&n, POD_2));
        import(&n, IMAGE_A, "a", 1000);
        image_last_words(&n, IMAGE_B, "b", 1000);
        n.with_events = true;
        node_start(&n, 0);
        assert_string_equal(news(&n),
                            "started 2\napp-started w\napp-exited w seen\nexited 2 seen\n"
                            "started 1\napp-started w\napp-exited w=3\nexited 1=3\ncollected 1\n"
                            "imported b\nremoved b\nimported a\n");
        quiet(&n);
}

static void a_line_is_told_once_however_often_it_is_there(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_dir(&n);
        whole_life(&n, POD_1);
        last_words(&n, "exited-garbage", POD_1);
        remove_pod(&n, "exited-garbage", POD_1);
        node_mkdirs(&n, "data/images/records");
        image_last_words(&n, IMAGE_B, "b", 1000);
        image_last_words(&n, IMAGE_B, "b", 1000);
        n.with_events = true;
        node_start(&n, 0);
        assert_string_equal(news(&n),
                            "started 1\napp-started w\napp-exited w=3\nexited 1=3\ncollected 1\n"
                            "imported b\nremoved b\n");
        quiet(&n);
}

/* --- events that the kernel could not tell */

static void nothing_is_lost_in_an_overflow(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        fd = run_pod(&n, POD_2);
        assert_string_equal(news(&n), "started 2\napp-started w\n");
        overflow(&n);
        whole_life(&n, POD_1);
        remove_pod(&n, "exited-garbage", POD_1);
        app_ends(&n, POD_2, 0);
        import(&n, IMAGE_A, "a", time_now());
        image_last_words(&n, IMAGE_B, "b", 1000);
        if (strcmp(news(&n), "app-exited w=0\n"
                             "started 1\napp-started w\napp-exited w=3\nexited 1=3\ncollected 1\n"
                             "imported a\nimported b\nremoved b\n") != 0 &&
            strcmp(news(&n), "") != 0)
                fail_msg("%s", news(&n));
        (void)close(fd);
        if (!overflowed(&n))
                skip(); /* the queue is longer here */
}

/* Where the directory is put back, it is the same; nobody has ended in between but those who have. */
static void a_directory_that_is_away_for_a_while_is_not_told_anew(void **state)
{
        AUTO_NODE n;
        int one, two;

        (void)state;
        begin(&n);
        one = run_pod(&n, POD_1);
        two = run_pod(&n, POD_2);
        assert_string_equal(news(&n), "started 1\napp-started w\nstarted 2\napp-started w\n");
        import(&n, IMAGE_A, "a", time_now());
        assert_string_equal(news(&n), "imported a\n");
        assert_int_equal(renameat(n.dir.fd, "data", n.dir.fd, "aside"), 0);
        quiet(&n);
        (void)close(two);
        node_remove(&n, "aside/pods/run/" POD_2);
        assert_int_equal(renameat(n.dir.fd, "aside", n.dir.fd, "data"), 0);
        /* What its apps were called went with what was known of it. */
        assert_string_equal(news(&n), "exited 2 seen\ncollected 2 seen\n");
        app_ends(&n, POD_1, 0);
        pod_ends(&n, POD_1, 0);
        (void)close(one);
        remove_image(&n, IMAGE_A);
        assert_string_equal(news(&n), "app-exited w=0\nexited 1=0\nremoved a seen\n");
        quiet(&n);
}

static void another_directory_is_begun_anew(void **state)
{
        AUTO_NODE n;
        int fd, other;

        (void)state;
        node_dir(&n);
        node_mkdirs(&n, "data/images/records");
        other = run_pod(&n, POD_2);
        whole_life(&n, POD_3);
        remove_pod(&n, "exited-garbage", POD_3);
        assert_int_equal(renameat(n.dir.fd, "data", n.dir.fd, "other"), 0);
        (void)usleep(20000);
        n.with_events = true;
        n.since = time_now_coarse();
        node_mkdirs(&n, "data/images/records");
        node_mkdirs(&n, "data/pods/run");
        node_start(&n, 0);
        fd = run_pod(&n, POD_1);
        assert_string_equal(news(&n), "started 1\napp-started w\n");
        import(&n, IMAGE_A, "a", time_now());
        assert_string_equal(news(&n), "imported a\n");
        assert_int_equal(syscall(SYS_renameat2, n.dir.fd, "data", n.dir.fd, "other", 2), 0);
        quiet(&n);
        app_ends(&n, POD_2, 0);
        assert_string_equal(news(&n), "app-exited w=0\n");
        (void)close(fd);
        (void)close(other);
}

/* --- images */

static void images_come_and_go(void **state)
{
        AUTO_NODE n;

        (void)state;
        begin(&n);
        import(&n, IMAGE_A, "a", 1000);
        assert_string_equal(news(&n), "imported a\n");
        image_last_words(&n, IMAGE_A, "a", 1000); /* and its remover is killed */
        import(&n, IMAGE_B, "b", 1500);
        assert_string_equal(news(&n), "imported b\n");
        image_last_words(&n, IMAGE_A, "a", 1000);
        remove_image(&n, IMAGE_A);
        assert_string_equal(news(&n), "removed a\n");
        remove_image(&n, IMAGE_B);
        assert_string_equal(news(&n), "removed b seen\n");
        quiet(&n);
}

static void an_image_may_go_and_come_between_two_looks(void **state)
{
        AUTO_NODE n;

        (void)state;
        begin(&n);
        import(&n, IMAGE_A, "a", 1000);
        assert_string_equal(news(&n), "imported a\n");
        image_last_words(&n, IMAGE_A, "a", 1000);
        remove_image(&n, IMAGE_A);
        import(&n, IMAGE_A, "a", 2000);
        assert_string_equal(news(&n), "removed a\nimported a\n");
        for (int i = 0; i < 2; i++) {
                image_last_words(&n, IMAGE_A, "a", 2000 + i);
                remove_image(&n, IMAGE_A);
                import(&n, IMAGE_A, "a", 2001 + i);
        }
        assert_string_equal(news(&n), "removed a\nimported a\nremoved a\nimported a\n");
        remove_image(&n, IMAGE_A);
        import(&n, IMAGE_A, "a", 3000);
        assert_string_equal(news(&n), "removed a seen\nimported a\n");
        quiet(&n);
}

static void a_broken_record_tells_nothing(void **state)
{
        AUTO_NODE n;

        (void)state;
        begin(&n);
        import(&n, IMAGE_A, "a", 1000);
        assert_string_equal(news(&n), "imported a\n");
        node_write(&n, RECORDS IMAGE_A "/record.json", "{");
        quiet(&n);
        write_record(&n, RECORDS IMAGE_A, IMAGE_A, "a", 1000);
        quiet(&n);
        node_write(&n, RECORDS IMAGE_A "/record.json", "{");
        quiet(&n);
        remove_image(&n, IMAGE_A);
        assert_string_equal(news(&n), "removed s seen\n"); /* by its id: its name is not known */
}

static void a_name_more_is_no_event(void **state)
{
        AUTO_NODE n;

        (void)state;
        begin(&n);
        import(&n, IMAGE_A, "a", 1000);
        assert_string_equal(news(&n), "imported a\n");
        write_record(&n, RECORDS IMAGE_A, IMAGE_A, "b", 1000);
        quiet(&n);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_life_is_told_as_it_goes),
                cmocka_unit_test(a_life_between_two_looks_is_told_whole),
                cmocka_unit_test(a_preparation_is_told),
                cmocka_unit_test(a_killed_supervisor_is_told_once),
                cmocka_unit_test(what_is_being_deleted_speaks_by_its_last_words),
                cmocka_unit_test(what_vanishes_without_a_word_has_ended),
                cmocka_unit_test(another_pod_of_that_name_is_told_anew),
                cmocka_unit_test(a_pod_that_is_broken_for_a_while_is_not_told_anew),
                cmocka_unit_test(what_was_before_us_is_not_told),
                cmocka_unit_test(since_zero_tells_all_that_the_disk_does),
                cmocka_unit_test(a_line_is_told_once_however_often_it_is_there),
                cmocka_unit_test(nothing_is_lost_in_an_overflow),
                cmocka_unit_test(a_directory_that_is_away_for_a_while_is_not_told_anew),
                cmocka_unit_test(another_directory_is_begun_anew),
                cmocka_unit_test(images_come_and_go),
                cmocka_unit_test(an_image_may_go_and_come_between_two_looks),
                cmocka_unit_test(a_broken_record_tells_nothing),
                cmocka_unit_test(a_name_more_is_no_event),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
