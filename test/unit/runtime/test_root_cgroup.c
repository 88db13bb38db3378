/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroups of this host, whatever their layout; and the joiner. Covers cgroup_v1.c, cgroup_v2.c and joiner.c. */
#include "sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/xattr.h>
#include <sys/wait.h>

#include "runtime/cgroup_priv.h"
#include "util/mem.h"
#include "util/time.h"

enum { TIMEOUT_MS = 5000 };

struct fixture {
        struct uuid uuid;
        struct runtime_cgroup_host *host;
        struct runtime_cgroup *pod, *app;
};

static void fixture_init(struct fixture *f)
{
        struct err e;

        *f = (struct fixture){ 0 };
        uuid_generate(&f->uuid);
        assert_ok(runtime_cgroup_host_open(&f->host, &e), &e);
        if (runtime_cgroup_host_mode(f->host) == RUNTIME_CGROUP_NONE)
                skip();
        assert_ok(runtime_cgroup_create_pod(f->host, f->uuid.text, &f->pod, &e), &e);
        assert_ok(runtime_cgroup_create_child(f->pod, "app", &f->app, &e), &e);
}

static void fixture_done(struct fixture *f)
{
        struct err e;

        if (f->pod) {
                assert_ok(runtime_cgroup_kill(f->pod, TIMEOUT_MS, &e), &e);
                while (waitpid(-1, NULL, WNOHANG) > 0)
                        ;
                assert_ok(runtime_cgroup_remove(f->pod, TIMEOUT_MS, &e), &e);
                assert_ok(runtime_cgroup_gc(f->host, f->uuid.text, NULL, TIMEOUT_MS, &e), &e);
        }
        runtime_cgroup_freep(&f->app);
        runtime_cgroup_freep(&f->pod);
        runtime_cgroup_host_freep(&f->host);
}

static bool exists(const struct fixture *f, const char *path)
{
        struct stat st;

        for (size_t i = 0; i < f->host->n; i++)
                if (fstatat(f->host->h[i].fd, path, &st, 0) == 0)
                        return true;
        return false;
}

/* A program in @cg, started by a joiner. */
static void start(const struct runtime_cgroup *cg, const char *script, struct proc *ret)
{
        AUTO(runtime_joiner_freep) struct runtime_joiner *j = NULL;
        char *argv[] = { "busybox", "sh", "-c", xstrdup(script), NULL };
        struct proc_spawn s = {
                .path = "/bin/busybox", .argv = argv, .chdir_fd = -1, .cgroup_fd = -1
        };
        struct err e;

        assert_ok(runtime_joiner_start(cg, &j, &e), &e);
        assert_ok(runtime_joiner_spawn(j, &s, ret, &e), &e);
        free(argv[3]);
}

static void wait_for_processes(const struct runtime_cgroup *cg, int want)
{
        nsec deadline = time_monotonic() + TIMEOUT_MS * NSEC_PER_MSEC;

        while (cgroup_each_pid(cg->fd[0], NULL, NULL) < want) {
                assert_true(time_monotonic() < deadline);
                (void)poll(NULL, 0, 1);
        }
}

static void file_is(const struct runtime_cgroup *cg, enum cgroup_controller v1, const char *v1_file,
                    const char *v1_text, const char *v2_file, const char *v2_text)
{
        bool v2 = cg->host->mode == RUNTIME_CGROUP_V2;
        int i = v2 ? cgroup_v2_index(cg->host) : cgroup_v1_index(cg->host, v1);
        AUTO(buf_done) struct buf text = BUF_NULL(4096);

        if (i < 0)
                return;
        assert_int_equal(cgroup_read(cg->fd[i], v2 ? v2_file : v1_file, &text), 0);
        assert_string_equal(buf_str(&text), v2 ? v2_text : v1_text);
}

