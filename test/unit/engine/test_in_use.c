/* SPDX-License-Identifier: Apache-2.0 */
#include "pod_maker.h"

#include "engine/in_use.h"

#define ID "sha512-c9b59e0400f27f409ee3283de706b87c610bff33f51396bfa86a1c11fde8ea1d"

static void in_use_done(struct image_in_use *u)
{
        strv_done(&u->layers);
        strv_done(&u->images);
}

static void add_app(struct engine *eng, const struct uuid *uuid, const char *layer)
{
        AUTO(pod_done) struct pod p = POD_NULL;
        AUTO_CLOSE int appfd = -1;
        struct app_image image = { .id = (char[]){ ID },
                                   .name = (char[]){ "x" },
                                   .format = APPC_FORMAT_OCI };
        struct err e;

        strv_add(&image.layers, layer);
        assert_ok(pod_open(&eng->pods, uuid->text, &p, &e), &e);
        appfd = pod_app_dir(p.fd, "a", &e);
        assert_true(appfd >= 0);
        assert_ok(pod_write_app_image(appfd, &image, &e), &e);
        strv_done(&image.layers);
}

static void layers_of_pods_in_every_directory_are_in_use(void **state)
{
        static const char *const layers[] = { "1", "2", "3", "4" };
        static const enum pod_dir dirs[] = { POD_DIR_PREPARE, POD_DIR_PREPARED, POD_DIR_RUN,
                                             POD_DIR_EXITED_GARBAGE };
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(in_use_done) struct image_in_use u = { 0 };
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
                struct uuid pod = make_pod(&eng, dirs[i]);

                add_app(&eng, &pod, layers[i]);
        }
        assert_ok(engine_images_in_use(&eng, &u, &e), &e);
        assert_int_equal(u.layers.n, 4);
        assert_true(strv_contains(&u.images, ID));
        for (size_t i = 0; i < ARRAY_LEN(layers); i++)
                assert_true(strv_contains(&u.layers, layers[i]));
}

static void break_image(struct engine *eng, const struct uuid *uuid)
{
        AUTO(pod_done) struct pod p = POD_NULL;
        struct err e;

        add_app(eng, uuid, "1");
        assert_ok(pod_open(&eng->pods, uuid->text, &p, &e), &e);
        assert_int_equal(fs_write_file(p.fd, "appsinfo/a/image.json", "{", 1, 0640), 0);
}

static void a_broken_pod_counts_only_while_it_may_still_run(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(in_use_done) struct image_in_use u = { 0 };
        struct uuid exited, prepared;
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        exited = make_pod(&eng, POD_DIR_EXITED_GARBAGE);
        break_image(&eng, &exited);
        assert_ok(engine_images_in_use(&eng, &u, &e), &e);
        prepared = make_pod(&eng, POD_DIR_PREPARED);
        break_image(&eng, &prepared);
        assert_int_equal(engine_images_in_use(&eng, &u, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_non_null(strstr(e.text, prepared.text));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(layers_of_pods_in_every_directory_are_in_use),
                cmocka_unit_test(a_broken_pod_counts_only_while_it_may_still_run),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
