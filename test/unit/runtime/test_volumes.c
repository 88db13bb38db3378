/* SPDX-License-Identifier: Apache-2.0 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "test.h"

#include "appc/pod_manifest.h"
#include "runtime/spec.h"
#include "util/mem.h"

#define HASH "sha512-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define POD(app_rest, volumes)                                                                     \
        "{\"acVersion\":\"0.8.11\",\"acKind\":\"PodManifest\",\"apps\":[{\"name\":\"web\","        \
        "\"image\":{\"id\":\"" HASH "\"}" app_rest "}],\"volumes\":[" volumes "]}"

static struct appc_pod_manifest *pod(const char *text)
{
        struct appc_pod_manifest *m = NULL;
        struct err e;

        assert_ok(appc_pod_manifest_parse(text, strlen(text), &m, &e), &e);
        return m;
}

static struct appc_app *app_with_points(size_t n, const char *const points[][2])
{
        struct appc_app *app = appc_app_new();

        app->mount_points = xcalloc(n + 1, sizeof(*app->mount_points));
        app->n_mount_points = n;
        for (size_t i = 0; i < n; i++) {
                app->mount_points[i].name = xstrdup(points[i][0]);
                app->mount_points[i].path = xstrdup(points[i][1]);
        }
        return app;
}

static void points_are_satisfied_by_mount_then_name_then_an_empty_volume(void **state)
{
        static const char *const points[][2] = { { "data", "/data" },
                                                 { "conf", "/conf" },
                                                 { "tmp", "/t" } };
        AUTO(appc_pod_manifest_freep)
        struct appc_pod_manifest *m = pod(POD(
                ",\"mounts\":[{\"volume\":\"other\",\"path\":\"conf\"},"
                "{\"volume\":\"data\",\"path\":\"/more\"}]",
                "{\"name\":\"data\",\"kind\":\"host\",\"source\":\"/etc\",\"readOnly\":true},"
                "{\"name\":\"conf\",\"kind\":\"empty\"},{\"name\":\"other\",\"kind\":\"empty\"}"));
        AUTO(appc_app_freep) struct appc_app *app = app_with_points(3, points);
        AUTO(runtime_binds_done) struct runtime_binds b = RUNTIME_BINDS_NULL;
        struct err e;

        (void)state;
        assert_ok(runtime_volumes_resolve(m, &m->apps[0], app, "/v", &b, &e), &e);
        assert_int_equal(b.n, 4);
        assert_string_equal(b.v[0].target, "/conf");
        assert_string_equal(b.v[0].source, "/v/other");
        assert_false(b.v[0].read_only);
        assert_string_equal(b.v[1].target, "/data");
        assert_string_equal(b.v[1].source, "/etc");
        assert_true(b.v[1].read_only);
        assert_string_equal(b.v[2].target, "/more");
        assert_string_equal(b.v[2].source, "/etc");
        assert_string_equal(b.v[3].target, "/t");
        assert_string_equal(b.v[3].source, "/v/_web-tmp");
}

static void empty_volumes_get_their_mode_and_owner_once(void **state)
{
        static const char *const points[][2] = { { "data", "/data" }, { "own", "/own" } };
        AUTO(appc_pod_manifest_freep)
        struct appc_pod_manifest *m = pod(POD(
                "",
                "{\"name\":\"data\",\"kind\":\"empty\",\"mode\":\"0700\",\"uid\":5,\"gid\":6}"));
        AUTO(appc_app_freep) struct appc_app *app = app_with_points(2, points);
        AUTO_TEST_DIR struct test_dir d;
        struct stat st;
        struct err e;

        (void)state;
        if (geteuid() != 0)
                skip();
        test_dir_init(&d);
        assert_ok(runtime_volumes_create(m, &m->apps[0], app, d.fd, &e), &e);
        assert_int_equal(fstatat(d.fd, "data", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(st.st_uid, 5);
        assert_int_equal(st.st_gid, 6);
        assert_int_equal(fstatat(d.fd, "_web-own", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0755);
        /* a second app of the pod that shares it */
        assert_int_equal(fchownat(d.fd, "data", 1, 1, 0), 0);
        assert_ok(runtime_volumes_create(m, &m->apps[0], app, d.fd, &e), &e);
        assert_int_equal(fstatat(d.fd, "data", &st, 0), 0);
        assert_int_equal(st.st_uid, 1);
}

