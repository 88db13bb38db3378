/* SPDX-License-Identifier: Apache-2.0 */
#include "pod_maker.h"

#include "engine/launch.h"

/* Beside the test there is no carob-pod, and none is installed where tests run. */
static void without_a_supervisor_the_pod_stays_prepared(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_done) struct pod p = POD_NULL;
        const struct engine_launch l = { .net = POD_NET_NONE, .detach = true };
        struct uuid uuid;
        struct err e;

        (void)state;
        if (access(CAROB_LIBDIR "/carob-pod", F_OK) == 0)
                skip();
        test_dir_init(&d);
        open_engine(&eng, &d);
        uuid = make_pod(&eng, POD_DIR_PREPARED);
        assert_ok(engine_take_prepared(&eng, uuid.text, &p, &e), &e);
        assert_int_equal(engine_launch(&eng, &p, &l, &e), -1);
        assert_int_equal(e.kind, ERR_UNSUPPORTED);
        assert_true(pod_is_in(&eng, &uuid, POD_DIR_PREPARED));
}

static void only_prepared_pods_are_taken(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        struct pod p = POD_NULL;
        struct uuid uuid;
        char want[128];
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        uuid = make_pod(&eng, POD_DIR_RUN);
        (void)snprintf(want, sizeof(want), "pod \"%s\" is not prepared", uuid.text);
        assert_err(engine_take_prepared(&eng, uuid.text, &p, &e), &e, ERR_STATE, want);
        assert_int_equal(engine_take_prepared(&eng, "00000000-0000-4000-8000-000000000000", &p, &e),
                         -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
        assert_int_equal(p.fd, -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_a_supervisor_the_pod_stays_prepared),
                cmocka_unit_test(only_prepared_pods_are_taken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