static void cgroups_are_made_in_every_hierarchy_and_removed(void **state)
{
        struct fixture f;
        AUTO_FREE char *pod_path = NULL, *app_path = NULL;

        (void)state;
        fixture_init(&f);
        pod_path = xstrdup(runtime_cgroup_path(f.pod));
        app_path = xstrdup(runtime_cgroup_path(f.app));
        assert_int_not_equal(*pod_path, '/');
        for (size_t i = 0; i < f.host->n; i++) {
                struct stat st;

                assert_int_equal(fstatat(f.host->h[i].fd, app_path, &st, 0), 0);
        }
        fixture_done(&f);
        fixture_init(&f); /* opens the host again */
        assert_false(exists(&f, pod_path));
        fixture_done(&f);
}

static void limits_are_written(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct runtime_limits l = { .memory_limit_bytes = 64 << 20,
                                    .memory_request_bytes = 32 << 20,
                                    .cpu_limit_milli = 500,
                                    .cpu_shares = 512,
                                    .pids_limit = 20,
                                    .pids_required = true };
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(runtime_cgroup_limit(f.app, &l, &e), &e);
        file_is(f.app, CGROUP_MEMORY, "memory.limit_in_bytes", "67108864\n", "memory.max",
                "67108864\n");
        file_is(f.app, CGROUP_MEMORY, "memory.memsw.limit_in_bytes", "67108864\n",
                "memory.swap.max", "0\n");
        file_is(f.app, CGROUP_CPU, "cpu.cfs_quota_us", "50000\n", "cpu.max", "50000 100000\n");
        file_is(f.app, CGROUP_CPU, "cpu.shares", "512\n", "cpu.weight", "20\n");
        file_is(f.app, CGROUP_PIDS, "pids.max", "20\n", "pids.max", "20\n");
}

static void joiner_starts_inside_and_hands_descriptors_on(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(runtime_joiner_freep) struct runtime_joiner *j = NULL;
        AUTO(proc_done) struct proc p = PROC_NULL;
        AUTO_CLOSE int out = -1, in = -1;
        char *argv[] = { "busybox", "sh",
                         "-c",      "cat /proc/self/cgroup; echo \"$X\" \"$0\" \"$1\"; exit 7",
                         "a b",     "",
                         NULL };
        char *envp[] = { "X=from env", NULL };
        char text[4096] = "";
        int fds[2], status;
        size_t n = 0;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        out = fds[0];
        in = fds[1];
        assert_ok(runtime_joiner_start(f.app, &j, &e), &e);
        {
                const struct proc_fd map[] = { { in, 1 } };
                struct proc_spawn s = { .path = "/bin/busybox",
                                        .argv = argv,
                                        .envp = envp,
                                        .fds = map,
                                        .n_fds = 1,
                                        .chdir_fd = -1,
                                        .cgroup_fd = -1 };

                assert_ok(runtime_joiner_spawn(j, &s, &p, &e), &e);
        }
        closep(&in);
        for (ssize_t r; (r = read(out, text + n, sizeof(text) - 1 - n)) > 0;)
                n += (size_t)r;
        assert_ok(proc_wait(&p, &status, &e), &e);
        assert_int_equal(status, 7);
        assert_non_null(strstr(text, "from env a b \n"));
        for (size_t i = 0; i < f.host->n; i++)
                assert_non_null(strstr(text, runtime_cgroup_path(f.app)));
}

static void joiner_tells_a_failed_exec(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(runtime_joiner_freep) struct runtime_joiner *j = NULL;
        char *argv[] = { "x", NULL };
        struct proc_spawn s = { .path = "/no/such", .argv = argv, .chdir_fd = -1, .cgroup_fd = -1 };
        struct proc p = PROC_NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(runtime_joiner_start(f.app, &j, &e), &e);
        assert_err(runtime_joiner_spawn(j, &s, &p, &e), &e, ERR_NOT_FOUND,
                   "start /no/such: No such file or directory");
        assert_int_equal(p.pid, 0);
}

static void unused_joiner_is_gone_when_freed(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct runtime_joiner *j = NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(runtime_joiner_start(f.app, &j, &e), &e);
        j = runtime_joiner_free(j);
        assert_null(j);
        assert_int_equal(runtime_cgroup_is_empty(f.app), 1);
}

