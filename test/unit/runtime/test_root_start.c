/* SPDX-License-Identifier: Apache-2.0 */
/* End to end with the real crun: what an app sees, and what it may not do. */
#include "sandbox.h"

#include "util/mem.h"

static void run(const char *script, struct outcome *ret)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep) struct appc_app *app = sandbox_app(script);

        sandbox_init(&s);
        sandbox_run(&s, app, ret);
}

static void assert_contains(const char *text, const char *want)
{
        if (!strstr(text, want))
                fail_msg("no \"%s\" in: %s", want, text);
}

static void exit_code_arrives_by_pidfd(void **state)
{
        struct outcome o;

        (void)state;
        run("exit 42", &o);
        assert_int_equal(o.status, 42);
        assert_string_equal(o.out, "");
}

static void output_and_environment_are_the_apps(void **state)
{
        struct outcome o;

        (void)state;
        run("echo out; echo err >&2; /bin/busybox env", &o);
        assert_int_equal(o.status, 0);
        assert_contains(o.out, "out\nerr\n");
        assert_contains(o.out, "AC_APP_NAME=app\n");
        assert_contains(o.out, "container=carob\n");
        assert_contains(o.out, "HOME=/root\n");
        assert_contains(o.out,
                        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n");
        assert_null(strstr(o.out, "_LIBCONTAINER"));
}

static void pod_namespaces_are_joined(void **state)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep)
        struct appc_app *app = sandbox_app(
                "for n in pid ipc uts net mnt; do /bin/busybox readlink /proc/self/ns/$n; done");
        static const char *const joined[] = { "pid", "ipc", "uts", "net" };
        struct outcome o;

        (void)state;
        sandbox_init(&s);
        sandbox_run(&s, app, &o);
        for (size_t i = 0; i < ARRAY_LEN(joined); i++) {
                AUTO_FREE char *path = xasprintf("/proc/%d/ns/%s", (int)s.init.pid, joined[i]);
                char link[64] = "";

                assert_true(readlink(path, link, sizeof(link) - 1) > 0);
                assert_contains(o.out, link);
        }
        {
                char link[64] = "";

                assert_true(readlink("/proc/self/ns/mnt", link, sizeof(link) - 1) > 0);
                assert_null(strstr(o.out, link));
        }
}

static void app_is_in_its_cgroup_on_every_hierarchy(void **state)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep)
        struct appc_app *app = sandbox_app("/bin/busybox cat /proc/self/cgroup");
        AUTO_FREE char *want = NULL;
        struct outcome o;

        (void)state;
        sandbox_init(&s);
        sandbox_run(&s, app, &o);
        want = xasprintf("pids:/%s\n", runtime_cgroup_path(s.app));
        if (runtime_cgroup_host_mode(s.host) != RUNTIME_CGROUP_V2)
                assert_contains(o.out, want);
}

static void named_user_runs_without_capabilities(void **state)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep)
        struct appc_app *app =
                sandbox_app("/bin/busybox id; /bin/busybox grep Cap /proc/self/status; echo $HOME");
        struct outcome o;

        (void)state;
        free(app->user);
        free(app->group);
        app->user = xstrdup("web");
        app->group = xstrdup("web");
        sandbox_init(&s);
        sandbox_run(&s, app, &o);
        assert_contains(o.out, "uid=33(web) gid=34(web) groups=55(extra)");
        assert_contains(o.out, "CapEff:\t0000000000000000");
        assert_contains(o.out, "CapBnd:\t00000000800405fb");
        assert_contains(o.out, "/srv\n");
}

static void root_has_the_default_capabilities(void **state)
{
        struct outcome o;

        (void)state;
        run("/bin/busybox grep Cap /proc/self/status", &o);
        /* chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service sys_chroot setfcap */
        assert_contains(o.out, "CapEff:\t00000000800405fb");
        assert_contains(o.out, "CapBnd:\t00000000800405fb");
        assert_contains(o.out, "CapInh:\t0000000000000000");
}

static void kernel_interfaces_are_masked_or_read_only(void **state)
{
        struct outcome o;

        (void)state;
        run("/bin/busybox wc -c < /proc/kcore; echo x > /proc/sys/kernel/hostname; echo $?;"
            "echo x > /sys/power/state; /bin/busybox ls /sys/firmware | /bin/busybox wc -l;"
            "/bin/busybox ls /dev",
            &o);
        assert_contains(o.out, "Read-only file system");
        assert_contains(o.out, "full\n");
        assert_contains(o.out, "urandom\n");
        assert_null(strstr(o.out, "vda"));
}

