/* SPDX-License-Identifier: Apache-2.0 */
/* What needs no cgroup: the arithmetic, and a host without any. test_root_cgroup.c has the rest. */
#include "test.h"

#include "appc/isolator.h"
#include "runtime/cgroup_priv.h"
#include "util/mem.h"

static void app_without_isolators_has_only_the_default_pids_limit(void **state)
{
        struct appc_isolators iso = APPC_ISOLATORS_NULL;
        struct runtime_limits l;

        (void)state;
        runtime_limits_from_isolators(&iso, true, &l);
        assert_int_equal(l.pids_limit, RUNTIME_PIDS_DEFAULT);
        assert_false(l.pids_required);
        assert_int_equal(l.memory_limit_bytes, -1);
        assert_int_equal(l.cpu_shares, -1);
        runtime_limits_from_isolators(&iso, false, &l);
        assert_int_equal(l.pids_limit, -1);
}

static void shares_come_from_the_isolator_then_request_then_limit(void **state)
{
        struct appc_isolators iso = APPC_ISOLATORS_NULL;
        struct runtime_limits l;

        (void)state;
        iso.cpu_limit_milli = 2000;
        runtime_limits_from_isolators(&iso, true, &l);
        assert_int_equal(l.cpu_shares, 2048);
        assert_int_equal(l.cpu_limit_milli, 2000);
        iso.cpu_request_milli = 500;
        runtime_limits_from_isolators(&iso, true, &l);
        assert_int_equal(l.cpu_shares, 512);
        iso.cpu_shares = 77;
        runtime_limits_from_isolators(&iso, true, &l);
        assert_int_equal(l.cpu_shares, 77);
}

static void shares_stay_within_the_kernels_range(void **state)
{
        struct appc_isolators iso = APPC_ISOLATORS_NULL;
        struct runtime_limits l;

        (void)state;
        iso.cpu_request_milli = 0;
        runtime_limits_from_isolators(&iso, true, &l);
        assert_int_equal(l.cpu_shares, 2);
        iso.cpu_request_milli = INT64_MAX;
        runtime_limits_from_isolators(&iso, true, &l);
        assert_int_equal(l.cpu_shares, 262144);
}

static void shares_map_onto_the_whole_range_of_weights(void **state)
{
        (void)state;
        assert_int_equal(cgroup_cpu_weight(2), 1);
        assert_int_equal(cgroup_cpu_weight(1024), 39);
        assert_int_equal(cgroup_cpu_weight(262144), 10000);
}

static void quota_is_a_share_of_the_period_and_at_least_a_millisecond(void **state)
{
        (void)state;
        assert_int_equal(cgroup_cpu_quota_us(1500), 150000);
        assert_int_equal(cgroup_cpu_quota_us(1), 1000);
        assert_int_equal(cgroup_cpu_quota_us(0), 1000);
        assert_true(cgroup_cpu_quota_us(INT64_MAX) > 0);
}

static void flat_files_are_read_by_whole_key(void **state)
{
        const char *text = "oom 3\noom_kill 12\nbroken\noom_kill_disable 1\n";

        (void)state;
        assert_int_equal(cgroup_flat_get(text, "oom_kill"), 12);
        assert_int_equal(cgroup_flat_get(text, "oom"), 3);
        assert_int_equal(cgroup_flat_get(text, "kill"), 0);
        assert_int_equal(cgroup_flat_get(text, "broken"), 0);
        assert_int_equal(cgroup_flat_get("", "oom"), 0);
        assert_int_equal(cgroup_flat_get("x y\n", "x"), 0);
}

static void host_without_cgroups_runs_but_does_not_promise_limits(void **state)
{
        struct runtime_cgroup_host host = { .mode = RUNTIME_CGROUP_NONE };
        AUTO(runtime_cgroup_freep) struct runtime_cgroup *pod = NULL, *app = NULL;
        struct runtime_limits l = RUNTIME_LIMITS_NULL;
        struct err e;

        (void)state;
        assert_ok(runtime_cgroup_create_pod(&host, "u", &pod, &e), &e);
        assert_ok(runtime_cgroup_create_child(pod, "a", &app, &e), &e);
        assert_string_equal(runtime_cgroup_path(pod), "");
        l.pids_limit = 10; /* our own default */
        assert_ok(runtime_cgroup_limit(app, &l, &e), &e);
        l.memory_limit_bytes = 1 << 20;
        assert_err(runtime_cgroup_limit(app, &l, &e), &e, ERR_UNSUPPORTED,
                   "this host has no writable cgroups, so nothing can be limited");
        assert_ok(runtime_cgroup_join(app, 0, &e), &e);
        assert_ok(runtime_cgroup_kill(app, 0, &e), &e);
        assert_int_equal(runtime_cgroup_is_empty(app), 1);
        assert_int_equal(runtime_cgroup_oom_kills(app), 0);
        assert_int_equal(runtime_cgroup_clone_fd(app), -1);
        assert_ok(runtime_cgroup_remove(pod, 0, &e), &e);
}

static void gc_refuses_paths_that_could_lead_elsewhere(void **state)
{
        struct runtime_cgroup_host host = { .mode = RUNTIME_CGROUP_NONE };
        static const char *const bad[] = { "",     "/",    "/carob/u", "..",       "carob/../x",
                                           "a//b", "a/b/", "./a",      "carob/..", "a/." };
        struct err e;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                AUTO_FREE char *want = xasprintf("pod u: not a cgroup path: \"%s\"", bad[i]);

                assert_err(runtime_cgroup_gc(&host, "u", bad[i], 0, &e), &e, ERR_BAD_DATA, want);
        }
        assert_ok(runtime_cgroup_gc(&host, "u", "carob/u", 0, &e), &e);
        assert_ok(runtime_cgroup_gc(&host, "u", "..a/.b", 0, &e), &e);
        assert_ok(runtime_cgroup_gc(&host, "u", NULL, 0, &e), &e);
}

static void missing_controller_is_named(void **state)
{
        struct err e;

        (void)state;
        assert_err(cgroup_limit_failed(-ENOENT, "memory", 1, &e), &e, ERR_UNSUPPORTED,
                   "this host cannot limit memory: the cgroup controller is missing");
        assert_err(cgroup_limit_failed(-EINVAL, "cpu", 5, &e), &e, ERR_USAGE,
                   "limit cpu to 5: Invalid argument");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(app_without_isolators_has_only_the_default_pids_limit),
                cmocka_unit_test(shares_come_from_the_isolator_then_request_then_limit),
                cmocka_unit_test(shares_stay_within_the_kernels_range),
                cmocka_unit_test(shares_map_onto_the_whole_range_of_weights),
                cmocka_unit_test(quota_is_a_share_of_the_period_and_at_least_a_millisecond),
                cmocka_unit_test(flat_files_are_read_by_whole_key),
                cmocka_unit_test(host_without_cgroups_runs_but_does_not_promise_limits),
                cmocka_unit_test(gc_refuses_paths_that_could_lead_elsewhere),
                cmocka_unit_test(missing_controller_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