static void joiner_that_cannot_join_fails(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(runtime_joiner_freep) struct runtime_joiner *j = NULL;
        AUTO(runtime_cgroup_freep) struct runtime_cgroup *gone = NULL;
        char *argv[] = { "x", NULL };
        struct proc_spawn s = {
                .path = "/bin/true", .argv = argv, .chdir_fd = -1, .cgroup_fd = -1
        };
        struct proc p = PROC_NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(runtime_cgroup_create_child(f.pod, "gone", &gone, &e), &e);
        assert_ok(runtime_cgroup_remove(gone, 0, &e), &e);
        /* The v2 part refuses the clone, a v1 hierarchy the entry: either way before the program. */
        if (runtime_joiner_start(gone, &j, &e) == 0)
                assert_int_equal(runtime_joiner_spawn(j, &s, &p, &e), -1);
        assert_int_equal(e.kind, ERR_INTERNAL);
        assert_int_equal(p.pid, 0);
}

static void kill_ends_everything_inside(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(proc_done) struct proc p = PROC_NULL;
        struct err e;
        int status;

        (void)state;
        fixture_init(&f);
        start(f.app,
              "trap '' TERM; for i in 1 2 3 4 5; do (trap '' TERM; sleep 1000) & done; sleep 1000",
              &p);
        wait_for_processes(f.app, 6);
        assert_int_equal(runtime_cgroup_is_empty(f.app), 0);
        assert_int_equal(runtime_cgroup_is_empty(f.pod), 0);
        assert_ok(runtime_cgroup_kill(f.pod, TIMEOUT_MS, &e), &e);
        assert_ok(proc_wait(&p, &status, &e), &e);
        assert_int_equal(status, 128 + SIGKILL);
        assert_int_equal(runtime_cgroup_is_empty(f.pod), 1);
}

static void kill_overtakes_processes_that_fork_all_the_time(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(proc_done) struct proc p = PROC_NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        start(f.app,
              "i=0; while [ $i -lt 20 ]; do (while :; do /bin/busybox true; done) & i=$((i+1)); done;"
              "wait",
              &p);
        wait_for_processes(f.app, 15);
        assert_ok(runtime_cgroup_kill(f.app, TIMEOUT_MS, &e), &e);
        assert_int_equal(runtime_cgroup_is_empty(f.app), 1);
}

static void freezing_makes_killing_on_v1_certain(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(proc_done) struct proc p = PROC_NULL;
        nsec deadline = time_monotonic() + TIMEOUT_MS * NSEC_PER_MSEC;

        (void)state;
        fixture_init(&f);
        if (cgroup_v1_index(f.host, CGROUP_FREEZER) < 0)
                return; /* v2: cgroup.kill */
        start(f.app,
              "i=0; while [ $i -lt 20 ]; do (while :; do /bin/busybox true; done) & i=$((i+1)); done;"
              "wait",
              &p);
        wait_for_processes(f.app, 15);
        while (cgroup_v1_kill_once(f.app) > 0) {
                assert_true(time_monotonic() < deadline);
                (void)poll(NULL, 0, 1);
        }
        assert_int_equal(runtime_cgroup_is_empty(f.app), 1);
}

static void oom_kills_are_counted(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(proc_done) struct proc p = PROC_NULL;
        struct runtime_limits l = RUNTIME_LIMITS_NULL;
        struct err e;
        int status;

        (void)state;
        fixture_init(&f);
        l.memory_limit_bytes = 16 << 20;
        if (runtime_cgroup_limit(f.app, &l, &e) < 0)
                skip();
        assert_int_equal(runtime_cgroup_oom_kills(f.app), 0);
        start(f.app, "exec dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null", &p);
        assert_ok(proc_wait(&p, &status, &e), &e);
        assert_int_equal(status, 128 + SIGKILL);
        assert_true(runtime_cgroup_oom_kills(f.app) > 0);
}

