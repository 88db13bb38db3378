/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "logs/follow.h"
#include "util/flock.h"

enum { SOON_MS = 5000 };

/* The pod's lock, held as a supervisor holds it: by a descriptor of its own. */
static int hold_lock(const struct test_dir *d)
{
        int fd = fs_open_dir(d->fd, ".");

        assert_true(fd >= 0);
        assert_int_equal(flock_try_exclusive(fd), 0);
        return fd;
}

static enum logs_follow_event wait_event(struct logs_follow *f, int timeout_ms)
{
        enum logs_follow_event event;
        struct err e;

        assert_ok(logs_follow_wait(f, timeout_ms, &event, &e), &e);
        return event;
}

static void pod_that_is_not_running_has_ended_at_once(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_follow_freep) struct logs_follow *f = NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_ok(logs_follow_open(d.fd, NULL, &f, &e), &e);
        assert_int_equal(logs_follow_check(f), LOGS_FOLLOW_ENDED);
        assert_int_equal(wait_event(f, -1), LOGS_FOLLOW_ENDED);
}

static void growth_then_status_are_told(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_follow_freep) struct logs_follow *f = NULL;
        AUTO_CLOSE int lock = -1;
        struct err e;
        (void)state;

        test_dir_init(&d);
        lock = hold_lock(&d);
        assert_int_equal(fs_mkdir(d.fd, "logs", 0750), 0);
        assert_ok(logs_follow_open(d.fd, NULL, &f, &e), &e);
        assert_int_equal(wait_event(f, 0), LOGS_FOLLOW_QUIET);
        assert_int_equal(wait_event(f, 20), LOGS_FOLLOW_QUIET);
        assert_int_equal(fs_write_file(d.fd, "logs/a.log", "x", 1, 0640), 0);
        assert_int_equal(wait_event(f, SOON_MS), LOGS_FOLLOW_GROWN);
        assert_int_equal(wait_event(f, 0), LOGS_FOLLOW_QUIET);
        assert_int_equal(fs_write_file(d.fd, "status", "{}", 2, 0640), 0);
        assert_int_equal(wait_event(f, SOON_MS), LOGS_FOLLOW_ENDED);
        assert_int_equal(logs_follow_check(f), LOGS_FOLLOW_ENDED);
}

static void log_directory_made_later_is_watched(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_follow_freep) struct logs_follow *f = NULL;
        AUTO_CLOSE int lock = -1;
        struct err e;
        (void)state;

        test_dir_init(&d);
        lock = hold_lock(&d);
        assert_ok(logs_follow_open(d.fd, NULL, &f, &e), &e);
        assert_int_equal(fs_mkdir(d.fd, "logs", 0750), 0);
        assert_int_equal(wait_event(f, SOON_MS), LOGS_FOLLOW_GROWN);
        assert_int_equal(fs_write_file(d.fd, "logs/a.log", "x", 1, 0640), 0);
        assert_int_equal(wait_event(f, SOON_MS), LOGS_FOLLOW_GROWN);
}

static void killed_pod_is_seen_by_its_init_and_its_lock(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_follow_freep) struct logs_follow *f = NULL;
        char text[32];
        int lock, status;
        struct err e;
        pid_t pid;
        (void)state;

        test_dir_init(&d);
        lock = hold_lock(&d);
        pid = fork();
        if (pid == 0) {
                for (;;)
                        (void)pause();
        }
        assert_true(pid > 0);
        assert_ok(logs_follow_open(d.fd, NULL, &f, &e), &e);
        (void)snprintf(text, sizeof(text), "%d\n", pid);
        assert_int_equal(fs_write_file(d.fd, "pid", text, strlen(text), 0640), 0);
        assert_int_equal(wait_event(f, 30), LOGS_FOLLOW_QUIET);
        /* The child shares the lock's description: it falls with the last of the two. */
        assert_int_equal(close(lock), 0);
        assert_int_equal(wait_event(f, 30), LOGS_FOLLOW_QUIET);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(wait_event(f, SOON_MS), LOGS_FOLLOW_ENDED);
        assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void many_share_one_watcher(void **state)
{
        enum { FOLLOWERS = 200 }; /* more than a user has inotifies */
        AUTO_TEST_DIR struct test_dir d;
        struct logs_follow *f[FOLLOWERS];
        AUTO(logs_watcher_freep) struct logs_watcher *w = NULL;
        AUTO_CLOSE int lock = -1;
        struct err e;
        (void)state;

        test_dir_init(&d);
        lock = hold_lock(&d);
        assert_int_equal(fs_mkdir(d.fd, "logs", 0750), 0);
        assert_ok(logs_watcher_new(&w, &e), &e);
        for (size_t i = 0; i < FOLLOWERS; i++)
                assert_ok(logs_follow_open(d.fd, w, &f[i], &e), &e);
        assert_int_equal(fs_write_file(d.fd, "logs/a.log", "x", 1, 0640), 0);
        logs_watcher_dispatch(w);
        for (size_t i = 0; i < FOLLOWERS; i++) {
                assert_int_equal(wait_event(f[i], SOON_MS), LOGS_FOLLOW_GROWN);
                assert_int_equal(logs_follow_check(f[i]), LOGS_FOLLOW_QUIET);
        }
        /* Those that are left go on. */
        for (size_t i = 1; i < FOLLOWERS; i++)
                f[i] = logs_follow_free(f[i]);
        assert_int_equal(fs_write_file(d.fd, "logs/a.log", "y", 1, 0640), 0);
        logs_watcher_dispatch(w);
        assert_int_equal(wait_event(f[0], SOON_MS), LOGS_FOLLOW_GROWN);
        assert_int_equal(fs_write_file(d.fd, "status", "{}", 2, 0640), 0);
        logs_watcher_dispatch(w);
        assert_int_equal(wait_event(f[0], SOON_MS), LOGS_FOLLOW_ENDED);
        logs_follow_free(f[0]);
}

static void a_directory_that_goes_away_is_forgotten(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_watcher_freep) struct logs_watcher *w = NULL;
        AUTO(logs_follow_freep) struct logs_follow *f = NULL;
        AUTO_CLOSE int lock = -1;
        struct err e;
        (void)state;

        test_dir_init(&d);
        lock = hold_lock(&d);
        assert_int_equal(fs_mkdir(d.fd, "logs", 0750), 0);
        assert_ok(logs_watcher_new(&w, &e), &e);
        assert_ok(logs_follow_open(d.fd, w, &f, &e), &e);
        assert_int_equal(unlinkat(d.fd, "logs", AT_REMOVEDIR), 0);
        logs_watcher_dispatch(w);
        assert_int_equal(wait_event(f, SOON_MS), LOGS_FOLLOW_GROWN);
        assert_int_equal(logs_follow_check(f), LOGS_FOLLOW_QUIET);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pod_that_is_not_running_has_ended_at_once),
                cmocka_unit_test(growth_then_status_are_told),
                cmocka_unit_test(log_directory_made_later_is_watched),
                cmocka_unit_test(killed_pod_is_seen_by_its_init_and_its_lock),
                cmocka_unit_test(many_share_one_watcher),
                cmocka_unit_test(a_directory_that_goes_away_is_forgotten),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
