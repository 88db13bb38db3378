/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "runtime/cgroup_priv.h"
#include "util/mem.h"

#define HYBRID                                                                                     \
        "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"                      \
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:5 - cgroup cgroup "            \
        "rw,cpu,cpuacct\n"                                                                         \
        "34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"               \
        "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"               \
        "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd\n"  \
        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
#define HYBRID_SELF                                                                                \
        "9:name=systemd:/system.slice/x.service\n"                                                 \
        "4:memory:/system.slice/x.service\n"                                                       \
        "1:cpu,cpuacct:/\n"                                                                        \
        "0::/system.slice/x.service\n"

static struct runtime_cgroup_host *parse(const char *mounts, const char *self)
{
        struct runtime_cgroup_host *h = xcalloc(1, sizeof(*h));

        cgroup_host_parse(mounts, self, h);
        return h;
}

static void hybrid_layout_is_recognised_with_our_place_in_each_hierarchy(void **state)
{
        AUTO(runtime_cgroup_host_freep) struct runtime_cgroup_host *h = parse(HYBRID, HYBRID_SELF);
        int memory = cgroup_v1_index(h, CGROUP_MEMORY), cpu = cgroup_v1_index(h, CGROUP_CPU);

        (void)state;
        assert_int_equal(h->mode, RUNTIME_CGROUP_HYBRID);
        assert_int_equal(h->n,
                         4); /* cpuset is left alone: it would need setting up before a join */
        assert_int_equal(h->n_other,
                         1); /* but known, since another runtime may leave something there */
        assert_string_equal(h->h[memory].mount, "/sys/fs/cgroup/memory");
        assert_string_equal(h->h[memory].own, "system.slice/x.service");
        assert_string_equal(h->h[cpu].own, "");
        assert_int_equal(cpu, cgroup_v1_index(h, CGROUP_CPUACCT));
        assert_true(cgroup_v2_index(h) >= 0);
        assert_int_equal(cgroup_v1_index(h, CGROUP_PIDS), -1);
}

static void pure_v2_is_recognised(void **state)
{
        AUTO(runtime_cgroup_host_freep)
        struct runtime_cgroup_host *h =
                parse("30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
                      "0::/a/b\n");

        (void)state;
        assert_int_equal(h->mode, RUNTIME_CGROUP_V2);
        assert_string_equal(h->h[0].own, "a/b");
}

static void v1_with_only_systemd_in_v2_position_is_not_hybrid(void **state)
{
        AUTO(runtime_cgroup_host_freep)
        struct runtime_cgroup_host *v1 =
                parse("1 0 0:1 / /c/memory rw - cgroup cgroup rw,memory\n", "1:memory:/\n");
        AUTO(runtime_cgroup_host_freep)
        struct runtime_cgroup_host *v2 =
                parse("1 0 0:1 / /c/systemd rw - cgroup cgroup rw,name=systemd\n"
                      "2 0 0:2 / /c/unified rw - cgroup2 cgroup2 rw\n",
                      "1:name=systemd:/\n0::/\n");

        (void)state;
        assert_int_equal(v1->mode, RUNTIME_CGROUP_V1);
        assert_int_equal(v2->mode, RUNTIME_CGROUP_V2);
}

static void read_only_mounts_do_not_count(void **state)
{
        AUTO(runtime_cgroup_host_freep)
        struct runtime_cgroup_host *h =
                parse("30 23 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n"
                      "31 23 0:27 / /c/memory rw - cgroup cgroup ro,memory\n",
                      "0::/\n");

        (void)state;
        assert_int_equal(h->mode, RUNTIME_CGROUP_NONE);
}

