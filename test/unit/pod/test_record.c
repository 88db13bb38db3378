/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/record.h"
#include "fixture.h"
#include "util/limits.h"

static void assert_file(int dirfd, const char *path, const char *want)
{
        AUTO(buf_done) struct buf b = BUF_NULL(4096);
        struct stat st;

        assert_int_equal(fs_read_file(dirfd, path, &b), 0);
        assert_string_equal(buf_str(&b), want);
        assert_int_equal(fstatat(dirfd, path, &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
}

static void files_are_where_others_look_for_them(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 4711);
        struct pod_launch launch = { .net = POD_NET_HOST, .name = xstrdup("n"), .log_bytes = -1 };
        struct err e;

        (void)state;
        assert_file(p.fd, "pid", "4711\n");
        assert_file(p.fd, "subcgroup", "carob/x");
        assert_file(p.fd, "pod-created", "");
        assert_ok(pod_write_launch(p.fd, &launch, &e), &e);
        pod_launch_done(&launch);
        assert_file(p.fd, "launch.json", "{\"net\":\"host\",\"name\":\"n\"}");
        assert_ok(pod_write_ready(p.fd, &e), &e);
        assert_file(p.fd, "ready", "");
        assert_ok(pod_write_net_info(p.fd, "[]", 2, &e), &e);
        assert_file(p.fd, "net-info.json", "[]");
        assert_file(p.fd, "appsinfo/web/image.json",
                    "{\"id\":\"" ID "\",\"name\":\"a.b/c\",\"version\":\"1.0\",\"format\":\"oci\","
                    "\"layers\":[\"1\"],\"rootfs\":\"overlay\"}");
        assert_file(p.fd, "appsinfo/web/status",
                    "{\"state\":\"running\",\"pid\":77,\"created_at\":1,\"started_at\":2,"
                    "\"finished_at\":0,\"exit_code\":-1,\"signal\":0,\"oom\":false}");
}

static void a_preparation_leaves_its_marks(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w);
        AUTO_FREE char *text = xmalloc(2000);
        AUTO(buf_done) struct buf b = BUF_NULL(4096);
        struct stat before, after;
        struct err e;

        (void)state;
        assert_ok(pod_write_prepared(p.fd, &e), &e);
        assert_file(p.fd, "pod-prepared", "");
        assert_int_equal(utimensat(p.fd, "pod-prepared", (struct timespec[2]){ 0 }, 0), 0);
        assert_int_equal(fstatat(p.fd, "pod-prepared", &before, 0), 0);
        assert_ok(pod_write_prepared(p.fd, &e), &e);
        assert_int_equal(fstatat(p.fd, "pod-prepared", &after, 0), 0);
        assert_true(fs_mtime(&before) < fs_mtime(&after));
        assert_int_equal(before.st_ino, after.st_ino);
        assert_ok(pod_write_aborted(p.fd, "why", &e), &e);
        assert_file(p.fd, "pod-aborted", "why");
        memset(text, 'x', 1999);
        text[1999] = '\0';
        memcpy(text + 1023, "\xc3\xa9", 2);
        assert_ok(pod_write_aborted(p.fd, text, &e), &e);
        assert_int_equal(fs_read_file(p.fd, "pod-aborted", &b), 0);
        assert_int_equal(b.len, 1023);
}

static void an_apps_directory_is_made_once(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w);
        struct err e;
        AUTO_CLOSE int one = pod_app_dir(p.fd, "db", &e);
        AUTO_CLOSE int two = pod_app_dir(p.fd, "db", &e);

        (void)state;
        assert_true(one >= 0 && two >= 0);
        assert_ok(pod_write_app_manifest(one, "{}", 2, &e), &e);
        assert_file(p.fd, "appsinfo/db/manifest", "{}");
}

static void a_manifest_over_the_limit_is_not_written(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w);
        struct err e;

        (void)state;
        assert_err(pod_write_manifest(p.fd, "", LIMIT_MANIFEST_BYTES + 1, &e), &e, ERR_LIMIT,
                   "a pod manifest of 4194305 bytes is over the limit of 4194304");
}

static void a_failed_write_names_the_file(void **state)
{
        struct err e;

        (void)state;
        assert_err(pod_write_pid(-1, 1, &e), &e, ERR_INTERNAL, "write pid: Bad file descriptor");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(files_are_where_others_look_for_them),
                cmocka_unit_test(a_preparation_leaves_its_marks),
                cmocka_unit_test(an_apps_directory_is_made_once),
                cmocka_unit_test(a_manifest_over_the_limit_is_not_written),
                cmocka_unit_test(a_failed_write_names_the_file),
        };
        return cmocka_run_group_tests_name("pod/record", tests, NULL, NULL);
}
