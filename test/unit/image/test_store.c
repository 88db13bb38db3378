/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#include <sys/file.h>

#include "image/store_priv.h"

static void opening_makes_the_layout_and_opening_again_is_fine(void **state)
{
        static const char *const dirs[] = { "images/layers/by-digest", "images/records",
                                            "images/blobs/sha256", "images/tmp" };
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_store_freep) struct image_store *again = NULL;
        struct stat st;
        struct err e;

        (void)state;
        fixture_init(&f);
        for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
                assert_int_equal(fstatat(f.dir.fd, dirs[i], &st, 0), 0);
                assert_int_equal(st.st_mode, S_IFDIR | 0750);
        }
        assert_ok(image_store_open(&again, f.dir.fd, &e), &e);
}

static void new_directories_take_the_group_of_the_data_directory(void **state)
{
        AUTO_TEST_DIR struct test_dir dir = { .fd = -1 };
        AUTO(image_store_freep) struct image_store *s = NULL;
        struct stat st;
        struct err e;

        (void)state;
        if (geteuid() != 0)
                skip();
        test_dir_init(&dir);
        assert_int_equal(fchown(dir.fd, (uid_t)-1, 12345), 0);
        assert_ok(image_store_open(&s, dir.fd, &e), &e);
        assert_int_equal(fstatat(dir.fd, "images/records", &st, 0), 0);
        assert_int_equal(st.st_gid, 12345);
}

static void symlinked_store_directory_is_refused(void **state)
{
        AUTO_TEST_DIR struct test_dir dir = { .fd = -1 };
        struct image_store *s = NULL;
        struct err e;

        (void)state;
        test_dir_init(&dir);
        assert_int_equal(symlinkat("/etc", dir.fd, "images"), 0);
        assert_int_equal(image_store_open(&s, dir.fd, &e), -1);
        assert_null(s);
}

static void shared_locks_meet_and_an_exclusive_one_waits_its_time(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO_CLOSE int one = -1, two = -1, three = -1;
        struct err e;
        nsec start;

        (void)state;
        fixture_init(&f);
        assert_ok(image_store_lock(f.store, IMAGE_LOCK_SHARED, 0, &one, &e), &e);
        assert_ok(image_store_lock(f.store, IMAGE_LOCK_SHARED, 0, &two, &e), &e);
        start = time_monotonic();
        assert_err(image_store_lock(f.store, IMAGE_LOCK_EXCLUSIVE, 20 * NSEC_PER_MSEC, &three, &e),
                   &e, ERR_BUSY,
                   "image store is busy: an import or the preparation of a pod is running; "
                   "try again later");
        assert_true(time_monotonic() - start >= 20 * NSEC_PER_MSEC);
        closep(&one);
        closep(&two);
        assert_ok(image_store_lock(f.store, IMAGE_LOCK_EXCLUSIVE, 0, &three, &e), &e);
        assert_err(image_store_lock(f.store, IMAGE_LOCK_SHARED, 0, &one, &e), &e, ERR_BUSY,
                   "image store is busy: images are being removed; try again later");
}

static void touching_sets_the_time_and_knows_what_is_missing(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO_FREE char *path = xasprintf("images/records/%s/last-used", id_of('a'));
        const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
        struct stat st;
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a');
        assert_int_equal(utimensat(f.dir.fd, path, old, 0), 0);
        assert_ok(image_store_touch(f.store, id_of('a'), &e), &e);
        assert_int_equal(fstatat(f.dir.fd, path, &st, 0), 0);
        assert_true(st.st_mtim.tv_sec > 1000);
        assert_int_equal(image_store_touch(f.store, id_of('b'), &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
        assert_int_equal(image_store_touch(f.store, "../../etc", &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
}

static void digests_become_safe_link_names(void **state)
{
        static const char *const bad[] = {
                "",
                "sha256:",
                "sha256",
                ":0123456789abcdef",
                "../x:0123456789abcdef0123456789abcdef",
                "sha256:0123456789abcdef/../../etc",
                "sha256:0123456789ABCDEF0123456789abcdef",
                "sha256:abcd",
        };
        char link[IMAGE_DIGEST_MAX];

        (void)state;
        assert_int_equal(image_digest_link_name("sha256:0123456789abcdef", link), 0);
        assert_string_equal(link, "sha256-0123456789abcdef");
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(image_digest_link_name(bad[i], link), -EINVAL);
}

static void lookup_trusts_the_layer_not_the_link(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        const char *digest = digest_of_char('a');
        char link[IMAGE_DIGEST_MAX], layer[IMAGE_LAYER_NAME_MAX] = "";

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a');
        add_image(&f, .id = 'b');
        assert_int_equal(image_digest_link_name(digest, link), 0);
        assert_int_equal(image_layer_lookup(f.store, link, digest, layer), 1);
        assert_string_equal(layer, "1");
        assert_int_equal(unlinkat(f.store->digests_fd, link, 0), 0);
        assert_int_equal(image_layer_lookup(f.store, link, digest, layer), 0);
        assert_int_equal(symlinkat("../2", f.store->digests_fd, link), 0);
        assert_int_equal(image_layer_lookup(f.store, link, digest, layer), 0);
        assert_int_equal(unlinkat(f.store->digests_fd, link, 0), 0);
        assert_int_equal(symlinkat("../99", f.store->digests_fd, link), 0);
        assert_int_equal(image_layer_lookup(f.store, link, digest, layer), 0);
        assert_int_equal(unlinkat(f.store->digests_fd, link, 0), 0);
        assert_int_equal(symlinkat("../../../../../etc", f.store->digests_fd, link), 0);
        assert_int_equal(image_layer_lookup(f.store, link, digest, layer), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(opening_makes_the_layout_and_opening_again_is_fine),
                cmocka_unit_test(new_directories_take_the_group_of_the_data_directory),
                cmocka_unit_test(symlinked_store_directory_is_refused),
                cmocka_unit_test(shared_locks_meet_and_an_exclusive_one_waits_its_time),
                cmocka_unit_test(touching_sets_the_time_and_knows_what_is_missing),
                cmocka_unit_test(digests_become_safe_link_names),
                cmocka_unit_test(lookup_trusts_the_layer_not_the_link),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