static void a_device_not_on_the_list_is_refused(void **state)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep)
        struct appc_app *app = sandbox_app(
                "/bin/busybox mknod /tmp/kmsg c 1 11 && /bin/busybox head -c 1 /tmp/kmsg;"
                "/bin/busybox head -c 2 /dev/zero | /bin/busybox wc -c");
        struct outcome o;

        (void)state;
        app->isolators.caps_mode = APPC_SET_RETAIN;
        strv_add(&app->isolators.caps, "CAP_MKNOD");
        strv_add(&app->isolators.caps, "CAP_DAC_OVERRIDE");
        sandbox_init(&s);
        sandbox_run(&s, app, &o);
        assert_contains(o.out, "Operation not permitted");
        assert_contains(o.out, "2\n");
}

static void read_only_root_cannot_be_written(void **state)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep) struct appc_app *app = sandbox_app("echo x > /tmp/x");
        struct outcome o;

        (void)state;
        sandbox_init(&s);
        s.read_only = true;
        sandbox_run(&s, app, &o);
        assert_contains(o.out, "Read-only file system");
}

static void volumes_are_bound_and_respect_read_only(void **state)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep)
        struct appc_app *app = sandbox_app("echo new > /data/rw/file; echo no > /data/ro/file; "
                                           "/bin/busybox cat /data/ro/there");
        AUTO_FREE char *rw = NULL, *ro = NULL;
        AUTO(buf_done) struct buf text = BUF_NULL(64);
        struct outcome o;

        (void)state;
        sandbox_init(&s);
        assert_int_equal(fs_mkdir(s.dir.fd, "rw", 0755), 0);
        assert_int_equal(fs_mkdir(s.dir.fd, "ro", 0755), 0);
        assert_int_equal(fs_write_file(s.dir.fd, "ro/there", "here\n", 5, 0644), 0);
        rw = xasprintf("%s/rw", s.dir.path);
        ro = xasprintf("%s/ro", s.dir.path);
        runtime_binds_add(&s.binds, ro, "/data/ro", true, true);
        runtime_binds_add(&s.binds, rw, "/data/rw", false, true);
        sandbox_run(&s, app, &o);
        assert_contains(o.out, "Read-only file system");
        assert_contains(o.out, "here\n");
        assert_int_equal(fs_read_file(s.dir.fd, "rw/file", &text), 0);
        assert_string_equal(buf_str(&text), "new\n");
}

static void a_symlink_in_the_image_does_not_lead_a_volume_out(void **state)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep) struct appc_app *app = sandbox_app("/bin/busybox ls /evil");
        AUTO_FREE char *src = NULL, *outside = NULL;
        struct outcome o;
        struct err e;
        struct stat st;

        (void)state;
        sandbox_init(&s);
        outside = xasprintf("%s/outside", s.dir.path);
        src = xasprintf("%s/src", s.dir.path);
        assert_int_equal(mkdir(outside, 0755), 0);
        assert_int_equal(mkdir(src, 0755), 0);
        assert_int_equal(fs_write_file(s.dir.fd, "src/seen", "", 0, 0644), 0);
        assert_int_equal(symlinkat(outside, s.rootfs_fd, "evil"), 0);
        runtime_binds_add(&s.binds, src, "/evil", false, true);
        /* Whether the runtime makes the target inside the root or refuses is its choice. */
        if (sandbox_try(&s, app, &o, &e) == 0)
                assert_contains(o.out, "seen\n");
        assert_int_equal(fstatat(s.dir.fd, "outside/seen", &st, 0), -1);
}

static void missing_program_is_the_apps_mistake(void **state)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep) struct appc_app *app = appc_app_new();
        struct outcome o;
        struct err e;

        (void)state;
        strv_add(&app->exec, "no-such-program");
        sandbox_init(&s);
        assert_int_equal(sandbox_try(&s, app, &o, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_contains(e.text, "no-such-program");
}

static void relative_program_is_found_by_path(void **state)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep) struct appc_app *app = appc_app_new();
        struct outcome o;

        (void)state;
        strv_add(&app->exec, "busybox");
        strv_add(&app->exec, "echo");
        strv_add(&app->exec, "found");
        sandbox_init(&s);
        sandbox_run(&s, app, &o);
        assert_string_equal(o.out, "found\n");
}

static void default_seccomp_profile_is_in_force(void **state)
{
        struct outcome o;

        (void)state;
        run("/bin/busybox grep Seccomp: /proc/self/status; /bin/busybox swapon /tmp", &o);
        assert_contains(o.out, "Seccomp:\t2\n");
        assert_contains(o.out, "swapon: /tmp: Operation not permitted");
}

static void seccomp_remove_set_denies_with_the_errno_asked_for(void **state)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep)
        struct appc_app *app =
                sandbox_app("/bin/busybox mkdir /tmp/d; /bin/busybox touch /tmp/f; echo $?");
        struct outcome o;

        (void)state;
        app->isolators.seccomp_mode = APPC_SET_REMOVE;
        app->isolators.seccomp_errno = xstrdup("ENOTTY");
        strv_add(&app->isolators.seccomp, "mkdir");
        strv_add(&app->isolators.seccomp, "mkdirat");
        sandbox_init(&s);
        sandbox_run(&s, app, &o);
        assert_contains(o.out, "/tmp/d': Inappropriate ioctl for device");
        assert_contains(o.out, "0\n");
}

