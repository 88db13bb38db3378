/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "image/from_oci_priv.h"
#include "util/time.h"

/* The app that @config becomes, as JSON text. */
static const char *app_of(const char *config)
{
        static struct buf text = { .max = 4u << 20 };
        AUTO(kv_list_done) struct kv_list annotations = KV_LIST_NULL;
        AUTO_JSON struct json_object *o = NULL, *app = NULL;
        struct err e;

        assert_ok(json_parse(config, strlen(config), 4u << 20, &o, &e), &e);
        assert_ok(image_from_oci_app(o, &annotations, &app, &e), &e);
        buf_reset(&text);
        assert_int_equal(json_print(app, false, &text), 0);
        return buf_str(&text);
}

static void no_configuration_is_an_app_of_root_without_a_command(void **state)
{
        AUTO(kv_list_done) struct kv_list annotations = KV_LIST_NULL;
        AUTO_JSON struct json_object *app = NULL;
        struct err e;

        (void)state;
        assert_ok(image_from_oci_app(NULL, &annotations, &app, &e), &e);
        assert_string_equal(app_of("{}"), "{\"exec\":[],\"user\":\"0\",\"group\":\"0\"}");
        assert_int_equal(annotations.n, 0);
}

static void users_are_split(void **state)
{
        static const char *const rows[][3] = {
                { "", "0", "0" },    { "1000", "1000", "1000" }, { "www", "www", "www" },
                { "u:g", "u", "g" }, { "u:", "u", "u" },         { ":g", "0", "g" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char config[64], want[128];

                (void)snprintf(config, sizeof(config), "{\"User\":\"%s\"}", rows[i][0]);
                (void)snprintf(want, sizeof(want), "{\"exec\":[],\"user\":\"%s\",\"group\":\"%s\"}",
                               rows[i][1], rows[i][2]);
                assert_string_equal(app_of(config), want);
        }
}

static void the_last_of_two_equal_variables_wins_in_the_first_place(void **state)
{
        (void)state;
        assert_string_equal(app_of("{\"Env\":[\"A=1\",\"B=2\",\"A=3\",\"1X=no\",\"=no\"]}"),
                            "{\"exec\":[],\"user\":\"0\",\"group\":\"0\",\"environment\":["
                            "{\"name\":\"A\",\"value\":\"3\"},{\"name\":\"B\",\"value\":\"2\"}]}");
}

static void relative_paths_are_made_absolute_and_dotdot_dropped(void **state)
{
        (void)state;
        assert_string_equal(
                app_of("{\"WorkingDir\":\"srv\",\"Volumes\":{\"d\":{},\"/a/../b\":{},"
                       "\"/..\":{},\"/a..b\":{}}}"),
                "{\"exec\":[],\"user\":\"0\",\"group\":\"0\",\"workingDirectory\":\"/srv\","
                "\"mountPoints\":[{\"name\":\"volume-a-b\",\"path\":\"/a..b\"},"
                "{\"name\":\"volume-d\",\"path\":\"/d\"}]}");
}

static void port_ranges_become_counts(void **state)
{
        (void)state;
        assert_string_equal(
                app_of("{\"ExposedPorts\":{\"8000-8010/tcp\":{},\"0/"
                       "tcp\":{},\"65536\":{},\"9-8\":{},"
                       "\"5/TCP\":{},\"7/\":{}}}"),
                "{\"exec\":[],\"user\":\"0\",\"group\":\"0\",\"ports\":[{\"name\":\"8000-8010-"
                "tcp\","
                "\"protocol\":\"tcp\",\"port\":8000,\"count\":11,\"socketActivated\":false}]}");
}

static void thousands_of_equal_names_do_not_cost_minutes(void **state)
{
        AUTO(buf_done) struct buf b = BUF_NULL(1 << 20);
        nsec start = time_monotonic();

        (void)state;
        (void)buf_puts(&b, "{\"Volumes\":{\"/x\":{}");
        for (unsigned i = 1; i < 4096; i++) { /* all sanitise to "volume-x" or "volume-x-<n>" */
                char bits[16];

                for (unsigned k = 0; k < 12; k++)
                        bits[k] = i >> k & 1 ? 'X' : 'x';
                bits[12] = '\0';
                (void)buf_printf(&b, ",\"/%s\":{}", bits);
        }
        (void)buf_puts(&b, "}}");
        assert_non_null(strstr(app_of(buf_str(&b)), "volume-xxxxxxxxxxxx-4094"));
        assert_true(time_monotonic() - start < 20 * NSEC_PER_SEC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_configuration_is_an_app_of_root_without_a_command),
                cmocka_unit_test(users_are_split),
                cmocka_unit_test(the_last_of_two_equal_variables_wins_in_the_first_place),
                cmocka_unit_test(relative_paths_are_made_absolute_and_dotdot_dropped),
                cmocka_unit_test(port_ranges_become_counts),
                cmocka_unit_test(thousands_of_equal_names_do_not_cost_minutes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
