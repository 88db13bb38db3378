/* SPDX-License-Identifier: Apache-2.0 */
/* config.json as a whole; what crun makes of it is in test_root_start.c. Covers mounts.c and security.c too. */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "test.h"

#include <json-c/json.h>
#include <json-c/json_pointer.h>

#include "appc/app.h"
#include "runtime/spec_priv.h"
#include "util/json.h"
#include "util/mem.h"

struct fixture {
        struct test_dir dir;
        struct appc_app *app;
        struct runtime_spec spec;
        struct json_object *config;
};

static void fixture_init(struct fixture *f)
{
        *f = (struct fixture){ 0 };
        test_dir_init(&f->dir);
        f->app = appc_app_new();
        strv_add(&f->app->exec, "prog");
        f->spec = (struct runtime_spec){ .app_name = "web",
                                         .app = f->app,
                                         .rootfs = "/run/r",
                                         .rootfs_fd = f->dir.fd,
                                         .init_pid = 42 };
}

static void fixture_done(struct fixture *f)
{
        json_putp(&f->config);
        appc_app_freep(&f->app);
        test_dir_done(&f->dir);
}

static int make(struct fixture *f, struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(RUNTIME_SPEC_BYTES_MAX);

        json_putp(&f->config);
        if (runtime_spec_write(&f->spec, &text, e) < 0)
                return -1;
        return json_parse(text.data, text.len, RUNTIME_SPEC_BYTES_MAX, &f->config, e);
}

static const char *at(struct fixture *f, const char *pointer)
{
        struct json_object *o = NULL;

        return json_pointer_get(f->config, pointer, &o) < 0 ? "(absent)"
                                                            : json_object_get_string(o);
}

/* The member @want of the first element of @list whose @key is @value. */
static const char *of(struct fixture *f, const char *list, const char *key, const char *value,
                      const char *want)
{
        struct json_object *o = NULL, *k, *v;

        assert_int_equal(json_pointer_get(f->config, list, &o), 0);
        for (size_t i = 0; i < json_object_array_length(o); i++) {
                struct json_object *el = json_object_array_get_idx(o, i);

                if (json_object_object_get_ex(el, key, &k) &&
                    strcmp(json_object_get_string(k), value) == 0)
                        return json_object_object_get_ex(el, want, &v) ? json_object_get_string(v)
                                                                       : "(absent)";
        }
        return "(none)";
}

static bool has(struct fixture *f, const char *list, const char *want)
{
        struct json_object *o = NULL;

        assert_int_equal(json_pointer_get(f->config, list, &o), 0);
        for (size_t i = 0; i < json_object_array_length(o); i++)
                if (strcmp(json_object_get_string(json_object_array_get_idx(o, i)), want) == 0)
                        return true;
        return false;
}

static void pod_namespaces_are_joined_by_path(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(make(&f, &e), &e);
        assert_string_equal(at(&f, "/ociVersion"), "1.0.0");
        assert_string_equal(of(&f, "/linux/namespaces", "type", "pid", "path"), "/proc/42/ns/pid");
        assert_string_equal(of(&f, "/linux/namespaces", "type", "network", "path"),
                            "/proc/42/ns/net");
        assert_string_equal(of(&f, "/linux/namespaces", "type", "mount", "path"), "(absent)");
        assert_string_equal(of(&f, "/linux/namespaces", "type", "cgroup", "path"), "(none)");
        f.spec.host_network = true;
        f.spec.cgroup_v2 = true;
        assert_ok(make(&f, &e), &e);
        assert_string_equal(of(&f, "/linux/namespaces", "type", "network", "path"), "(none)");
        assert_string_equal(of(&f, "/linux/namespaces", "type", "cgroup", "path"), "(absent)");
        assert_string_equal(of(&f, "/mounts", "destination", "/sys/fs/cgroup", "type"), "cgroup");
}

