/* SPDX-License-Identifier: Apache-2.0 */
#include "layers.h"

#include "runtime/rootfs.h"

static char *three[] = { "3", "2", "1", NULL };

/* Whiteouts are device nodes, and opaque marks trusted attributes. */
static void need_root_here(void)
{
        if (geteuid() != 0)
                skip();
}

static void layers_show_as_overlay_shows_them(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO_CLOSE int root = -1, hidden = -1;
        struct err e;

        (void)state;
        need_root_here();
        test_dir_init(&d);
        layers_make(d.fd);
        assert_ok(runtime_rootfs_copy(d.fd, three, 3, d.fd, "root", &e), &e);
        root = fs_open_dir(d.fd, "root");
        layers_check(root);
        hidden = fs_open_dir(root, "hidden");
        assert_true(fgetxattr(hidden, "trusted.overlay.opaque", NULL, 0) < 0);
}

static void hardlinks_stay_links_within_a_layer(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        char *one[] = { "1", NULL };
        struct stat a, b;
        struct err e;

        (void)state;
        need_root_here();
        test_dir_init(&d);
        layer_file(d.fd, "1", "a", "x");
        assert_int_equal(linkat(d.fd, "1/fs/a", d.fd, "1/fs/b", 0), 0);
        assert_ok(runtime_rootfs_copy(d.fd, one, 1, d.fd, "root", &e), &e);
        assert_int_equal(fstatat(d.fd, "root/a", &a, 0), 0);
        assert_int_equal(fstatat(d.fd, "root/b", &b, 0), 0);
        assert_int_equal(a.st_ino, b.st_ino);
        assert_int_equal(a.st_nlink, 2);
}

static void a_symlink_below_is_replaced_not_followed(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        char *two[] = { "2", "1", NULL };
        AUTO_FREE char *outside = NULL;
        struct err e;

        (void)state;
        need_root_here();
        test_dir_init(&d);
        outside = xasprintf("%s/outside", d.path);
        assert_int_equal(mkdir(outside, 0755), 0);
        layer_file(d.fd, "1", "x", "");
        assert_int_equal(symlinkat(outside, d.fd, "1/fs/dir"), 0);
        layer_file(d.fd, "2", "dir/evil", "boo");
        assert_ok(runtime_rootfs_copy(d.fd, two, 2, d.fd, "root", &e), &e);
        assert_text(d.fd, "root/dir/evil", "boo");
        assert_absent(d.fd, "outside/evil");
}

static void a_missing_layer_leaves_nothing(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        char *two[] = { "7", "1", NULL };
        struct err e;

        (void)state;
        need_root_here();
        test_dir_init(&d);
        layer_file(d.fd, "1", "x", "");
        assert_err(runtime_rootfs_copy(d.fd, two, 2, d.fd, "root", &e), &e, ERR_NOT_FOUND,
                   "copy layer 7: No such file or directory");
        assert_absent(d.fd, "root");
}

static void an_existing_directory_is_not_touched(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        char *one[] = { "1", NULL };
        struct err e;

        (void)state;
        test_dir_init(&d);
        layer_file(d.fd, "1", "x", "");
        layer_file(d.fd, "root", "mine", "");
        assert_err(runtime_rootfs_copy(d.fd, one, 1, d.fd, "root", &e), &e, ERR_EXISTS,
                   "make root directory root: File exists");
        assert_text(d.fd, "root/fs/mine", "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(layers_show_as_overlay_shows_them),
                cmocka_unit_test(hardlinks_stay_links_within_a_layer),
                cmocka_unit_test(a_symlink_below_is_replaced_not_followed),
                cmocka_unit_test(a_missing_layer_leaves_nothing),
                cmocka_unit_test(an_existing_directory_is_not_touched),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
