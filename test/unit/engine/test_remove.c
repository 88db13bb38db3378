/* SPDX-License-Identifier: Apache-2.0 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "pod_maker.h"

#include "engine/remove.h"

static void pods_that_nobody_owns_are_removed_from_any_state(void **state)
{
        static const enum pod_dir dirs[] = { POD_DIR_PREPARE, POD_DIR_PREPARED, POD_DIR_RUN,
                                             POD_DIR_EXITED_GARBAGE, POD_DIR_GARBAGE };
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
                struct uuid pod = make_pod(&eng, dirs[i]);

                assert_ok(engine_rm(&eng, pod.text, &e), &e);
                assert_true(pod_is_gone(&eng, &pod));
                assert_int_equal(engine_rm(&eng, pod.text, &e), -1);
                assert_int_equal(e.kind, ERR_NOT_FOUND);
        }
}

static void owned_pods_are_refused_by_name(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_done) struct pod p = POD_NULL;
        char want[128];
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        assert_ok(pod_create(&eng.pods, &p, &e), &e);
        (void)snprintf(want, sizeof(want), "pod \"%s\" is being prepared", p.uuid.text);
        assert_err(engine_rm(&eng, p.uuid.text, &e), &e, ERR_STATE, want);
        assert_int_equal(pod_to_run(&eng.pods, &p, &e), POD_MOVED);
        (void)snprintf(want, sizeof(want), "pod \"%s\" is currently running", p.uuid.text);
        assert_err(engine_rm(&eng, p.uuid.text, &e), &e, ERR_STATE, want);
}

static void a_pod_that_another_removes_is_busy(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_done) struct pod p = POD_NULL;
        struct uuid pod;
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        pod = make_pod(&eng, POD_DIR_EXITED_GARBAGE);
        assert_ok(pod_open(&eng.pods, pod.text, &p, &e), &e);
        assert_ok(pod_lock(&eng.pods, &p, &e), &e);
        assert_int_equal(engine_rm(&eng, pod.text, &e), -1);
        assert_int_equal(e.kind, ERR_BUSY);
        assert_true(pod_is_in(&eng, &pod, POD_DIR_EXITED_GARBAGE));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pods_that_nobody_owns_are_removed_from_any_state),
                cmocka_unit_test(owned_pods_are_refused_by_name),
                cmocka_unit_test(a_pod_that_another_removes_is_busy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
