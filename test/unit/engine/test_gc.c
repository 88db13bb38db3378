/* SPDX-License-Identifier: Apache-2.0 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "pod_maker.h"

#include "engine/gc.h"

static size_t notes[ENGINE_GC_FAILED + 1];

static void count(void *arg, enum engine_gc_what what, const char *uuid, const char *text)
{
        (void)arg;
        (void)uuid;
        (void)text;
        notes[what]++;
}

static void run_gc(struct engine *eng, nsec later, bool mark_only)
{
        const struct engine_gc gc = {
                .now = time_now() + later,
                .grace = 30 * 60 * NSEC_PER_SEC,
                .expire_prepared = 24 * 3600 * NSEC_PER_SEC,
                .mark_only = mark_only,
                .note = count,
        };
        size_t failed;
        struct err e;

        memset(notes, 0, sizeof(notes));
        assert_ok(engine_gc(eng, &gc, &failed, &e), &e);
        assert_int_equal(failed, 0);
}

static void exited_pods_wait_out_their_grace(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        struct uuid pod;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        pod = make_pod(&eng, POD_DIR_RUN);
        run_gc(&eng, 0, false);
        assert_true(pod_is_in(&eng, &pod, POD_DIR_EXITED_GARBAGE));
        assert_int_equal(notes[ENGINE_GC_MARKED], 1);
        assert_int_equal(notes[ENGINE_GC_KEPT], 1);
        run_gc(&eng, 31 * 60 * NSEC_PER_SEC, false);
        assert_true(pod_is_gone(&eng, &pod));
        assert_int_equal(notes[ENGINE_GC_REMOVED], 1);
}

static void aborted_and_expired_pods_go_at_once(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        struct uuid aborted, prepared;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        aborted = make_pod(&eng, POD_DIR_PREPARE);
        prepared = make_pod(&eng, POD_DIR_PREPARED);
        run_gc(&eng, 0, false);
        assert_true(pod_is_gone(&eng, &aborted));
        assert_true(pod_is_in(&eng, &prepared, POD_DIR_PREPARED));
        run_gc(&eng, 25 * 3600 * NSEC_PER_SEC, false);
        assert_true(pod_is_gone(&eng, &prepared));
}

static void mark_only_deletes_nothing(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        struct uuid aborted, exited, prepared;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        aborted = make_pod(&eng, POD_DIR_PREPARE);
        exited = make_pod(&eng, POD_DIR_RUN);
        prepared = make_pod(&eng, POD_DIR_PREPARED);
        run_gc(&eng, 48 * 3600 * NSEC_PER_SEC, true);
        assert_true(pod_is_in(&eng, &aborted, POD_DIR_GARBAGE));
        assert_true(pod_is_in(&eng, &exited, POD_DIR_EXITED_GARBAGE));
        assert_true(pod_is_in(&eng, &prepared, POD_DIR_PREPARED));
}

static void owned_pods_are_left_alone(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_done) struct pod running = POD_NULL, preparing = POD_NULL, deleting = POD_NULL;
        struct uuid garbage;
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        assert_ok(pod_create(&eng.pods, &running, &e), &e);
        assert_int_equal(pod_to_run(&eng.pods, &running, &e), POD_MOVED);
        assert_ok(pod_create(&eng.pods, &preparing, &e), &e);
        garbage = make_pod(&eng, POD_DIR_GARBAGE);
        assert_ok(pod_open(&eng.pods, garbage.text, &deleting, &e), &e);
        assert_ok(pod_lock(&eng.pods, &deleting, &e), &e);
        run_gc(&eng, 48 * 3600 * NSEC_PER_SEC, false);
        assert_true(pod_is_in(&eng, &running.uuid, POD_DIR_RUN));
        assert_true(pod_is_in(&eng, &preparing.uuid, POD_DIR_PREPARE));
        assert_true(pod_is_in(&eng, &garbage, POD_DIR_GARBAGE));
        assert_int_equal(notes[ENGINE_GC_SKIPPED], 1);
}

static void an_embryo_goes_only_when_it_is_old(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        struct uuid uuid;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        uuid_generate(&uuid);
        assert_int_equal(mkdirat(eng.pods.dir_fd[POD_DIR_EMBRYO], uuid.text, 0750), 0);
        run_gc(&eng, 0, false);
        assert_true(pod_is_in(&eng, &uuid, POD_DIR_EMBRYO));
        run_gc(&eng, 61 * NSEC_PER_SEC, false);
        assert_true(pod_is_gone(&eng, &uuid));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(exited_pods_wait_out_their_grace),
                cmocka_unit_test(aborted_and_expired_pods_go_at_once),
                cmocka_unit_test(mark_only_deletes_nothing),
                cmocka_unit_test(owned_pods_are_left_alone),
                cmocka_unit_test(an_embryo_goes_only_when_it_is_old),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
