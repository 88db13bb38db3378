/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/store.h"
#include "fixture.h"

#define NOBODY "00000000-0000-4000-8000-000000000000"

static void a_missing_store_is_an_empty_one(void **state)
{
        AUTO_TEST_DIR struct test_dir dir;
        AUTO(pod_store_done) struct pod_store s = POD_STORE_NULL, writer = POD_STORE_NULL;
        AUTO_POD struct pod p = POD_NULL, again = POD_NULL;
        struct err e;

        (void)state;
        test_dir_init(&dir);
        assert_ok(pod_store_open(dir.fd, &s, &e), &e);
        assert_err(pod_open(&s, NOBODY, &p, &e), &e, ERR_NOT_FOUND,
                   "no matches found for \"" NOBODY "\"");
        /* A reader that was started first finds what is made later. */
        assert_ok(pod_store_create(dir.fd, &writer, &e), &e);
        assert_ok(pod_create(&writer, &p, &e), &e);
        assert_ok(pod_open(&s, p.uuid.text, &again, &e), &e);
        assert_int_equal(again.dir, POD_DIR_PREPARE);
}

static void only_a_uuid_is_looked_for(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = POD_NULL;
        struct err e;

        (void)state;
        assert_err(pod_open(&w.s, "../run", &p, &e), &e, ERR_NOT_FOUND,
                   "no matches found for \"../run\"");
}

static void files_and_symlinks_are_no_pods(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = POD_NULL;
        struct err e;

        (void)state;
        assert_int_equal(symlinkat("/", w.s.dir_fd[POD_DIR_RUN], NOBODY), 0);
        assert_int_equal(fs_write_file(w.s.dir_fd[POD_DIR_PREPARED], NOBODY, "", 0, 0640), 0);
        assert_int_equal(pod_open(&w.s, NOBODY, &p, &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void an_open_pod_is_read_wherever_it_moves(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = prepared(&w), reader = POD_NULL;
        enum pod_dir where = POD_DIR_MAX;
        struct stat st;
        struct err e;

        (void)state;
        assert_ok(pod_open(&w.s, p.uuid.text, &reader, &e), &e);
        assert_ok(pod_lock(&w.s, &p, &e), &e);
        assert_int_equal(pod_to_run(&w.s, &p, &e), POD_MOVED);
        assert_int_equal(fstatat(reader.fd, "pod", &st, 0), 0);
        assert_int_equal(reader.dir, POD_DIR_PREPARED);
        assert_int_equal(pod_where(&w.s, &reader, &where), 0);
        assert_int_equal(where, POD_DIR_RUN);
}

static void a_handle_finds_a_pod_wherever_it_is_and_disturbs_nobody(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 1), found = POD_NULL, none = POD_NULL;
        AUTO(pod_view_freep) struct pod_view *view = NULL;
        struct err e;

        (void)state;
        assert_ok(pod_find(&w.s, p.uuid.text, POD_DIR_PREPARED, &found, &e), &e);
        assert_int_equal(found.dir, POD_DIR_RUN);
        assert_true(pod_is_there(&w.s, &found));
        assert_int_equal(fcntl(found.fd, F_GETFL) & O_PATH, O_PATH);
        view = pod_view_of(&found, POD_RUNNING, POD_VIEW_ALL);
        assert_null(view->problem);
        assert_int_equal(view->state, POD_RUNNING);
        assert_int_equal(view->n_apps, 1);
        found.dir = POD_DIR_GARBAGE;
        assert_false(pod_is_there(&w.s, &found));
        assert_err(pod_find(&w.s, NOBODY, POD_DIR_RUN, &none, &e), &e, ERR_NOT_FOUND,
                   "no matches found for \"" NOBODY "\"");
        assert_int_equal(pod_find(&w.s, "x", POD_DIR_RUN, &none, &e), -1);
}

/* Two looks, and the pod moved between them: the state must have been true at some time. */
static void a_pod_that_left_prepare_is_not_aborted(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w), reader = POD_NULL;
        struct err e;

        (void)state;
        assert_ok(pod_open(&w.s, p.uuid.text, &reader, &e), &e);
        assert_int_equal(reader.dir, POD_DIR_PREPARE);
        assert_int_equal(pod_to_run(&w.s, &p, &e), POD_MOVED);
        assert_int_equal(flock_release(p.fd), 0);
        assert_int_equal(pod_state_sample(&w.s, &reader), POD_EXITED);
        assert_int_equal(reader.dir, POD_DIR_RUN);
}

static void a_pod_being_deleted_does_not_run(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 0), reader = POD_NULL, gone = POD_NULL;
        struct err e;

        (void)state;
        assert_ok(pod_open(&w.s, p.uuid.text, &reader, &e), &e);
        assert_ok(pod_open(&w.s, p.uuid.text, &gone, &e), &e);
        assert_int_equal(pod_to_exited_garbage(&w.s, &p, &e), POD_MOVED);
        assert_ok(pod_lock(&w.s, &p, &e), &e);
        assert_int_equal(pod_state_sample(&w.s, &reader), POD_EXITED_DELETING);
        assert_int_equal(fs_remove_tree(w.s.dir_fd[POD_DIR_EXITED_GARBAGE], p.uuid.text), 0);
        assert_int_equal(pod_state_sample(&w.s, &gone), POD_EXITED_DELETING);
}

static void a_reader_of_prepared_pods_takes_no_lock(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = prepared(&w), owner = POD_NULL;
        struct err e;

        (void)state;
        assert_ok(pod_open(&w.s, p.uuid.text, &owner, &e), &e);
        assert_int_equal(flock_try_exclusive(owner.fd), 0);
        assert_false(pod_is_locked(&p));
        assert_int_equal(pod_state_sample(&w.s, &p), POD_PREPARED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_missing_store_is_an_empty_one),
                cmocka_unit_test(only_a_uuid_is_looked_for),
                cmocka_unit_test(files_and_symlinks_are_no_pods),
                cmocka_unit_test(an_open_pod_is_read_wherever_it_moves),
                cmocka_unit_test(a_handle_finds_a_pod_wherever_it_is_and_disturbs_nobody),
                cmocka_unit_test(a_pod_that_left_prepare_is_not_aborted),
                cmocka_unit_test(a_pod_being_deleted_does_not_run),
                cmocka_unit_test(a_reader_of_prepared_pods_takes_no_lock),
        };
        return cmocka_run_group_tests_name("pod/store", tests, NULL, NULL);
}
