/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/wait.h>

#include "pod/change.h"
#include "fixture.h"

static void a_new_pod_is_locked_in_prepare(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = POD_NULL, other = POD_NULL;
        struct stat st;
        struct err e;

        (void)state;
        assert_ok(pod_create(&w.s, &p, &e), &e);
        assert_int_equal(p.dir, POD_DIR_PREPARE);
        assert_true(uuid_is_valid(p.uuid.text));
        assert_int_equal(fstat(p.fd, &st), 0);
        assert_int_equal(st.st_mode & 07777, st.st_mode & S_ISGID ? 02750 : 0750);
        assert_ok(pod_open(&w.s, p.uuid.text, &other, &e), &e);
        assert_true(pod_is_locked(&other));
        assert_int_equal(pod_state_sample(&w.s, &other), POD_PREPARING);
}

static void making_the_store_twice_is_fine(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO(pod_store_done) struct pod_store again = POD_STORE_NULL;
        struct err e;

        (void)state;
        assert_ok(pod_store_create(w.dir.fd, &again, &e), &e);
        assert_true(again.dir_fd[POD_DIR_GARBAGE] >= 0);
}

static void the_death_of_the_owner_is_an_aborted_prepare(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w), other = POD_NULL;
        struct err e;

        (void)state;
        assert_ok(pod_open(&w.s, p.uuid.text, &other, &e), &e);
        pod_done(&p); /* the kernel does the same to a process that is killed */
        assert_int_equal(pod_state_sample(&w.s, &other), POD_ABORTED_PREPARE);
}

static void a_pod_goes_the_whole_way(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w);
        struct err e;

        (void)state;
        assert_ok(pod_sync(&p, &e), &e);
        assert_int_equal(pod_to_prepared(&w.s, &p, &e), POD_MOVED);
        assert_int_equal(state_of(&w, &p), POD_PREPARED);
        assert_int_equal(pod_to_run(&w.s, &p, &e), POD_MOVED);
        assert_int_equal(state_of(&w, &p), POD_RUNNING);
        assert_int_equal(flock_release(p.fd), 0);
        assert_int_equal(state_of(&w, &p), POD_EXITED);
        assert_int_equal(pod_to_exited_garbage(&w.s, &p, &e), POD_MOVED);
        assert_int_equal(state_of(&w, &p), POD_EXITED_GARBAGE);
        assert_ok(pod_lock(&w.s, &p, &e), &e);
        assert_int_equal(state_of(&w, &p), POD_EXITED_DELETING);
}

