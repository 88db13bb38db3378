/* SPDX-License-Identifier: Apache-2.0 */
#include "appc/app.h"
#include "manifests.h"
#include "util/json.h"

#define FULL                                                                                       \
        "\"exec\":[\"/bin/sh\",\"-c\",\"true\"],"                                                  \
        "\"eventHandlers\":[{\"name\":\"pre-start\",\"exec\":[\"/pre\"]},"                         \
        "{\"name\":\"post-stop\",\"exec\":[\"/post\"]}],"                                          \
        "\"user\":\"www-data\",\"group\":\"33\",\"supplementaryGIDs\":[4,4294967294],"             \
        "\"workingDirectory\":\"/srv\",\"environment\":[{\"name\":\"A\",\"value\":\"1\"}],"        \
        "\"mountPoints\":[{\"name\":\"data\",\"path\":\"/data\",\"readOnly\":true}],"              \
        "\"ports\":[{\"name\":\"http\",\"protocol\":\"tcp\",\"port\":80,\"count\":2,"              \
        "\"socketActivated\":true}],"                                                              \
        "\"isolators\":[{\"name\":\"os/linux/no-new-privileges\",\"value\":true}],"                \
        "\"userAnnotations\":{\"k\":\"v\"},\"userLabels\":{\"l\":\"w\"}"

static void every_member_is_read(void **state)
{
        AUTO(appc_image_manifest_freep)
        struct appc_image_manifest *m = image_of(IMAGE(",\"app\":{" FULL "}"));
        const struct appc_app *app = m->app;

        (void)state;
        assert_int_equal(app->exec.n, 3);
        assert_string_equal(app->pre_start.v[0], "/pre");
        assert_string_equal(app->post_stop.v[0], "/post");
        assert_string_equal(app->user, "www-data");
        assert_string_equal(app->group, "33");
        assert_int_equal(app->n_gids, 2);
        assert_int_equal(app->gids[1], 4294967294u);
        assert_string_equal(app->working_dir, "/srv");
        assert_string_equal(kv_list_get(&app->env, "A"), "1");
        assert_int_equal(app->n_mount_points, 1);
        assert_true(app->mount_points[0].read_only);
        assert_int_equal(app->n_ports, 1);
        assert_int_equal(app->ports[0].count, 2);
        assert_true(app->ports[0].socket_activated);
        assert_true(app->isolators.no_new_privileges);
        assert_string_equal(kv_list_get(&app->user_annotations, "k"), "v");
        assert_string_equal(kv_list_get(&app->user_labels, "l"), "w");
}

static void null_and_absent_members_are_empty(void **state)
{
        AUTO(appc_image_manifest_freep)
        struct appc_image_manifest *m = image_of(
                APP(",\"exec\":null,\"eventHandlers\":null,\"supplementaryGIDs\":null,"
                    "\"environment\":null,\"mountPoints\":null,\"ports\":[],\"isolators\":null,"
                    "\"workingDirectory\":\"\",\"userLabels\":null,\"unheard-of\":[{}]"));

        (void)state;
        assert_int_equal(m->app->exec.n, 0);
        assert_int_equal(m->app->n_gids, 0);
        assert_int_equal(m->app->n_ports, 0);
        assert_null(m->app->working_dir);
}

static void a_copy_and_a_print_say_the_same(void **state)
{
        AUTO(appc_image_manifest_freep)
        struct appc_image_manifest *m = image_of(IMAGE(",\"app\":{" FULL "}"));
        AUTO(appc_app_freep) struct appc_app *copy = appc_app_dup(m->app);
        AUTO_JSON struct json_object *json = appc_app_to_json(copy);
        AUTO(buf_done) struct buf out = BUF_NULL(4096);

        (void)state;
        assert_int_equal(json_print(json, false, &out), 0);
        assert_string_equal(buf_str(&out), "{" FULL "}");
}

static void a_new_app_is_root_and_prints_little(void **state)
{
        AUTO(appc_app_freep) struct appc_app *app = appc_app_new();
        AUTO_JSON struct json_object *json = appc_app_to_json(app);

        (void)state;
        assert_string_equal(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
                            "{\"exec\":[],\"user\":\"0\",\"group\":\"0\"}");
}

