/* SPDX-License-Identifier: Apache-2.0 */
/* Needs root: a mount beneath a pod, in a mount namespace of its own. */
#include <sched.h>
#include <sys/mount.h>

#include "pod/remove.h"
#include "fixture.h"

static void a_busy_mount_is_named_and_nothing_beneath_it_is_touched(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited_garbage(&w);
        AUTO_FREE char *at =
                xasprintf("%s/pods/exited-garbage/%s/rootfs/web", w.dir.path, p.uuid.text);
        AUTO_FREE char *precious = xasprintf("%s/precious", w.dir.path);
        char want[160];
        struct stat st;
        struct err e;

        (void)state;
        assert_int_equal(fs_mkdirs(w.dir.fd, "precious/inner", 0700), 0);
        assert_int_equal(fs_mkdirs(p.fd, "rootfs/web", 0700), 0);
        assert_int_equal(mount(precious, at, NULL, MS_BIND, NULL), 0);
        assert_ok(pod_lock(&w.s, &p, &e), &e);
        assert_int_equal(pod_remove(&w.s, &p, &e), -1);
        (void)snprintf(want, sizeof(want),
                       "remove pod %s: something is still mounted beneath \"rootfs\"", p.uuid.text);
        assert_string_equal(e.text, want);
        assert_int_equal(e.kind, ERR_BUSY);
        assert_int_equal(fstatat(w.dir.fd, "precious/inner", &st, 0), 0);
        assert_int_equal(fstatat(p.fd, "pod", &st, 0), 0);
        assert_int_equal(umount2(at, MNT_DETACH), 0);
        assert_ok(pod_remove(&w.s, &p, &e), &e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_busy_mount_is_named_and_nothing_beneath_it_is_touched),
        };

        if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                puts("needs root and a mount namespace");
                return 77;
        }
        return cmocka_run_group_tests_name("pod/remove_mount", tests, NULL, NULL);
}
