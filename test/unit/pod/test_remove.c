/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "pod/remove.h"
#include "fixture.h"

static int set_immutable(const struct pod *p, const char *path, bool on)
{
        AUTO_CLOSE int fd = openat(p->fd, path, O_RDONLY | O_CLOEXEC);
        int flags = on ? FS_IMMUTABLE_FL : 0;

        return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static void a_garbage_pod_goes_with_all_its_files(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited_garbage(&w), again = POD_NULL;
        struct err e;

        (void)state;
        assert_int_equal(fs_mkdirs(p.fd, "overlay/web/upper/a/b/c", 0700), 0);
        put(&p, "overlay/web/upper/a/b/file", "x");
        assert_int_equal(mkfifoat(p.fd, "fifo", 0600), 0);
        assert_ok(pod_lock(&w.s, &p, &e), &e);
        assert_ok(pod_remove(&w.s, &p, &e), &e);
        assert_int_equal(pod_open(&w.s, p.uuid.text, &again, &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
        /* Once more: somebody else was faster. */
        assert_ok(pod_remove(&w.s, &p, &e), &e);
}

static void symlinks_are_removed_and_not_followed(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited_garbage(&w);
        AUTO_FREE char *target = xasprintf("%s/precious", w.dir.path);
        struct stat st;
        struct err e;

        (void)state;
        assert_int_equal(fs_mkdirs(w.dir.fd, "precious/inner", 0700), 0);
        assert_int_equal(symlinkat(target, p.fd, "link"), 0);
        assert_int_equal(symlinkat(target, p.fd, "appsinfo/link"), 0);
        (void)unlinkat(p.fd, "pod", 0);
        assert_int_equal(symlinkat(target, p.fd, "pod"), 0);
        assert_ok(pod_lock(&w.s, &p, &e), &e);
        assert_ok(pod_remove(&w.s, &p, &e), &e);
        assert_int_equal(fstatat(w.dir.fd, "precious/inner", &st, 0), 0);
}

static void the_manifest_is_the_last_to_go(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited_garbage(&w);
        char want[160];
        struct stat st;
        struct err e;

        (void)state;
        if (geteuid() != 0)
                skip();
        /* An entry that cannot be removed stands for a kill at that moment. */
        assert_int_equal(mkdirat(p.fd, "stuck", 0700), 0);
        put(&p, "stuck/file", "");
        if (set_immutable(&p, "stuck/file", true) < 0)
                skip();
        assert_ok(pod_lock(&w.s, &p, &e), &e);
        assert_int_equal(pod_remove(&w.s, &p, &e), -1);
        (void)snprintf(want, sizeof(want), "remove pod %s: \"stuck\": Operation not permitted",
                       p.uuid.text);
        assert_int_equal(set_immutable(&p, "stuck/file", false), 0);
        assert_string_equal(e.text, want);
        assert_int_equal(e.kind, ERR_PERMISSION);
        assert_int_equal(fstatat(p.fd, "pod", &st, 0), 0);
        assert_int_equal(fstatat(p.fd, "pod-created", &st, 0), -1);
        assert_ok(pod_remove(&w.s, &p, &e), &e);
}

static void only_garbage_is_removed(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 0);
        char want[128];
        struct err e;

        (void)state;
        assert_ok(pod_lock(&w.s, &p, &e), &e);
        (void)snprintf(want, sizeof(want), "pod %s lies in run, not in the garbage", p.uuid.text);
        assert_err(pod_remove(&w.s, &p, &e), &e, ERR_STATE, want);
        assert_int_equal(state_of(&w, &p), POD_RUNNING);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_garbage_pod_goes_with_all_its_files),
                cmocka_unit_test(symlinks_are_removed_and_not_followed),
                cmocka_unit_test(the_manifest_is_the_last_to_go),
                cmocka_unit_test(only_garbage_is_removed),
        };
        return cmocka_run_group_tests_name("pod/remove", tests, NULL, NULL);
}
