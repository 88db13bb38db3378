/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "engine/config_logs.h"
#include "pod/launch.h"

#define HEAD "{\"carobKind\":\"logs\",\"carobVersion\":\"v1\""

static int parse(const char *text, struct engine_config_logs *ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;

        return engine_config_parse(text, strlen(text), "logs", &o, e) < 0
                       ? -1
                       : engine_config_logs_parse(o, ret, e);
}

static void members_are_taken_or_left_out(void **state)
{
        struct engine_config_logs l;
        struct err e;
        (void)state;

        assert_ok(parse(HEAD "}", &l, &e), &e);
        assert_int_equal(l.max_bytes, -1);
        assert_int_equal(l.max_files, -1);
        assert_int_equal(l.driver, -1);
        assert_ok(
                parse(HEAD ",\"driver\":\"journald\",\"maxSize\":\"32Mi\",\"maxFiles\":7}", &l, &e),
                &e);
        assert_int_equal(l.max_bytes, 32 << 20);
        assert_int_equal(l.max_files, 7);
        assert_int_equal(l.driver, POD_LOG_JOURNALD);
        assert_ok(parse(HEAD ",\"driver\":\"file\",\"maxSize\":2000000,\"maxFiles\":null}", &l, &e),
                  &e);
        assert_int_equal(l.max_bytes, 2000000);
        assert_int_equal(l.max_files, -1);
        assert_int_equal(l.driver, POD_LOG_FILE);
        assert_ok(parse(HEAD ",\"maxSize\":0}", &l, &e), &e);
        assert_int_equal(l.max_bytes, 0);
}

static void what_is_wrong_names_the_member(void **state)
{
        static const struct {
                const char *text, *wrong;
        } cases[] = {
                { ",\"driver\":\"syslog\"}", "driver: \"syslog\" is neither file nor journald" },
                { ",\"maxSize\":\"4k\"}",
                  "maxSize: \"4k\" is no size from 1Mi on (16Mi, 1G), or 0 for no limit" },
                { ",\"maxSize\":4096}",
                  "maxSize: \"4096\" is no size from 1Mi on (16Mi, 1G), or 0 for no limit" },
                { ",\"maxSize\":-1}",
                  "maxSize: \"-1\" is no size from 1Mi on (16Mi, 1G), or 0 for no limit" },
                { ",\"maxSize\":1.5}", "maxSize: neither a number nor a string" },
                { ",\"maxSize\":[]}", "maxSize: neither a number nor a string" },
                { ",\"maxsize\":\"16Mi\"}", "unknown member \"maxsize\"" },
                { ",\"maxFiles\":0}", NULL },
                { ",\"maxFiles\":65}", NULL },
                { ",\"maxFiles\":\"4\"}", NULL },
                { ",\"driver\":1}", NULL },
        };
        (void)state;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct engine_config_logs l;
                char text[200];
                struct err e;

                (void)snprintf(text, sizeof(text), HEAD "%s", cases[i].text);
                assert_int_equal(parse(text, &l, &e), -1);
                assert_int_equal(e.kind, ERR_BAD_DATA);
                if (cases[i].wrong)
                        assert_string_equal(e.text, cases[i].wrong);
                else
                        assert_non_null(
                                strstr(e.text, i == ARRAY_LEN(cases) - 1 ? "driver" : "maxFiles"));
        }
}

static void put(const struct test_dir *d, const char *path, const char *text)
{
        assert_int_equal(fs_write_file(d->fd, path, text, strlen(text), 0644), 0);
}

static void later_directories_win_member_by_member(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        char system[80], local[80], want[200];
        struct engine_config_logs l;
        struct err e;
        (void)state;

        test_dir_init(&d);
        (void)snprintf(system, sizeof(system), "%s/system", d.path);
        (void)snprintf(local, sizeof(local), "%s/local", d.path);
        assert_int_equal(fs_mkdirs(d.fd, "system/logs.d", 0755), 0);
        assert_int_equal(fs_mkdirs(d.fd, "local/logs.d", 0755), 0);
        put(&d, "system/logs.d/z.json", HEAD ",\"driver\":\"journald\",\"maxFiles\":2}");
        put(&d, "local/logs.d/a.json", HEAD ",\"maxFiles\":9}");
        put(&d, "local/logs.d/b.json", HEAD ",\"maxSize\":\"64Mi\"}");
        assert_ok(engine_config_logs_read(&(struct engine_config_dirs){ system, local, NULL }, &l,
                                          &e),
                  &e);
        assert_int_equal(l.driver, POD_LOG_JOURNALD);
        assert_int_equal(l.max_files, 9);
        assert_int_equal(l.max_bytes, 64 << 20);
        put(&d, "local/logs.d/c.json", HEAD ",\"maxFiles\":9}");
        (void)snprintf(want, sizeof(want),
                       "%s/logs.d/c.json: maxFiles: another file of this directory has it too",
                       local);
        assert_err(engine_config_logs_read(&(struct engine_config_dirs){ system, local, NULL }, &l,
                                           &e),
                   &e, ERR_BAD_DATA, want);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(members_are_taken_or_left_out),
                cmocka_unit_test(what_is_wrong_names_the_member),
                cmocka_unit_test(later_directories_win_member_by_member),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
