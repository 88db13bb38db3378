/* SPDX-License-Identifier: Apache-2.0 */
/* Overlay mounts for real. */
#include "sandbox.h"

#include <sys/mount.h>

#include "layers.h"
#include "util/limits.h"

struct fixture {
        struct test_dir dir;
        int app_fd;
        char *target; /* owned */
};

static void fixture_init(struct fixture *f)
{
        test_dir_init(&f->dir);
        assert_int_equal(fs_mkdir(f->dir.fd, "app", 0755), 0);
        assert_int_equal(fs_mkdir(f->dir.fd, "target", 0755), 0);
        f->app_fd = fs_open_dir(f->dir.fd, "app");
        f->target = xasprintf("%s/target", f->dir.path);
        assert_int_equal(runtime_rootfs_overlay_init(f->app_fd), 0);
}

static void fixture_done(struct fixture *f)
{
        (void)umount2(f->target, MNT_DETACH);
        closep(&f->app_fd);
        free(f->target);
        test_dir_done(&f->dir);
}

static int mount_it(struct fixture *f, char *const *layers, size_t n, struct err *e)
{
        struct runtime_overlay o = {
                .layers_fd = f->dir.fd, .layers = layers, .n_layers = n, .app_fd = f->app_fd
        };

        return runtime_rootfs_overlay_mount(&o, f->target, e);
}

static void layers_are_merged_and_writes_go_to_the_upper(void **state)
{
        AUTO(fixture_done) struct fixture f;
        char *three[] = { "3", "2", "1", NULL };
        AUTO_CLOSE int root = -1;
        char before[4096], after[4096];
        struct err e;

        (void)state;
        fixture_init(&f);
        layers_make(f.dir.fd);
        assert_non_null(getcwd(before, sizeof(before)));
        assert_ok(mount_it(&f, three, 3, &e), &e);
        assert_non_null(getcwd(after, sizeof(after)));
        assert_string_equal(before, after);
        root = fs_open_dir_path(f.target);
        layers_check(root);
        assert_int_equal(fs_write_file(root, "new", "x", 1, 0644), 0);
        assert_text(f.app_fd, "upper/new", "x");
        assert_absent(f.dir.fd, "3/fs/new");
}

static void as_many_layers_as_an_image_may_have_fit(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(strv_done) struct strv names = STRV_NULL;
        AUTO_CLOSE int root = -1;
        struct err e;

        (void)state;
        fixture_init(&f);
        for (unsigned i = 0; i < 200; i++) {
                AUTO_FREE char *file = xasprintf("f%u", i);

                strv_addf(&names, "%u", i + 1);
                layer_file(f.dir.fd, names.v[i], file, file);
        }
        assert_ok(mount_it(&f, names.v, names.n, &e), &e);
        root = fs_open_dir_path(f.target);
        assert_text(root, "f0", "f0");
        assert_text(root, "f199", "f199");
}

/* Its options in mountinfo. */
static bool has_mount_option(const char *target, const char *option)
{
        AUTO_FILE FILE *f = fopen("/proc/self/mountinfo", "re");
        char line[65536];

        while (f && fgets(line, sizeof(line), f))
                if (strstr(line, target) && strstr(line, option))
                        return true;
        return false;
}

static void the_root_is_volatile_unless_it_is_to_be_durable(void **state)
{
        AUTO(fixture_done) struct fixture f;
        char *one[] = { "1", NULL };
        struct runtime_overlay o = { .layers = one, .n_layers = 1, .durable = true };
        struct err e;

        (void)state;
        fixture_init(&f);
        layer_file(f.dir.fd, "1", "x", "");
        o.layers_fd = f.dir.fd;
        o.app_fd = f.app_fd;
        assert_ok(runtime_rootfs_overlay_mount(&o, f.target, &e), &e);
        assert_false(has_mount_option(f.target, "volatile"));
        assert_true(has_mount_option(f.target, "redirect_dir=nofollow"));
        assert_int_equal(umount2(f.target, 0), 0);
        o.durable = false;
        assert_ok(runtime_rootfs_overlay_mount(&o, f.target, &e), &e);
        assert_true(has_mount_option(f.target, "volatile"));
}

static void a_missing_layer_is_named(void **state)
{
        AUTO(fixture_done) struct fixture f;
        char *two[] = { "1", "77", NULL };
        struct err e;

        (void)state;
        fixture_init(&f);
        layer_file(f.dir.fd, "1", "x", "");
        assert_int_equal(mount_it(&f, two, 2, &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void counts_and_names_out_of_bounds_are_refused(void **state)
{
        AUTO(fixture_done) struct fixture f;
        char *bad[] = { "../1", NULL };
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_err(mount_it(&f, bad, 0, &e), &e, ERR_LIMIT, "an image has 1 to 500 layers, not 0");
        assert_err(mount_it(&f, bad, LIMIT_IMAGE_LAYERS + 1, &e), &e, ERR_LIMIT,
                   "an image has 1 to 500 layers, not 501");
        assert_err(mount_it(&f, bad, 1, &e), &e, ERR_BAD_DATA, "not a layer's name: \"../1\"");
}

static void probe_tells_and_leaves_nothing(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO_CLOSE int proc = fs_open_dir_path("/proc");
        const char *why = NULL;
        AUTO_DIR DIR *dir = NULL;

        (void)state;
        test_dir_init(&d);
        assert_int_equal(runtime_rootfs_overlay_possible(d.fd, &why), 1);
        assert_null(why);
        dir = opendir(d.path);
        while (dir) {
                struct dirent *de = readdir(dir);

                if (!de)
                        break;
                assert_int_equal(de->d_name[0], '.');
                assert_true(strlen(de->d_name) <= 2);
        }
        assert_true(runtime_rootfs_overlay_possible(proc, &why) < 0);
}

static void overlay_is_not_possible_on_overlay(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO_CLOSE int root = -1;
        char *one[] = { "1", NULL };
        const char *why = NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        layer_file(f.dir.fd, "1", "x", "");
        assert_ok(mount_it(&f, one, 1, &e), &e);
        root = fs_open_dir_path(f.target);
        assert_int_equal(runtime_rootfs_overlay_possible(root, &why), 0);
        /* Kernels differ in which of the two they notice. */
        assert_true(strcmp(why, "the file system cannot be an overlay's upper layer") == 0 ||
                    strcmp(why, "the file system has no trusted extended attributes") == 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(layers_are_merged_and_writes_go_to_the_upper),
                cmocka_unit_test(as_many_layers_as_an_image_may_have_fit),
                cmocka_unit_test(the_root_is_volatile_unless_it_is_to_be_durable),
                cmocka_unit_test(a_missing_layer_is_named),
                cmocka_unit_test(counts_and_names_out_of_bounds_are_refused),
                cmocka_unit_test(probe_tells_and_leaves_nothing),
                cmocka_unit_test(overlay_is_not_possible_on_overlay),
        };

        sandbox_require();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
