/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "supervisor/plan.h"

#define ID             "sha512-0000000000000000000000000000000000000000000000000000000000000000"
#define POD            "{\"acVersion\":\"0.8.11\",\"acKind\":\"PodManifest\",\"apps\":[" /* ... ]} */
#define APP(name, app) "{\"name\":\"" name "\",\"image\":{\"id\":\"" ID "\"}" app "}"
#define EXEC           "\"app\":{\"exec\":[\"/x\"],\"user\":\"0\",\"group\":\"0\"}"

static void put(const struct test_dir *d, const char *name, const char *text)
{
        assert_int_equal(fs_write_file(d->fd, name, text, strlen(text), 0640), 0);
}

static void put_image(const struct test_dir *d)
{
        assert_int_equal(fs_mkdirs(d->fd, "appsinfo/a", 0750), 0);
        put(d, "appsinfo/a/image.json",
            "{\"id\":\"" ID "\",\"name\":\"x\",\"format\":\"oci\",\"layers\":[\"2\",\"1\"],"
            "\"rootfs\":\"overlay\"}");
}

static void app_of_the_pod_comes_first(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(plan_done) struct plan p = PLAN_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        put(&d, "pod", POD APP("a", "," EXEC) "]}");
        put(&d, "launch.json", "{\"net\":\"host\",\"hostname\":\"h\"}");
        put_image(&d);
        assert_ok(plan_read(d.fd, &p, &e), &e);
        assert_int_equal(p.n_apps, 1);
        assert_string_equal(p.apps[0].app->exec.v[0], "/x");
        assert_null(p.apps[0].image_manifest);
        assert_int_equal(p.apps[0].image.layers.n, 2);
        assert_int_equal(p.launch.net, POD_NET_HOST);
        assert_string_equal(p.launch.hostname, "h");
}

static void else_the_app_of_the_image_is_taken(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(plan_done) struct plan p = PLAN_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        put(&d, "pod", POD APP("a", "") "]}");
        put_image(&d);
        put(&d, "appsinfo/a/manifest",
            "{\"acVersion\":\"0.8.11\",\"acKind\":\"ImageManifest\",\"name\":\"x\"," EXEC "}");
        assert_ok(plan_read(d.fd, &p, &e), &e);
        assert_string_equal(p.apps[0].app->exec.v[0], "/x");
        assert_int_equal(p.launch.net, POD_NET_NONE);
}

static void what_is_missing_is_named(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct plan p = PLAN_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_err(plan_read(d.fd, &p, &e), &e, ERR_NOT_FOUND,
                   "read pod: No such file or directory");
        put(&d, "pod", POD "]}");
        assert_err(plan_read(d.fd, &p, &e), &e, ERR_BAD_DATA,
                   "pod manifest: a pod without apps cannot run");
        put(&d, "pod", POD APP("a", "") "]}");
        assert_int_equal(plan_read(d.fd, &p, &e), -1);
        assert_non_null(strstr(e.text, "open appsinfo/a"));
        put_image(&d);
        assert_err(plan_read(d.fd, &p, &e), &e, ERR_NOT_FOUND,
                   "appsinfo/a: read manifest: No such file or directory");
        put(&d, "appsinfo/a/manifest",
            "{\"acVersion\":\"0.8.11\",\"acKind\":\"ImageManifest\",\"name\":\"x\"}");
        assert_err(plan_read(d.fd, &p, &e), &e, ERR_BAD_DATA,
                   "app a: neither pod nor image say what to run");
        assert_null(p.manifest);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(app_of_the_pod_comes_first),
                cmocka_unit_test(else_the_app_of_the_image_is_taken),
                cmocka_unit_test(what_is_missing_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
