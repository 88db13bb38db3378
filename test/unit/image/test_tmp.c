/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#include "image/store_priv.h"

static void live_directories_stay_and_dead_ones_go(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        struct image_tmp live = IMAGE_TMP_NULL, dead = IMAGE_TMP_NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(image_tmp_make(f.store, &live, &e), &e);
        assert_ok(image_tmp_make(f.store, &dead, &e), &e);
        assert_int_equal(fs_mkdirs(dead.fd, "a/b/c", 0755), 0);
        assert_int_equal(fs_touch(f.store->tmp_fd, "stray", 0600), 0);
        assert_int_equal(symlinkat("/etc", f.store->tmp_fd, "link"), 0);
        closep(&dead.fd); /* as the kernel does when a process dies */
        assert_int_equal(count_in(f.store->tmp_fd), 4);
        image_tmp_reap(f.store);
        assert_int_equal(count_in(f.store->tmp_fd), 1);
        assert_int_equal(faccessat(f.store->tmp_fd, live.name.text, F_OK, 0), 0);
        image_tmp_drop(f.store, &live);
        assert_int_equal(count_in(f.store->tmp_fd), 0);
        assert_int_equal(access("/etc/passwd", F_OK), 0);
}

static void dropping_nothing_is_fine_and_keeps_errno(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        struct image_tmp none = IMAGE_TMP_NULL;

        (void)state;
        fixture_init(&f);
        errno = EXDEV;
        image_tmp_drop(f.store, &none);
        assert_int_equal(errno, EXDEV);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(live_directories_stay_and_dead_ones_go),
                cmocka_unit_test(dropping_nothing_is_fine_and_keeps_errno),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
