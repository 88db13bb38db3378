/* SPDX-License-Identifier: Apache-2.0 */
#include "image_maker.h"

#include "engine/fetch.h"

static void names_and_short_ids_find_the_image(void **state)
{
        static const char *const names[] = { "example.com/app", "example.com/app:1", "app", ID,
                                             "sha512-c9b5" };
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        char id[IMAGE_ID_LEN + 1];
        struct err e;

        (void)state;
        open_with_image(&eng, &d);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                assert_ok(engine_image_find(&eng, names[i], NULL, id, &e), &e);
                assert_string_equal(id, ID);
        }
}

static void networks_are_told_apart_from_mistakes(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(strv_done) struct strv ids = STRV_NULL;
        char id[IMAGE_ID_LEN + 1];
        struct err e;

        (void)state;
        open_with_image(&eng, &d);
        assert_int_equal(engine_image_find(&eng, "docker://busybox", NULL, id, &e), -1);
        assert_int_equal(e.kind, ERR_UNSUPPORTED);
        assert_int_equal(engine_fetch(&eng, "https://example.com/a.aci", NULL, &ids, &e), -1);
        assert_int_equal(e.kind, ERR_UNSUPPORTED);
        assert_int_equal(engine_image_find(&eng, "example.com/none", NULL, id, &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
        assert_int_equal(engine_image_find(&eng, "not a reference", NULL, id, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_and_short_ids_find_the_image),
                cmocka_unit_test(networks_are_told_apart_from_mistakes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