static void environment_has_what_appc_promises_and_the_apps_own_on_top(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(make(&f, &e), &e);
        assert_true(has(&f, "/process/env",
                        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
        assert_true(has(&f, "/process/env", "AC_APP_NAME=web"));
        assert_true(has(&f, "/process/env", "container=carob"));
        assert_true(has(&f, "/process/env", "HOME=/"));
        assert_false(has(&f, "/process/env", "TERM=xterm"));
        kv_list_add(&f.app->env, "PATH", "/mine");
        kv_list_add(&f.app->env, "AC_APP_NAME", "liar");
        kv_list_add(&f.app->env, "EMPTY", "");
        f.spec.metadata_url = "http://x/";
        f.spec.terminal = true;
        assert_ok(make(&f, &e), &e);
        assert_true(has(&f, "/process/env", "PATH=/mine"));
        assert_true(has(&f, "/process/env", "AC_APP_NAME=web"));
        assert_true(has(&f, "/process/env", "AC_METADATA_URL=http://x/"));
        assert_true(has(&f, "/process/env", "EMPTY="));
        assert_true(has(&f, "/process/env", "TERM=xterm"));
        assert_string_equal(at(&f, "/process/terminal"), "true");
}

static void command_and_directory_are_the_apps_unless_replaced(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(strv_done) struct strv other = STRV_NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(make(&f, &e), &e);
        assert_string_equal(at(&f, "/process/args/0"), "prog");
        assert_string_equal(at(&f, "/process/cwd"), "/");
        strv_add(&other, "/bin/hook");
        f.spec.exec = &other;
        f.app->working_dir = xstrdup("/srv");
        f.spec.read_only_rootfs = true;
        assert_ok(make(&f, &e), &e);
        assert_string_equal(at(&f, "/process/args/0"), "/bin/hook");
        assert_string_equal(at(&f, "/process/cwd"), "/srv");
        assert_string_equal(at(&f, "/root/readonly"), "true");
        assert_string_equal(at(&f, "/root/path"), "/run/r");
}

static void an_app_without_program_is_refused(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct err e;

        (void)state;
        fixture_init(&f);
        strv_done(&f.app->exec);
        assert_err(make(&f, &e), &e, ERR_USAGE,
                   "app web: nothing to execute: the image names no program, so --exec must");
}

static void pod_files_and_volumes_are_bound_after_the_kernels(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(runtime_binds_done) struct runtime_binds binds = RUNTIME_BINDS_NULL;
        struct json_object *list, *last;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(make(&f, &e), &e);
        assert_string_equal(of(&f, "/mounts", "destination", "/etc/hosts", "type"), "(none)");
        assert_string_equal(of(&f, "/mounts", "destination", "/dev/shm", "type"), "tmpfs");
        f.spec.hosts_file = "/run/hosts";
        f.spec.shm_dir = "/run/shm";
        runtime_binds_add(&binds, "/src", "/data", true, true);
        f.spec.volumes = &binds;
        assert_ok(make(&f, &e), &e);
        assert_string_equal(of(&f, "/mounts", "destination", "/etc/hosts", "source"), "/run/hosts");
        assert_string_equal(of(&f, "/mounts", "destination", "/dev/shm", "source"), "/run/shm");
        assert_string_equal(of(&f, "/mounts", "destination", "/data", "options"),
                            "[ \"rbind\", \"rprivate\", \"ro\", \"rro\" ]");
        assert_int_equal(json_pointer_get(f.config, "/mounts", &list), 0);
        last = json_object_array_get_idx(list, json_object_array_length(list) - 1);
        assert_non_null(strstr(json_object_get_string(last), "/data"));
        assert_true(has(&f, "/linux/maskedPaths", "/proc/kcore"));
        assert_true(has(&f, "/linux/readonlyPaths", "/proc/sys"));
}

static void no_link_of_the_image_leads_a_volume_to_proc(void **state)
{
        static const struct {
                const char *link, *target, *mount, *error;
        } cases[] = {
                { "a", "proc", "/a", "/a\", a link to \"/proc\"" },
                { "b", "/x/.././proc", "/b/sys", "/b/sys\", a link to \"/proc/sys\"" },
                { "c", "../a", "//c", "//c\", a link to \"/proc\"" },
                { "d", "/", "/d", "/d\", a link to \"\"" },
                { "e", "e", "/e", "/e\", a link to \"itself\"" },
                { "f", "dev", "/f/shm", NULL },
                { "g", "no/such", "/g/x", NULL },
        };
        AUTO(fixture_done) struct fixture f;
        struct err e;

        (void)state;
        fixture_init(&f);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO(runtime_binds_done) struct runtime_binds binds = RUNTIME_BINDS_NULL;

                assert_int_equal(symlinkat(cases[i].target, f.dir.fd, cases[i].link), 0);
                runtime_binds_add(&binds, "/src", cases[i].mount, true, false);
                f.spec.volumes = &binds;
                if (cases[i].error) {
                        AUTO_FREE char *want = xasprintf(
                                "app web: a volume cannot be mounted on \"%s", cases[i].error);

                        assert_err(make(&f, &e), &e, ERR_BAD_DATA, want);
                } else {
                        assert_ok(make(&f, &e), &e);
                }
        }
}

static void cgroups_are_mentioned_only_for_runtimes_that_insist(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(make(&f, &e), &e);
        assert_string_equal(at(&f, "/linux/cgroupsPath"), "(absent)");
        assert_string_equal(at(&f, "/linux/resources"), "(absent)");
        f.spec.cgroups_path = "/carob/u/web";
        assert_ok(make(&f, &e), &e);
        assert_string_equal(at(&f, "/linux/cgroupsPath"), "/carob/u/web");
        assert_string_equal(at(&f, "/linux/resources/devices/0/allow"), "false");
        assert_string_equal(at(&f, "/linux/resources/devices/3/minor"), "3");
}

static void what_the_host_cannot_enforce_is_an_error(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct err e;

        (void)state;
        fixture_init(&f);
        if (access("/sys/module/apparmor", F_OK) < 0) {
                f.app->isolators.apparmor_profile = xstrdup("tight");
                assert_err(
                        make(&f, &e), &e, ERR_UNSUPPORTED,
                        "app web: AppArmor profile \"tight\" is asked for, but this kernel has no "
                        "AppArmor");
                free(f.app->isolators.apparmor_profile);
                f.app->isolators.apparmor_profile = NULL;
        }
        if (access("/sys/fs/selinux/enforce", F_OK) < 0) {
                f.app->isolators.selinux_context = xstrdup("a:b:c:s0");
                assert_err(make(&f, &e), &e, ERR_UNSUPPORTED,
                           "app web: SELinux context \"a:b:c:s0\" is asked for, but SELinux is not "
                           "active here");
        }
}

static void isolators_reach_the_process(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(make(&f, &e), &e);
        assert_string_equal(at(&f, "/process/noNewPrivileges"), "false");
        assert_string_equal(at(&f, "/process/oomScoreAdj"), "(absent)");
        f.app->isolators.no_new_privileges = true;
        f.app->isolators.oom_score_adj_set = true;
        f.app->isolators.oom_score_adj = 500;
        kv_list_add(&f.app->isolators.sysctls, "net.core.somaxconn", "9");
        assert_ok(make(&f, &e), &e);
        assert_string_equal(at(&f, "/process/noNewPrivileges"), "true");
        assert_string_equal(at(&f, "/process/oomScoreAdj"), "500");
        assert_string_equal(at(&f, "/linux/sysctl/net.core.somaxconn"), "9");
}

static void a_buffer_too_small_is_a_limit(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(buf_done) struct buf text = BUF_NULL(100);
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_err(runtime_spec_write(&f.spec, &text, &e), &e, ERR_LIMIT,
                   "app web: its configuration is too large");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pod_namespaces_are_joined_by_path),
                cmocka_unit_test(environment_has_what_appc_promises_and_the_apps_own_on_top),
                cmocka_unit_test(command_and_directory_are_the_apps_unless_replaced),
                cmocka_unit_test(an_app_without_program_is_refused),
                cmocka_unit_test(pod_files_and_volumes_are_bound_after_the_kernels),
                cmocka_unit_test(cgroups_are_mentioned_only_for_runtimes_that_insist),
                cmocka_unit_test(what_the_host_cannot_enforce_is_an_error),
                cmocka_unit_test(isolators_reach_the_process),
                cmocka_unit_test(a_buffer_too_small_is_a_limit),
                cmocka_unit_test(no_link_of_the_image_leads_a_volume_to_proc),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