static void devices_are_restricted(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(proc_done) struct proc p = PROC_NULL;
        struct err e;
        int status;

        (void)state;
        fixture_init(&f);
        assert_ok(runtime_cgroup_restrict_devices(f.app, &e), &e);
        start(f.app, "echo > /dev/null || exit 1; : < /dev/kmsg && exit 2; exit 0", &p);
        assert_ok(proc_wait(&p, &status, &e), &e);
        assert_int_not_equal(status, 2);
}

static void bpf_program_restricts_on_a_v2_hierarchy(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(proc_done) struct proc p = PROC_NULL;
        struct err e;
        int i, r, status;

        (void)state;
        fixture_init(&f);
        i = cgroup_v2_index(f.host);
        if (i < 0)
                skip();
        r = cgroup_v2_restrict_devices(f.app->fd[i]);
        if (r == -ENOSYS || r == -EPERM)
                skip();
        assert_int_equal(r, 0);
        start(f.app,
              "echo > /dev/null || exit 1; (: < /dev/kmsg) 2>/dev/null && exit 2;"
              "(: < /dev/zero) || exit 3; exit 0",
              &p);
        assert_ok(proc_wait(&p, &status, &e), &e);
        assert_int_equal(status, 0);
}

static void remove_waits_for_the_last_process_but_not_for_ever(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(proc_done) struct proc p = PROC_NULL;
        nsec before;
        struct err e;

        (void)state;
        fixture_init(&f);
        start(f.app, "sleep 1000", &p);
        before = time_monotonic();
        assert_int_equal(runtime_cgroup_remove(f.pod, 30, &e), -1);
        assert_int_equal(e.kind, ERR_BUSY);
        assert_true(time_monotonic() - before < 2 * NSEC_PER_SEC);
}

static void gc_kills_and_removes_what_a_dead_supervisor_left(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(proc_done) struct proc p = PROC_NULL;
        struct err e;
        int status;

        (void)state;
        fixture_init(&f);
        start(f.app, "sleep 1000", &p);
        assert_ok(
                runtime_cgroup_gc(f.host, f.uuid.text, runtime_cgroup_path(f.pod), TIMEOUT_MS, &e),
                &e);
        assert_ok(proc_wait(&p, &status, &e), &e);
        assert_false(exists(&f, runtime_cgroup_path(f.pod)));
        assert_ok(runtime_cgroup_gc(f.host, f.uuid.text, NULL, TIMEOUT_MS, &e), &e);
}

static void gc_leaves_other_peoples_cgroups_alone(void **state)
{
        AUTO(fixture_done) struct fixture f;
        struct err e;

        (void)state;
        fixture_init(&f);
        /* a path that does not end in the uuid, and that nobody delegated to us */
        assert_ok(runtime_cgroup_gc(f.host, "00000000-0000-4000-8000-000000000000",
                                    runtime_cgroup_path(f.pod), 0, &e),
                  &e);
        assert_true(exists(&f, runtime_cgroup_path(f.app)));
}

static void a_leftover_of_the_same_pod_is_reused(void **state)
{
        AUTO(fixture_done) struct fixture f;
        AUTO(runtime_cgroup_freep) struct runtime_cgroup *again = NULL, *app = NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(runtime_cgroup_create_pod(f.host, f.uuid.text, &again, &e), &e);
        assert_ok(runtime_cgroup_create_child(again, "app", &app, &e), &e);
        assert_string_equal(runtime_cgroup_path(app), runtime_cgroup_path(f.app));
}

/* --- A unit's cgroup that systemd has delegated: played by a directory with its mark --- */

#define UNIT "carob-test.service"

