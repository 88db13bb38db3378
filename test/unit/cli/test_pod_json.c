/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/pod_json.h"

static void networks_read_as_in_rkts_tables(void **state)
{
        struct pod_network nets[] = {
                { .name = (char[]){ "default" }, .ip4 = (char[]){ "172.16.28.2" } },
                { .name = (char[]){ "six" },
                  .ip4 = (char[]){ "10.0.0.1" },
                  .ip6 = (char[]){ "fd00::1" } },
                { .name = (char[]){ "only6" }, .ip6 = (char[]){ "fd00::2" } },
        };
        const struct pod_view v = { .networks = { .v = nets, .n = 3 } }, none = { 0 };
        AUTO(buf_done) struct buf text = BUF_NULL(POD_TEXT_NETWORKS_MAX), empty = BUF_NULL(16);

        (void)state;
        pod_text_networks(&v, &text);
        assert_string_equal(buf_str(&text),
                            "default:ip4=172.16.28.2, six:ip4=10.0.0.1,ip6=fd00::1, "
                            "only6:ip6=fd00::2");
        pod_text_networks(&none, &empty);
        assert_string_equal(buf_str(&empty), "");
}

static void no_time_is_gos_zero_time(void **state)
{
        char text[TIME_TEXT_MAX];

        (void)state;
        pod_text_time(0, text);
        assert_string_equal(text, "0001-01-01 00:00:00 +0000 UTC");
}

static void members_that_are_not_known_are_left_out(void **state)
{
        struct pod_view_app app = { .name = (char[]){ "a" },
                                    .image_id = (char[]){ "sha512-aa" },
                                    .state = APP_EXITED,
                                    .exit_code = -1,
                                    .started_at = 7 };
        const struct pod_view v = { .uuid = { "00000000-0000-4000-8000-000000000000" },
                                    .state = POD_EXITED,
                                    .pid = -1,
                                    .created_at = 5000000000,
                                    .apps = &app,
                                    .n_apps = 1 };
        struct json_object *o = pod_json(NULL, &v);

        (void)state;
        assert_string_equal(
                json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
                "{\"name\":\"00000000-0000-4000-8000-000000000000\",\"state\":\"exited\","
                "\"app_names\":[\"a\"],\"apps\":[{\"name\":\"a\",\"state\":\"exited\","
                "\"created_at\":5000000000,\"started_at\":7,\"image_id\":\"sha512-aa\"}],"
                "\"created_at\":5}");
        json_object_put(o);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(networks_read_as_in_rkts_tables),
                cmocka_unit_test(no_time_is_gos_zero_time),
                cmocka_unit_test(members_that_are_not_known_are_left_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
