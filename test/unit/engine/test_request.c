/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "engine/request.h"
#include "util/mem.h"

static void a_new_app_changes_nothing_of_its_image(void **state)
{
        AUTO(engine_request_done) struct engine_request r = ENGINE_REQUEST_NULL;
        const struct engine_app *a;

        (void)state;
        for (int i = 0; i < 100; i++)
                (void)engine_request_add_app(&r, "example.com/x");
        a = &r.apps[99];
        assert_string_equal(a->image, "example.com/x");
        assert_null(a->exec);
        assert_int_equal(a->isolators.memory_limit, -1);
        assert_int_equal(a->isolators.caps_mode, APPC_SET_NONE);
}

static void a_volume_is_taken_over(void **state)
{
        AUTO(engine_request_done) struct engine_request r = ENGINE_REQUEST_NULL;
        struct appc_volume v = { .name = xstrdup("v"), .source = xstrdup("/s") };

        (void)state;
        engine_request_add_volume_consume(&r, &v);
        assert_null(v.name);
        assert_string_equal(r.volumes[0].source, "/s");
}

static void done_leaves_an_empty_request(void **state)
{
        struct engine_request r = ENGINE_REQUEST_NULL;

        (void)state;
        engine_mounts_add(&r.mounts, "v", "/p");
        engine_mounts_add(&engine_request_add_app(&r, "x")->mounts, "v", "/p");
        engine_request_done(&r);
        assert_int_equal(r.n_apps, 0);
        assert_null(r.mounts.v);
        engine_request_done(&r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_new_app_changes_nothing_of_its_image),
                cmocka_unit_test(a_volume_is_taken_over),
                cmocka_unit_test(done_leaves_an_empty_request),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