static void port_ranges_may_end_at_the_last_port(void **state)
{
        AUTO(appc_image_manifest_freep)
        struct appc_image_manifest *m =
                image_of(APP(",\"ports\":[{\"name\":\"a\",\"port\":65535,\"count\":1},"
                             "{\"name\":\"b\",\"port\":1,\"count\":0}]"));

        (void)state;
        assert_int_equal(m->app->ports[0].port, 65535);
        assert_string_equal(m->app->ports[0].protocol, "tcp");
        assert_int_equal(m->app->ports[1].count, 1);
}

static void broken_members_are_named(void **state)
{
        static const struct bad_row rows[] = {
                { IMAGE(",\"app\":{\"group\":\"0\"}"), ERR_BAD_DATA, "app.user: is missing" },
                { IMAGE(",\"app\":{\"user\":\"\",\"group\":\"0\"}"), ERR_BAD_DATA,
                  "app.user: \"\" must not be empty" },
                { IMAGE(",\"app\":[]"), ERR_BAD_DATA, "app: must be an object, not an array" },
                { APP(",\"exec\":[\"a\",1]"), ERR_BAD_DATA,
                  "app.exec[1]: must be a string, not an integer" },
                { APP(",\"exec\":[\"a\\u0000b\"]"), ERR_BAD_DATA,
                  "app.exec[0]: holds a NUL character" },
                { APP(",\"eventHandlers\":[{\"name\":\"lunch\"}]"), ERR_BAD_DATA,
                  "app.eventHandlers[0].name: \"lunch\" is no event" },
                { APP(",\"eventHandlers\":[{\"name\":\"pre-start\"},{\"name\":\"pre-start\"}]"),
                  ERR_BAD_DATA, "app.eventHandlers[1].name: \"pre-start\" is there twice" },
                { APP(",\"supplementaryGIDs\":[4294967295]"), ERR_BAD_DATA,
                  "app.supplementaryGIDs[0]: 4294967295 is no group id" },
                { APP(",\"supplementaryGIDs\":[-1]"), ERR_BAD_DATA,
                  "app.supplementaryGIDs[0]: -1 is no group id" },
                { APP(",\"workingDirectory\":\"srv\""), ERR_BAD_DATA,
                  "app.workingDirectory: \"srv\" is not an absolute path" },
                { APP(",\"environment\":[{\"name\":\"A=B\"}]"), ERR_BAD_DATA,
                  "app.environment[0].name: \"A=B\" is no name of an environment variable" },
                { APP(",\"environment\":[{\"name\":\"A\"},{\"name\":\"B\"},{\"name\":\"A\"}]"),
                  ERR_BAD_DATA, "app.environment: \"A\" is there twice" },
                { APP(",\"environment\":[{\"name\":\"A\",\"value\":1}]"), ERR_BAD_DATA,
                  "app.environment[0].value: must be a string, not an integer" },
                { APP(",\"mountPoints\":[{\"name\":\"a\",\"path\":\"b\"}]"), ERR_BAD_DATA,
                  "app.mountPoints[0].path: \"b\" is not an absolute path" },
                { APP(",\"mountPoints\":[{\"name\":\"../a\",\"path\":\"/b\"}]"), ERR_BAD_DATA,
                  "app.mountPoints[0].name: \"../a\" is not an AC Name" },
                { APP(",\"ports\":[{\"name\":\"a\",\"port\":0}]"), ERR_BAD_DATA,
                  "app.ports[0].port: 0 is outside 1 to 65535" },
                { APP(",\"ports\":[{\"name\":\"a\"}]"), ERR_BAD_DATA,
                  "app.ports[0].port: is missing" },
                { APP(",\"ports\":[{\"name\":\"a\",\"port\":65535,\"count\":2}]"), ERR_BAD_DATA,
                  "app.ports[0].count: 2 ports from 65535 on are too many" },
                { APP(",\"ports\":[{\"name\":\"a\",\"port\":80.5}]"), ERR_BAD_DATA,
                  "app.ports[0].port: must be an integer, not a fraction" },
                { APP(",\"userLabels\":{\"a\":1}"), ERR_BAD_DATA,
                  "app.userLabels.a: must be a string, not an integer" },
        };

        (void)state;
        refuse_images(rows, ARRAY_LEN(rows));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_member_is_read),
                cmocka_unit_test(null_and_absent_members_are_empty),
                cmocka_unit_test(a_copy_and_a_print_say_the_same),
                cmocka_unit_test(a_new_app_is_root_and_prints_little),
                cmocka_unit_test(port_ranges_may_end_at_the_last_port),
                cmocka_unit_test(broken_members_are_named),
        };
        return cmocka_run_group_tests_name("appc/app", tests, NULL, NULL);
}