/* Runs in a child that is alone in the unit's cgroup. 0, or the number of what went wrong. */
static int use_delegated(void)
{
        AUTO(runtime_cgroup_host_freep) struct runtime_cgroup_host *host = NULL;
        AUTO(runtime_cgroup_freep) struct runtime_cgroup *pod = NULL, *app = NULL;
        AUTO(proc_done) struct proc p = PROC_NULL;
        struct runtime_limits l = RUNTIME_LIMITS_NULL;
        struct err e;
        int status;

        if (runtime_cgroup_host_open(&host, &e) < 0 ||
            runtime_cgroup_create_pod(host, "3c6e4a0e-0000-4000-8000-000000000000", &pod, &e) < 0)
                return 1;
        if (strcmp(runtime_cgroup_path(pod), UNIT) != 0)
                return 2;
        if (runtime_cgroup_create_child(pod, "app", &app, &e) < 0)
                return 3;
        l.pids_limit = 10;
        l.pids_required = true;
        if (runtime_cgroup_limit(app, &l, &e) < 0)
                return 4;
        start(app, "exit 6", &p);
        if (proc_wait(&p, &status, &e) < 0 || status != 6)
                return 5;
        if (runtime_cgroup_remove(pod, TIMEOUT_MS, &e) < 0)
                return 6;
        /* The unit's own is systemd's to remove; what was in it is gone. */
        if (faccessat(pod->fd[0], "app", F_OK, 0) == 0)
                return 7;
        return 0;
}

static void a_delegated_cgroup_of_ours_alone_is_the_pods(void **state)
{
        AUTO(runtime_cgroup_host_freep) struct runtime_cgroup_host *host = NULL;
        struct proc child = PROC_NULL;
        struct err e;
        int i, r, status;

        (void)state;
        assert_ok(runtime_cgroup_host_open(&host, &e), &e);
        i = host->mode == RUNTIME_CGROUP_V2 ? cgroup_v2_index(host)
                                            : cgroup_v1_index(host, CGROUP_SYSTEMD);
        if (i < 0)
                return;
        (void)cgroup_v2_enable(host->h[i].fd);
        assert_int_equal(mkdirat(host->h[i].fd, UNIT, 0755), 0);
        {
                AUTO_CLOSE int unit = fs_open_dir(host->h[i].fd, UNIT);

                assert_int_equal(fsetxattr(unit, "trusted.delegate", "1", 1, 0), 0);
                r = proc_fork(-1, &child);
                assert_true(r >= 0);
                if (r == 1)
                        _exit(cgroup_write(unit, "cgroup.procs", "0") < 0 ? 99 : use_delegated());
        }
        assert_ok(proc_wait(&child, &status, &e), &e);
        proc_done(&child);
        for (size_t k = 0; k < host->n; k++) {
                (void)unlinkat(host->h[k].fd, UNIT "/_carob", AT_REMOVEDIR);
                (void)unlinkat(host->h[k].fd, UNIT, AT_REMOVEDIR);
        }
        assert_int_equal(status, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(cgroups_are_made_in_every_hierarchy_and_removed),
                cmocka_unit_test(limits_are_written),
                cmocka_unit_test(joiner_starts_inside_and_hands_descriptors_on),
                cmocka_unit_test(joiner_tells_a_failed_exec),
                cmocka_unit_test(unused_joiner_is_gone_when_freed),
                cmocka_unit_test(joiner_that_cannot_join_fails),
                cmocka_unit_test(kill_ends_everything_inside),
                cmocka_unit_test(kill_overtakes_processes_that_fork_all_the_time),
                cmocka_unit_test(freezing_makes_killing_on_v1_certain),
                cmocka_unit_test(oom_kills_are_counted),
                cmocka_unit_test(devices_are_restricted),
                cmocka_unit_test(bpf_program_restricts_on_a_v2_hierarchy),
                cmocka_unit_test(remove_waits_for_the_last_process_but_not_for_ever),
                cmocka_unit_test(gc_kills_and_removes_what_a_dead_supervisor_left),
                cmocka_unit_test(gc_leaves_other_peoples_cgroups_alone),
                cmocka_unit_test(a_leftover_of_the_same_pod_is_reused),
                cmocka_unit_test(a_delegated_cgroup_of_ours_alone_is_the_pods),
        };

        sandbox_require();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
