/* SPDX-License-Identifier: Apache-2.0 */
#include "pod_maker.h"

#include "engine/overlay.h"

/* Whether it works depends on the machine; that a memo of this boot is believed, and another is not, does not. */
static void only_a_memo_of_this_boot_is_believed(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(buf_done) struct buf memo = BUF_NULL(4096);
        bool works;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        assert_int_equal(fs_write_file(d.fd, "overlay-works", "old\n", 4, 0640), 0);
        works = engine_overlay_works(&eng, d.fd);
        assert_int_equal(fs_read_file(d.fd, "overlay-works", &memo), 0);
        assert_int_equal(strcmp(buf_str(&memo), "old\n") != 0, works);
        if (works)
                assert_true(engine_overlay_works(&eng, d.fd));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_a_memo_of_this_boot_is_believed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
