/* SPDX-License-Identifier: Apache-2.0 */
#include "image_maker.h"

#include "engine/images.h"

static void images_follow_the_order_of_the_request(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(engine_request_done) struct engine_request r = ENGINE_REQUEST_NULL;
        AUTO(engine_images_resolved_done)
        struct engine_images_resolved images = ENGINE_IMAGES_RESOLVED_NULL;
        struct err e;

        (void)state;
        open_with_image(&eng, &d);
        (void)engine_request_add_app(&r, "app");
        (void)engine_request_add_app(&r, ID);
        assert_ok(engine_images_find(&eng, &r, NULL, &images, &e), &e);
        assert_ok(engine_images_render(&eng, &images, &e), &e);
        assert_int_equal(images.n, 2);
        assert_string_equal(images.v[1].id, ID);
        assert_string_equal(images.v[1].view.parsed->name, "example.com/app");
        assert_int_equal(images.v[1].render.layers.n, 1);
}

static void a_missing_image_of_a_manifest_names_the_app(void **state)
{
        static const char text[] = "{\"acVersion\":\"0.8.11\",\"acKind\":\"PodManifest\",\"apps\":["
                                   "{\"name\":\"x\",\"image\":{\"id\":\"sha512-dead\"}}]}";
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(appc_pod_manifest_freep) struct appc_pod_manifest *pod = NULL;
        AUTO(engine_images_resolved_done)
        struct engine_images_resolved images = ENGINE_IMAGES_RESOLVED_NULL;
        struct err e;

        (void)state;
        open_with_image(&eng, &d);
        assert_ok(appc_pod_manifest_parse(text, sizeof(text) - 1, &pod, &e), &e);
        assert_err(engine_images_of_manifest(&eng, pod, &images, &e), &e, ERR_NOT_FOUND,
                   "app x: image sha512-dead: no image IDs found");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(images_follow_the_order_of_the_request),
                cmocka_unit_test(a_missing_image_of_a_manifest_names_the_app),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