static void seccomp_without_errno_kills(void **state)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep)
        struct appc_app *app = sandbox_app("/bin/busybox mkdir /tmp/d; echo $?");
        struct outcome o;

        (void)state;
        app->isolators.seccomp_mode = APPC_SET_REMOVE;
        strv_add(&app->isolators.seccomp, "@rkt/default-blacklist");
        strv_add(&app->isolators.seccomp, "mkdir");
        strv_add(&app->isolators.seccomp, "mkdirat");
        sandbox_init(&s);
        sandbox_run(&s, app, &o);
        assert_contains(o.out, "159\n"); /* 128 + SIGSYS */
}

static void seccomp_can_be_switched_off(void **state)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep)
        struct appc_app *app = sandbox_app("/bin/busybox grep Seccomp: /proc/self/status");
        struct outcome o;

        (void)state;
        app->isolators.seccomp_mode = APPC_SET_RETAIN;
        strv_add(&app->isolators.seccomp, "@appc.io/all");
        sandbox_init(&s);
        sandbox_run(&s, app, &o);
        assert_contains(o.out, "Seccomp:\t0\n");
}

static void no_new_privileges_where_asked(void **state)
{
        AUTO_SANDBOX struct sandbox s = { 0 };
        AUTO(appc_app_freep)
        struct appc_app *app = sandbox_app("/bin/busybox grep NoNewPrivs /proc/self/status");
        struct outcome o;

        (void)state;
        app->isolators.no_new_privileges = true;
        sandbox_init(&s);
        sandbox_run(&s, app, &o);
        assert_string_equal(o.out, "NoNewPrivs:\t1\n");
}

static void runc_takes_the_same_configuration(void **state)
{
        AUTO_SANDBOX struct sandbox s = { .runtime = "runc" };
        AUTO(appc_app_freep)
        struct appc_app *app = sandbox_app(
                "/bin/busybox cat /proc/self/cgroup; /bin/busybox grep Seccomp: /proc/self/status; exit 5");
        AUTO_FREE char *want = NULL;
        struct outcome o;
        struct err e;

        (void)state;
        sandbox_init(&s);
        sandbox_run(&s, app, &o);
        assert_int_equal(o.status, 5);
        assert_contains(o.out, "Seccomp:\t2\n");
        want = xasprintf("pids:/%s\n", runtime_cgroup_path(s.app));
        if (runtime_cgroup_host_mode(s.host) != RUNTIME_CGROUP_V2)
                assert_contains(o.out, want);
        free(want);
        /* It has made a directory for cpuset as well, which must not stay. */
        want = xasprintf("/sys/fs/cgroup/cpuset/%s", runtime_cgroup_path(s.pod));
        assert_ok(runtime_cgroup_remove(s.pod, 5000, &e), &e);
        assert_int_equal(access(want, F_OK), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(exit_code_arrives_by_pidfd),
                cmocka_unit_test(output_and_environment_are_the_apps),
                cmocka_unit_test(pod_namespaces_are_joined),
                cmocka_unit_test(app_is_in_its_cgroup_on_every_hierarchy),
                cmocka_unit_test(named_user_runs_without_capabilities),
                cmocka_unit_test(root_has_the_default_capabilities),
                cmocka_unit_test(kernel_interfaces_are_masked_or_read_only),
                cmocka_unit_test(a_device_not_on_the_list_is_refused),
                cmocka_unit_test(read_only_root_cannot_be_written),
                cmocka_unit_test(volumes_are_bound_and_respect_read_only),
                cmocka_unit_test(a_symlink_in_the_image_does_not_lead_a_volume_out),
                cmocka_unit_test(missing_program_is_the_apps_mistake),
                cmocka_unit_test(relative_program_is_found_by_path),
                cmocka_unit_test(default_seccomp_profile_is_in_force),
                cmocka_unit_test(seccomp_remove_set_denies_with_the_errno_asked_for),
                cmocka_unit_test(seccomp_without_errno_kills),
                cmocka_unit_test(seccomp_can_be_switched_off),
                cmocka_unit_test(no_new_privileges_where_asked),
                cmocka_unit_test(runc_takes_the_same_configuration),
        };
        /* The last one needs another runtime, which not every machine has. */
        size_t n = ARRAY_LEN(tests) - (access("/usr/sbin/runc", X_OK) < 0);

        sandbox_require();
        return _cmocka_run_group_tests("root_start", tests, n, NULL, NULL);
}
