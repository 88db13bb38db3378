/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#include "util/limits.h"

static void a_transaction_that_is_dropped_leaves_nothing(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        struct image_txn *t = NULL;
        char layer[IMAGE_LAYER_NAME_MAX];
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(image_txn_begin(&t, f.store, 0, &e), &e);
        txn_add_layer(t, 'a', "x/y/ x/y/z", layer);
        assert_ok(image_txn_add_blob(t, digest_of_char('b'), "x", 1, &e), &e);
        assert_int_equal(count_in(f.store->tmp_fd), 1);
        t = image_txn_free(t);
        assert_int_equal(count_in(f.store->tmp_fd), 0);
        assert_int_equal(count_in(f.store->layers_fd), 0);
        assert_int_equal(count_in(f.store->blobs_fd), 0);
        assert_int_equal(count_in(f.store->records_fd), 0);
}

static void the_next_transaction_reaps_the_dead_and_spares_the_living(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_txn_freep) struct image_txn *one = NULL, *two = NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_int_equal(fs_mkdirs(f.store->tmp_fd, "dead/l0/fs/bin", 0755), 0);
        assert_ok(image_txn_begin(&one, f.store, 0, &e), &e);
        assert_ok(image_txn_begin(&two, f.store, 0, &e), &e);
        assert_int_equal(count_in(f.store->tmp_fd), 2);
        assert_int_equal(faccessat(f.store->tmp_fd, "dead", F_OK, 0), -1);
}

static void a_removal_makes_beginning_fail_with_busy(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO_CLOSE int lock = -1;
        struct image_txn *t = NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(image_store_lock(f.store, IMAGE_LOCK_EXCLUSIVE, 0, &lock, &e), &e);
        assert_int_equal(image_txn_begin(&t, f.store, 0, &e), -1);
        assert_int_equal(e.kind, ERR_BUSY);
        assert_null(t);
}

static void a_layer_of_this_transaction_is_found_again(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_txn_freep) struct image_txn *t = NULL;
        char one[IMAGE_LAYER_NAME_MAX], two[IMAGE_LAYER_NAME_MAX] = "";
        bool found = false;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(image_txn_begin(&t, f.store, 0, &e), &e);
        assert_ok(image_txn_find_layer(t, digest_of_char('a'), &found, two, &e), &e);
        assert_false(found);
        txn_add_layer(t, 'a', "f", one);
        assert_ok(image_txn_find_layer(t, digest_of_char('a'), &found, two, &e), &e);
        assert_true(found);
        assert_string_equal(one, two);
}

static void wrong_tokens_and_digests_are_refused(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_txn_freep) struct image_txn *t = NULL;
        char layer[IMAGE_LAYER_NAME_MAX];
        AUTO_CLOSE int fs = -1;
        unsigned token;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(image_txn_begin(&t, f.store, 0, &e), &e);
        assert_err(image_txn_finish_layer(t, 0, digest_of_char('a'), 1, layer, &e), &e, ERR_USAGE,
                   "layer 0 is not a staged one");
        assert_ok(image_txn_stage_layer(t, &fs, &token, &e), &e);
        assert_err(image_txn_finish_layer(t, token, "../x", 1, layer, &e), &e, ERR_BAD_DATA,
                   "not a digest: \"../x\"");
        assert_ok(image_txn_finish_layer(t, token, digest_of_char('a'), 1, layer, &e), &e);
        assert_int_equal(image_txn_finish_layer(t, token, digest_of_char('a'), 1, layer, &e), -1);
        assert_err(image_txn_add_blob(t, "sha256:../../x", "x", 1, &e), &e, ERR_BAD_DATA,
                   "not a sha256 digest: \"sha256:../../x\"");
}

static void layers_over_the_limit_are_refused(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_txn_freep) struct image_txn *t = NULL;
        unsigned token;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(image_txn_begin(&t, f.store, 0, &e), &e);
        for (unsigned i = 0; i < LIMIT_IMAGE_LAYERS; i++) {
                AUTO_CLOSE int fs = -1;

                assert_ok(image_txn_stage_layer(t, &fs, &token, &e), &e);
        }
        {
                int fs = -1;

                assert_err(image_txn_stage_layer(t, &fs, &token, &e), &e, ERR_LIMIT,
                           "image has more than 500 layers");
        }
}

static void an_image_is_there_only_while_all_its_parts_are(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_txn_freep) struct image_txn *t = NULL;
        AUTO_FREE char *manifest = xasprintf("%s/manifest", id_of('a'));
        bool there = false;
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a', .layers = "ab", .manifest_digest = digest_of_char('c'));
        assert_ok(image_txn_begin(&t, f.store, 0, &e), &e);
        assert_ok(image_txn_has_image(t, id_of('b'), &there, &e), &e);
        assert_false(there);
        assert_ok(image_txn_has_image(t, id_of('a'), &there, &e), &e);
        assert_true(there);
        assert_int_equal(unlinkat(f.store->blobs_fd, digest_of_char('c') + 7, 0), 0);
        assert_ok(image_txn_has_image(t, id_of('a'), &there, &e), &e);
        assert_false(there);
        assert_int_equal(fs_touch(f.store->blobs_fd, digest_of_char('c') + 7, 0600), 0);
        assert_int_equal(fs_write_file(f.store->records_fd, manifest, "{", 1, 0640), 0);
        assert_ok(image_txn_has_image(t, id_of('a'), &there, &e), &e);
        assert_false(there);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_transaction_that_is_dropped_leaves_nothing),
                cmocka_unit_test(the_next_transaction_reaps_the_dead_and_spares_the_living),
                cmocka_unit_test(a_removal_makes_beginning_fail_with_busy),
                cmocka_unit_test(a_layer_of_this_transaction_is_found_again),
                cmocka_unit_test(wrong_tokens_and_digests_are_refused),
                cmocka_unit_test(layers_over_the_limit_are_refused),
                cmocka_unit_test(an_image_is_there_only_while_all_its_parts_are),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