static void an_apps_own_volume_starts_as_the_images_directory(void **state)
{
        static const char *const points[][2] = { { "data", "/data" },
                                                 { "own", "/srv/own" },
                                                 { "new", "/n" } };
        AUTO(appc_pod_manifest_freep)
        struct appc_pod_manifest *m = pod(POD("", "{\"name\":\"data\",\"kind\":\"empty\"}"));
        AUTO(appc_app_freep) struct appc_app *app = app_with_points(3, points);
        AUTO_TEST_DIR struct test_dir root, volumes;
        AUTO(buf_done) struct buf text = BUF_NULL(64);
        struct stat st;
        struct err e;

        (void)state;
        if (geteuid() != 0)
                skip();
        test_dir_init(&root);
        test_dir_init(&volumes);
        assert_int_equal(fs_mkdirs(root.fd, "srv/own/sub", 0755), 0);
        assert_int_equal(fs_mkdirs(root.fd, "data", 0755), 0);
        assert_int_equal(fs_write_file(root.fd, "srv/own/sub/f", "x", 1, 0600), 0);
        assert_int_equal(fs_write_file(root.fd, "data/f", "x", 1, 0600), 0);
        assert_int_equal(fchmodat(root.fd, "srv/own", 01770, 0), 0);
        assert_int_equal(fchownat(root.fd, "srv/own", 5, 6, 0), 0);
        assert_ok(runtime_volumes_create(m, &m->apps[0], app, volumes.fd, &e), &e);
        assert_ok(runtime_volumes_populate(m, &m->apps[0], app, volumes.fd, root.fd, &e), &e);
        assert_int_equal(fstatat(volumes.fd, "_web-own", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 01770);
        assert_int_equal(st.st_uid, 5);
        assert_int_equal(fs_read_file(volumes.fd, "_web-own/sub/f", &text), 0);
        /* a volume of the pod is empty, as its manifest says */
        assert_int_equal(fstatat(volumes.fd, "data/f", &st, 0), -1);
        /* what is there stays */
        assert_int_equal(fs_write_file(volumes.fd, "_web-own/sub/f", "changed", 7, 0600), 0);
        assert_ok(runtime_volumes_populate(m, &m->apps[0], app, volumes.fd, root.fd, &e), &e);
        buf_reset(&text);
        assert_int_equal(fs_read_file(volumes.fd, "_web-own/sub/f", &text), 0);
        assert_string_equal(buf_str(&text), "changed");
}

static void missing_sources_and_bad_targets_are_told(void **state)
{
        static const struct {
                const char *path, *source, *error;
                enum err_kind kind;
        } cases[] = {
                { "/data", "/no/such/dir",
                  "app web: volume \"data\": /no/such/dir: No such file or directory",
                  ERR_NOT_FOUND },
                { "/", "/etc", "app web: a volume cannot be mounted on \"/\"", ERR_BAD_DATA },
                { "/../", "/etc", "app web: a volume cannot be mounted on \"/../\"", ERR_BAD_DATA },
                { "/proc", "/etc", "app web: a volume cannot be mounted on \"/proc\"",
                  ERR_BAD_DATA },
                { "/proc/sys", "/etc", "app web: a volume cannot be mounted on \"/proc/sys\"",
                  ERR_BAD_DATA },
                { "//proc", "/etc", "app web: a volume cannot be mounted on \"//proc\"",
                  ERR_BAD_DATA },
                { "/x/../proc/", "/etc", "app web: a volume cannot be mounted on \"/x/../proc/\"",
                  ERR_BAD_DATA },
                { "/./proc/x", "/etc", "app web: a volume cannot be mounted on \"/./proc/x\"",
                  ERR_BAD_DATA },
                { "/a/b/../..", "/etc", "app web: a volume cannot be mounted on \"/a/b/../..\"",
                  ERR_BAD_DATA },
                { "/dev/", "/etc", "app web: a volume cannot be mounted on \"/dev/\"",
                  ERR_BAD_DATA },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const char *const points[][2] = { { "data", cases[i].path } };
                AUTO_FREE char *text = xasprintf(
                        POD("", "{\"name\":\"data\",\"kind\":\"host\",\"source\":\"%s\"}"),
                        cases[i].source);
                AUTO(appc_pod_manifest_freep) struct appc_pod_manifest *m = pod(text);
                AUTO(appc_app_freep) struct appc_app *app = app_with_points(1, points);
                struct runtime_binds b = RUNTIME_BINDS_NULL;
                struct err e;

                assert_err(runtime_volumes_resolve(m, &m->apps[0], app, "/v", &b, &e), &e,
                           cases[i].kind, cases[i].error);
                assert_null(b.v);
        }
}

static void parents_are_mounted_before_what_lies_beneath(void **state)
{
        static const char *const points[][2] = { { "c", "/a/b/c" },
                                                 { "a", "/a" },
                                                 { "b", "/a/b" } };
        AUTO(appc_pod_manifest_freep) struct appc_pod_manifest *m = pod(POD("", ""));
        AUTO(appc_app_freep) struct appc_app *app = app_with_points(3, points);
        AUTO(runtime_binds_done) struct runtime_binds b = RUNTIME_BINDS_NULL;
        struct err e;

        (void)state;
        assert_ok(runtime_volumes_resolve(m, &m->apps[0], app, "/v", &b, &e), &e);
        assert_string_equal(b.v[0].target, "/a");
        assert_string_equal(b.v[1].target, "/a/b");
        assert_string_equal(b.v[2].target, "/a/b/c");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(points_are_satisfied_by_mount_then_name_then_an_empty_volume),
                cmocka_unit_test(empty_volumes_get_their_mode_and_owner_once),
                cmocka_unit_test(an_apps_own_volume_starts_as_the_images_directory),
                cmocka_unit_test(missing_sources_and_bad_targets_are_told),
                cmocka_unit_test(parents_are_mounted_before_what_lies_beneath),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
