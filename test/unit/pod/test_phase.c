/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/phase.h"
#include "test.h"

struct row {
        enum pod_dir dir;
        bool locked;
        const char *state;
        bool after_run, finished, has_manifest;
};

static const struct row table[] = {
        { POD_DIR_EMBRYO, false, "embryo", false, false, false },
        { POD_DIR_EMBRYO, true, "embryo", false, false, false },
        { POD_DIR_PREPARE, true, "preparing", false, false, false },
        { POD_DIR_PREPARE, false, "aborted prepare", false, true, false },
        { POD_DIR_PREPARED, false, "prepared", false, false, true },
        { POD_DIR_PREPARED, true, "prepared", false, false, true },
        { POD_DIR_RUN, true, "running", false, false, true },
        { POD_DIR_RUN, false, "exited", true, true, true },
        { POD_DIR_EXITED_GARBAGE, false, "exited garbage", true, true, true },
        { POD_DIR_EXITED_GARBAGE, true, "exited deleting", true, true, false },
        { POD_DIR_GARBAGE, false, "garbage", true, true, true },
        { POD_DIR_GARBAGE, true, "deleting", true, true, false },
};

static void directory_and_lock_are_the_state(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                enum pod_state s = pod_state_of(table[i].dir, table[i].locked);

                assert_string_equal(pod_state_name(s), table[i].state);
                assert_int_equal(pod_state_is_after_run(s), table[i].after_run);
                assert_int_equal(pod_state_is_finished(s), table[i].finished);
                assert_int_equal(pod_state_has_manifest(s), table[i].has_manifest);
        }
}

static void directories_are_named_as_in_rkt(void **state)
{
        (void)state;
        assert_string_equal(pod_dir_name(POD_DIR_EMBRYO), "embryo");
        assert_string_equal(pod_dir_name(POD_DIR_EXITED_GARBAGE), "exited-garbage");
        assert_int_equal(POD_DIRS_ALL, 63);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(directory_and_lock_are_the_state),
                cmocka_unit_test(directories_are_named_as_in_rkt),
        };
        return cmocka_run_group_tests_name("pod/phase", tests, NULL, NULL);
}
