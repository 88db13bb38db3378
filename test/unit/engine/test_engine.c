/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "engine/engine.h"
#include "pod/view.h"

static void reading_makes_nothing_and_finds_nothing(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_view_list_done) struct pod_view_list list = POD_VIEW_LIST_NULL;
        char path[128];
        struct err e;

        (void)state;
        test_dir_init(&d);
        (void)snprintf(path, sizeof(path), "%s/data", d.path);
        assert_ok(engine_open(&eng, path, ENGINE_READ, &e), &e);
        assert_int_equal(access(path, F_OK), -1);
        assert_ok(pod_view_list(&eng.pods, POD_DIRS_ALL, POD_VIEW_STATE, &list, &e), &e);
        assert_int_equal(list.n, 0);
}

static void writing_makes_the_directories(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        char path[128];
        struct err e;

        (void)state;
        test_dir_init(&d);
        (void)snprintf(path, sizeof(path), "%s/a/data", d.path);
        assert_ok(engine_open(&eng, path, ENGINE_WRITE, &e), &e);
        assert_int_equal(faccessat(d.fd, "a/data/pods/exited-garbage", F_OK, 0), 0);
        assert_ok(engine_images(&eng, &e), &e);
        assert_ok(engine_images(&eng, &e), &e);
        assert_int_equal(faccessat(d.fd, "a/data/images/records", F_OK, 0), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reading_makes_nothing_and_finds_nothing),
                cmocka_unit_test(writing_makes_the_directories),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
