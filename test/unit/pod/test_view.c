/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: which pods, in which order, and nothing lost, leaked or failed because of one of them. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "pod/view.h"
#include "fixture.h"

static void a_list_is_sorted_and_has_every_state(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod a = preparing(&w), b = prepared(&w), c = running(&w, 1),
                            d = exited(&w, 0), f = exited_garbage(&w);
        AUTO(pod_view_list_done) struct pod_view_list l = POD_VIEW_LIST_NULL;
        unsigned seen = 0;
        struct err e;

        (void)state;
        (void)a, (void)b, (void)c, (void)d, (void)f;
        assert_ok(pod_view_list(&w.s, POD_DIRS_ALL, POD_VIEW_ALL, &l, &e), &e);
        assert_int_equal(l.n, 5);
        for (size_t i = 0; i < l.n; i++) {
                seen |= 1u << l.v[i]->state;
                assert_true(i == 0 || strcmp(l.v[i - 1]->uuid.text, l.v[i]->uuid.text) < 0);
                assert_null(l.v[i]->problem);
        }
        assert_int_equal(seen, 1u << POD_PREPARING | 1u << POD_PREPARED | 1u << POD_RUNNING |
                                       1u << POD_EXITED | 1u << POD_EXITED_GARBAGE);
}

static void only_the_wanted_directories_are_listed(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod a = prepared(&w), b = exited(&w, 0);
        AUTO(pod_view_list_done) struct pod_view_list l = POD_VIEW_LIST_NULL;
        struct err e;

        (void)state;
        (void)a;
        assert_ok(pod_view_list(&w.s, POD_DIR_BIT(POD_DIR_RUN), POD_VIEW_STATE, &l, &e), &e);
        assert_int_equal(l.n, 1);
        assert_string_equal(l.v[0]->uuid.text, b.uuid.text);
        assert_null(l.v[0]->manifest);
}

static void what_is_no_pod_is_skipped(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO(pod_view_list_done) struct pod_view_list l = POD_VIEW_LIST_NULL;
        int run = w.s.dir_fd[POD_DIR_RUN];
        struct err e;

        (void)state;
        assert_int_equal(mkdirat(run, "lost+found", 0700), 0);
        assert_int_equal(mkdirat(run, "00000000-0000-4000-8000-00000000000A", 0700), 0);
        assert_int_equal(fs_write_file(run, "00000000-0000-4000-8000-000000000001", "", 0, 0640),
                         0);
        assert_int_equal(symlinkat("/", run, "00000000-0000-4000-8000-000000000002"), 0);
        assert_int_equal(mkfifoat(run, "00000000-0000-4000-8000-000000000003", 0600), 0);
        assert_ok(pod_view_list(&w.s, POD_DIRS_ALL, POD_VIEW_ALL, &l, &e), &e);
        assert_int_equal(l.n, 0);
}

static void a_missing_store_lists_nothing(void **state)
{
        AUTO_TEST_DIR struct test_dir dir;
        AUTO(pod_store_done) struct pod_store s = POD_STORE_NULL;
        AUTO(pod_view_list_done) struct pod_view_list l = POD_VIEW_LIST_NULL;
        struct err e;

        (void)state;
        test_dir_init(&dir);
        assert_ok(pod_store_open(dir.fd, &s, &e), &e);
        assert_ok(pod_view_list(&s, POD_DIRS_ALL, POD_VIEW_ALL, &l, &e), &e);
        assert_int_equal(l.n, 0);
}

/* Hundreds of lists while a pod walks through all directories: it is in each of them, exactly once. */
static void a_pod_on_its_way_is_never_missed(void **state)
{
        AUTO_WORLD struct world w = world_new();
        struct pod_store mover = POD_STORE_NULL;
        pid_t child;
        struct err e;

        (void)state;
        for (int round = 0; round < 30; round++) {
                AUTO_POD struct pod p = preparing(&w);
                bool gone = false;

                child = fork();
                if (child == 0) {
                        (void)pod_store_open(w.dir.fd, &mover, &e);
                        (void)pod_to_prepared(&mover, &p, &e);
                        (void)pod_to_run(&mover, &p, &e);
                        (void)flock_release(p.fd);
                        (void)pod_to_exited_garbage(&mover, &p, &e);
                        _exit(0);
                }
                while (!gone) {
                        AUTO(pod_view_list_done) struct pod_view_list l = POD_VIEW_LIST_NULL;

                        assert_ok(pod_view_list(&w.s, POD_DIRS_ALL, POD_VIEW_FACTS, &l, &e), &e);
                        assert_int_equal(l.n, 1);
                        assert_int_not_equal(l.v[0]->state, POD_ABORTED_PREPARE);
                        gone = l.v[0]->state == POD_EXITED_GARBAGE;
                }
                assert_int_equal(waitpid(child, NULL, 0), child);
                assert_int_equal(fs_remove_tree(w.s.dir_fd[POD_DIR_EXITED_GARBAGE], p.uuid.text),
                                 0);
        }
}

static void a_broken_pod_neither_fails_nor_leaks(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod good = exited(&w, 0), bad = exited(&w, 0);
        size_t before;
        struct err e;

        (void)state;
        (void)good;
        put(&bad, "net-info.json", "[{");
        before = count_fds();
        for (int i = 0; i < 1000; i++) {
                AUTO(pod_view_list_done) struct pod_view_list l = POD_VIEW_LIST_NULL;

                assert_ok(pod_view_list(&w.s, POD_DIRS_ALL, POD_VIEW_ALL, &l, &e), &e);
                assert_int_equal(l.n, 2);
        }
        assert_int_equal(count_fds(), before);
}

static void no_descriptor_left_is_an_error_and_no_lie(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 0);
        AUTO(pod_view_list_done) struct pod_view_list l = POD_VIEW_LIST_NULL;
        int fds[1024], n = 0, r;
        bool limited;
        struct err e;

        (void)state;
        (void)p;
        /* One is left: enough to list a directory, not to open a pod meanwhile. */
        for (; n < 1024; n++) {
                fds[n] = fcntl(0, F_DUPFD_CLOEXEC, 0);
                if (fds[n] < 0)
                        break;
        }
        limited = open("/", O_PATH | O_CLOEXEC) < 0; /* not under valgrind */
        r = pod_view_list(&w.s, POD_DIRS_ALL, POD_VIEW_ALL, &l, &e);
        while (n > 0)
                (void)close(fds[--n]);
        if (!limited) {
                pod_view_list_done(&l);
                pod_done(&p);
                world_done(&w);
                skip();
        }
        assert_int_equal(r, -1);
        assert_int_equal(e.kind, ERR_NO_SPACE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_list_is_sorted_and_has_every_state),
                cmocka_unit_test(only_the_wanted_directories_are_listed),
                cmocka_unit_test(what_is_no_pod_is_skipped),
                cmocka_unit_test(a_missing_store_lists_nothing),
                cmocka_unit_test(a_pod_on_its_way_is_never_missed),
                cmocka_unit_test(a_broken_pod_neither_fails_nor_leaks),
                cmocka_unit_test(no_descriptor_left_is_an_error_and_no_lie),
        };
        (void)setrlimit(RLIMIT_NOFILE, &(struct rlimit){ .rlim_cur = 1024, .rlim_max = 1024 });
        return cmocka_run_group_tests_name("pod/view", tests, NULL, NULL);
}