static void place_is_relative_to_what_is_mounted(void **state)
{
        static const struct {
                const char *root, *self, *want;
        } cases[] = {
                { "/docker/abc", "/docker/abc", "" },
                { "/docker/abc", "/docker/abc/x", "x" },
                { "/docker/abc", "/docker/abcd", "" }, /* beside it: out of reach */
                { "/", "/../up", "" },                 /* above our cgroup namespace */
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_FREE char *mounts =
                        xasprintf("1 0 0:1 %s /c rw - cgroup2 c rw\n", cases[i].root);
                AUTO_FREE char *self = xasprintf("0::%s\n", cases[i].self);
                AUTO(runtime_cgroup_host_freep) struct runtime_cgroup_host *h = parse(mounts, self);

                assert_string_equal(h->h[0].own, cases[i].want);
        }
}

static void escaped_mount_points_are_unescaped(void **state)
{
        AUTO(runtime_cgroup_host_freep)
        struct runtime_cgroup_host *h =
                parse("1 0 0:1 / /my\\040cgroups\\134x rw - cgroup2 c rw\n", "0::/\n");

        (void)state;
        assert_string_equal(h->h[0].mount, "/my cgroups\\x");
}

static void the_first_of_several_mounts_of_a_hierarchy_is_used(void **state)
{
        AUTO(runtime_cgroup_host_freep)
        struct runtime_cgroup_host *h =
                parse("1 0 0:1 / /first rw - cgroup2 c rw\n2 0 0:1 / /second rw - cgroup2 c rw\n",
                      "0::/\n");

        (void)state;
        assert_int_equal(h->n, 1);
        assert_string_equal(h->h[0].mount, "/first");
}

static void nonsense_is_no_hierarchy(void **state)
{
        static const char *const texts[] = {
                "",
                "\n\n",
                "1",
                "1 2 3 4 5 6",
                "1 2 3 4 5 6 -",
                "1 2 3 4 5 6 - cgroup2",
                "1 2 3 4 5 6 - cgroup2 x",
                "- - - - - - - - -",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                AUTO(runtime_cgroup_host_freep)
                struct runtime_cgroup_host *h = parse(texts[i], ":::\n0\n0:\n");

                assert_int_equal(h->mode, RUNTIME_CGROUP_NONE);
        }
}

static void controllers_are_read_from_either_kind_of_list(void **state)
{
        (void)state;
        assert_int_equal(cgroup_controllers_parse("cpu,cpuacct", 11), CGROUP_CPU | CGROUP_CPUACCT);
        assert_int_equal(cgroup_controllers_parse("cpu io memory\n", 14),
                         CGROUP_CPU | CGROUP_IO | CGROUP_MEMORY);
        assert_int_equal(cgroup_controllers_parse("rw,xattr,name=systemd", 21), CGROUP_SYSTEMD);
        assert_int_equal(cgroup_controllers_parse("", 0), 0);
}

static void this_host_can_be_opened(void **state)
{
        AUTO(runtime_cgroup_host_freep) struct runtime_cgroup_host *h = NULL;
        struct err e;

        (void)state;
        assert_ok(runtime_cgroup_host_open(&h, &e), &e);
        assert_true(runtime_cgroup_host_mode(h) < RUNTIME_CGROUP_MODE_MAX);
        assert_string_not_equal(runtime_cgroup_mode_name(runtime_cgroup_host_mode(h)), "unknown");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(hybrid_layout_is_recognised_with_our_place_in_each_hierarchy),
                cmocka_unit_test(pure_v2_is_recognised),
                cmocka_unit_test(v1_with_only_systemd_in_v2_position_is_not_hybrid),
                cmocka_unit_test(read_only_mounts_do_not_count),
                cmocka_unit_test(place_is_relative_to_what_is_mounted),
                cmocka_unit_test(escaped_mount_points_are_unescaped),
                cmocka_unit_test(the_first_of_several_mounts_of_a_hierarchy_is_used),
                cmocka_unit_test(nonsense_is_no_hierarchy),
                cmocka_unit_test(controllers_are_read_from_either_kind_of_list),
                cmocka_unit_test(this_host_can_be_opened),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