static bool has(const struct pod *p, const char *name)
{
        return faccessat(p->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Its owner died between the mark and the move. */
static void a_pod_that_did_not_get_prepared_loses_the_mark(void **state)
{
        AUTO_WORLD struct world w = world_new();
        struct err e;

        (void)state;
        for (int i = 0; i < 3; i++) {
                AUTO_POD struct pod p = preparing(&w);
                AUTO(buf_done) struct buf b = BUF_NULL(100);

                if (i < 2)
                        assert_ok(pod_write_prepared(p.fd, &e), &e);
                if (i == 1)
                        assert_ok(pod_write_aborted(p.fd, "why", &e), &e);
                assert_int_equal(flock_release(p.fd), 0);
                assert_int_equal(pod_to_garbage(&w.s, &p, &e), POD_MOVED);
                assert_false(has(&p, "pod-prepared"));
                assert_int_equal(has(&p, "pod-aborted"), i < 2);
                assert_int_equal(fs_read_file(p.fd, "pod-aborted", &b), i < 2 ? 0 : -ENOENT);
                assert_string_equal(buf_str(&b), i == 1 ? "why" : "");
        }
}

static void a_pod_that_was_prepared_keeps_the_mark(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w), late = POD_NULL;
        struct err e;

        (void)state;
        assert_ok(pod_write_prepared(p.fd, &e), &e);
        assert_ok(pod_open(&w.s, p.uuid.text, &late, &e), &e);
        assert_int_equal(pod_to_prepared(&w.s, &p, &e), POD_MOVED);
        assert_int_equal(flock_release(p.fd), 0);
        /* By somebody who saw it in prepare/ last. */
        assert_int_equal(pod_to_garbage(&w.s, &late, &e), POD_MOVE_LOST);
        assert_true(has(&p, "pod-prepared"));
        assert_int_equal(pod_to_garbage(&w.s, &p, &e), POD_MOVED);
        assert_true(has(&p, "pod-prepared"));
}

static void a_prepared_pod_may_become_garbage(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = prepared(&w);
        struct err e;

        (void)state;
        assert_int_equal(pod_to_garbage(&w.s, &p, &e), POD_MOVED);
        assert_int_equal(state_of(&w, &p), POD_GARBAGE);
        assert_ok(pod_lock(&w.s, &p, &e), &e);
        assert_int_equal(state_of(&w, &p), POD_DELETING);
}

static void the_lock_is_refused_at_once_with_the_pods_name(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = prepared(&w), other = POD_NULL;
        nsec start = time_monotonic();
        char want[128];
        struct err e;

        (void)state;
        assert_ok(pod_lock(&w.s, &p, &e), &e);
        assert_ok(pod_open(&w.s, p.uuid.text, &other, &e), &e);
        (void)snprintf(want, sizeof(want), "pod %s is in use by another process", p.uuid.text);
        assert_err(pod_lock(&w.s, &other, &e), &e, ERR_BUSY, want);
        assert_true(time_monotonic() - start < NSEC_PER_SEC);
}

static void a_readers_probe_does_not_cost_the_lock(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited_garbage(&w), reader = POD_NULL;
        pid_t child;
        struct err e;

        (void)state;
        assert_ok(pod_open(&w.s, p.uuid.text, &reader, &e), &e);
        assert_int_equal(flock_try_shared(reader.fd), 0);
        child = fork();
        if (child == 0) {
                (void)usleep(5000);
                (void)flock_release(reader.fd); /* the description is shared: this drops it */
                _exit(0);
        }
        assert_ok(pod_lock(&w.s, &p, &e), &e);
        assert_int_equal(waitpid(child, NULL, 0), child);
}

static void locking_tells_where_the_pod_is_by_then(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 0), late = POD_NULL, too_late = POD_NULL;
        struct err e;

        (void)state;
        assert_ok(pod_open(&w.s, p.uuid.text, &late, &e), &e);
        assert_ok(pod_open(&w.s, p.uuid.text, &too_late, &e), &e);
        assert_int_equal(pod_to_exited_garbage(&w.s, &p, &e), POD_MOVED);
        assert_ok(pod_lock(&w.s, &late, &e), &e);
        assert_int_equal(late.dir, POD_DIR_EXITED_GARBAGE);
        pod_done(&late);
        assert_int_equal(fs_remove_tree(w.s.dir_fd[POD_DIR_EXITED_GARBAGE], p.uuid.text), 0);
        assert_int_equal(pod_lock(&w.s, &too_late, &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void of_two_movers_one_loses_and_is_told(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 0), other = POD_NULL;
        char want[128];
        struct err e;

        (void)state;
        assert_ok(pod_open(&w.s, p.uuid.text, &other, &e), &e);
        assert_int_equal(pod_to_exited_garbage(&w.s, &p, &e), POD_MOVED);
        assert_int_equal(pod_to_exited_garbage(&w.s, &other, &e), POD_MOVE_LOST);
        assert_int_equal(e.kind, ERR_STATE);
        (void)snprintf(want, sizeof(want), "pod %s was moved or removed by another process",
                       p.uuid.text);
        assert_string_equal(e.text, want);
        assert_int_equal(other.dir, POD_DIR_EXITED_GARBAGE);
}

static void what_has_an_owner_is_not_marked(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod run = running(&w, 1), gc = POD_NULL;
        AUTO_POD struct pod prep = preparing(&w), gc2 = POD_NULL;
        struct err e;

        (void)state;
        assert_ok(pod_open(&w.s, run.uuid.text, &gc, &e), &e);
        assert_int_equal(pod_to_exited_garbage(&w.s, &gc, &e), POD_MOVE_LOST);
        assert_int_equal(e.kind, ERR_BUSY);
        assert_ok(pod_open(&w.s, prep.uuid.text, &gc2, &e), &e);
        assert_int_equal(pod_to_garbage(&w.s, &gc2, &e), POD_MOVE_LOST);
        assert_int_equal(e.kind, ERR_BUSY);
}

static void backward_and_sideward_moves_are_refused(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 0);
        char want[128];
        struct err e;

        (void)state;
        assert_int_equal(pod_to_run(&w.s, &p, &e), POD_MOVE_FAILED);
        assert_int_equal(e.kind, ERR_STATE);
        (void)snprintf(want, sizeof(want), "pod %s is in run already: another process was first",
                       p.uuid.text);
        assert_string_equal(e.text, want);
        assert_int_equal(pod_to_prepared(&w.s, &p, &e), POD_MOVE_FAILED);
        assert_int_equal(pod_to_garbage(&w.s, &p, &e), POD_MOVE_FAILED);
}

static void a_move_never_replaces(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w);
        struct err e;

        (void)state;
        assert_int_equal(mkdirat(w.s.dir_fd[POD_DIR_RUN], p.uuid.text, 0700), 0);
        assert_int_equal(pod_to_run(&w.s, &p, &e), POD_MOVE_LOST);
        assert_int_equal(p.dir, POD_DIR_PREPARE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_new_pod_is_locked_in_prepare),
                cmocka_unit_test(making_the_store_twice_is_fine),
                cmocka_unit_test(the_death_of_the_owner_is_an_aborted_prepare),
                cmocka_unit_test(a_pod_goes_the_whole_way),
                cmocka_unit_test(a_pod_that_did_not_get_prepared_loses_the_mark),
                cmocka_unit_test(a_pod_that_was_prepared_keeps_the_mark),
                cmocka_unit_test(a_prepared_pod_may_become_garbage),
                cmocka_unit_test(the_lock_is_refused_at_once_with_the_pods_name),
                cmocka_unit_test(a_readers_probe_does_not_cost_the_lock),
                cmocka_unit_test(locking_tells_where_the_pod_is_by_then),
                cmocka_unit_test(of_two_movers_one_loses_and_is_told),
                cmocka_unit_test(what_has_an_owner_is_not_marked),
                cmocka_unit_test(backward_and_sideward_moves_are_refused),
                cmocka_unit_test(a_move_never_replaces),
        };
        return cmocka_run_group_tests_name("pod/change", tests, NULL, NULL);
}
