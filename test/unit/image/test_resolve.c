/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

static void fill_store(struct fixture *f)
{
        fixture_init(f);
        add_image(f, .id = 'a', .name = "registry-1.docker.io/library/busybox", .version = "1.35",
                  .manifest_digest = digest_of_char('1'));
        add_image(f, .id = 'b', .name = "registry-1.docker.io/library/busybox", .version = "1.36");
        add_image(f, .id = 'c', .name = "quay.io/coreos/etcd");
        add_image(f, .id = 'd', .name = "example.com/etcd",
                  .labels = ",{\"name\":\"arch\",\"value\":\"amd64\"}");
        add_image(f, .id = 'e', .name = "etcd-operator", .version = "latest");
}

static void resolves(struct fixture *f, const char *text, char id)
{
        char got[IMAGE_ID_LEN + 1];
        struct err e;

        assert_ok(image_resolve_text(f->dir.fd, text, got, &e), &e);
        assert_string_equal(got, id_of(id));
}

static void fails(struct fixture *f, const char *text, enum err_kind kind, const char *why)
{
        char got[IMAGE_ID_LEN + 1] = "untouched";
        struct err e;

        assert_err(image_resolve_text(f->dir.fd, text, got, &e), &e, kind, why);
        assert_string_equal(got, "untouched");
}

static void ids_may_be_full_short_or_too_long(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO_FREE char *longer = xasprintf("%s0123", id_of('a'));

        (void)state;
        fill_store(&f);
        resolves(&f, id_of('a'), 'a');
        resolves(&f, "sha512-bb", 'b');
        resolves(&f, "sha512-CCCC", 'c');
        resolves(&f, longer, 'a');
        fails(&f, "sha512-12", ERR_NOT_FOUND, "no image IDs found");
}

static void an_id_prefix_of_two_images_is_ambiguous(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO_FREE char *twin = xstrdup(id_of('a'));

        (void)state;
        fill_store(&f);
        twin[IMAGE_ID_LEN - 1] = '0';
        assert_int_equal(mkdirat(f.store->records_fd, twin, 0750), 0);
        fails(&f, "sha512-aaaa", ERR_AMBIGUOUS,
              "ambiguous image ID \"sha512-aaaa\": 2 images match");
        resolves(&f, id_of('a'), 'a');
}

static void names_pick_the_newest_import_that_fits(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };

        (void)state;
        fill_store(&f);
        resolves(&f, "registry-1.docker.io/library/busybox", 'b');
        resolves(&f, "registry-1.docker.io/library/busybox:1.35", 'a');
        resolves(&f, "registry-1.docker.io/library/busybox,version=1.35", 'a');
        resolves(&f, "quay.io/coreos/etcd", 'c');
        resolves(&f, "quay.io/coreos/etcd:latest", 'c');
        resolves(&f, "etcd-operator:latest", 'e');
}

static void the_end_of_a_name_is_enough_when_one_name_fits(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };

        (void)state;
        fill_store(&f);
        resolves(&f, "busybox", 'b');
        resolves(&f, "busybox:1.35", 'a');
        resolves(&f, "library/busybox:1.36", 'b');
        resolves(&f, "coreos/etcd", 'c');
        resolves(&f, "etcd,arch=amd64", 'd');
        fails(&f, "etcd", ERR_AMBIGUOUS,
              "image name \"etcd\" is ambiguous: it may be example.com/etcd, quay.io/coreos/etcd");
}

static void an_equal_name_goes_before_all_ends(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };

        (void)state;
        fill_store(&f);
        add_image(&f, .id = '1', .name = "etcd");
        resolves(&f, "etcd", '1');
}

static void name_again(struct fixture *f, char id, const char *name, const char *version)
{
        AUTO(image_txn_freep) struct image_txn *t = NULL;
        struct err e;

        assert_ok(image_txn_begin(&t, f->store, 0, &e), &e);
        assert_ok(image_txn_add_name(t, id_of(id), name, version, &e), &e);
}

static void an_image_answers_to_all_its_names(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };

        (void)state;
        fill_store(&f);
        name_again(&f, 'a', "example.com/mine", "prod");
        resolves(&f, "example.com/mine:prod", 'a');
        resolves(&f, "mine", 'a');
        resolves(&f, "registry-1.docker.io/library/busybox:1.35", 'a');
        fails(&f, "mine:1.35", ERR_NOT_FOUND,
              "cannot find image satisfying name: \"mine\" and labels: [version=1.35] in the local "
              "store");
}

static void a_name_means_what_was_imported_under_it_last(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };

        (void)state;
        fill_store(&f);
        resolves(&f, "registry-1.docker.io/library/busybox", 'b');
        name_again(&f, 'a', NULL, NULL);
        resolves(&f, "registry-1.docker.io/library/busybox", 'a');
        name_again(&f, 'b', "registry-1.docker.io/library/busybox", "1.35");
        resolves(&f, "busybox:1.35", 'b');
        name_again(&f, 'a', "registry-1.docker.io/library/busybox", "1.35");
        resolves(&f, "busybox:1.35", 'a');
}

static void digests_pin_the_manifest(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO_FREE char *right = xasprintf("busybox@%s", digest_of_char('1'));
        AUTO_FREE char *wrong = xasprintf("busybox@%s", digest_of_char('2'));
        AUTO_FREE char *why =
                xasprintf("cannot find image satisfying name: \"busybox\", digest: %s "
                          "and labels: [] in the local store",
                          digest_of_char('2'));

        (void)state;
        fill_store(&f);
        resolves(&f, right, 'a');
        fails(&f, wrong, ERR_NOT_FOUND, why);
}

static void what_is_not_there_is_said_with_its_labels(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };

        (void)state;
        fill_store(&f);
        fails(&f, "example.com/nope", ERR_NOT_FOUND,
              "cannot find image satisfying name: \"example.com/nope\" and labels: [] in the local "
              "store");
        fails(&f, "busybox:2,arch=arm", ERR_NOT_FOUND,
              "cannot find image satisfying name: \"busybox\" and labels: [version=2, arch=arm] in "
              "the local store");
        fails(&f, "./busybox.aci", ERR_USAGE,
              "\"./busybox.aci\" does not name an image in the store");
}

static void without_a_store_nothing_is_found(void **state)
{
        AUTO_TEST_DIR struct test_dir dir = { .fd = -1 };
        char got[IMAGE_ID_LEN + 1];
        struct err e;

        (void)state;
        test_dir_init(&dir);
        assert_err(image_resolve_text(dir.fd, "sha512-aa", got, &e), &e, ERR_NOT_FOUND,
                   "no image IDs found");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ids_may_be_full_short_or_too_long),
                cmocka_unit_test(an_id_prefix_of_two_images_is_ambiguous),
                cmocka_unit_test(names_pick_the_newest_import_that_fits),
                cmocka_unit_test(the_end_of_a_name_is_enough_when_one_name_fits),
                cmocka_unit_test(an_equal_name_goes_before_all_ends),
                cmocka_unit_test(an_image_answers_to_all_its_names),
                cmocka_unit_test(a_name_means_what_was_imported_under_it_last),
                cmocka_unit_test(digests_pin_the_manifest),
                cmocka_unit_test(what_is_not_there_is_said_with_its_labels),
                cmocka_unit_test(without_a_store_nothing_is_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
