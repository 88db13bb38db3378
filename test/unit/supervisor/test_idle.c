/* SPDX-License-Identifier: Apache-2.0 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "supervisor/idle.h"
#include "util/time.h"

static long rss_pages(pid_t pid)
{
        AUTO_FILE FILE *f = NULL;
        char path[32];
        long size, rss;

        (void)snprintf(path, sizeof(path), "/proc/%d/statm", pid);
        f = fopen(path, "re");
        if (!f || fscanf(f, "%ld %ld", &size, &rss) != 2)
                return -1;
        return rss;
}

static void idler_sleeps_through_everything_but_kill(void **state)
{
        nsec deadline = time_monotonic() + 5 * NSEC_PER_SEC;
        long full = rss_pages(getpid());
        sigset_t all, before;
        int status;
        pid_t pid;

        (void)state;
        /* Before the fork, or the first SIGTERM below may come too early. */
        (void)sigfillset(&all);
        (void)sigprocmask(SIG_SETMASK, &all, &before);
        pid = fork();
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG,
                            SIGKILL); /* else a failed test would leave it for ever */
                idle_for_ever();
        }
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        assert_true(pid > 0);
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
        while (rss_pages(pid) > 4 && time_monotonic() < deadline)
                (void)usleep(1000);
        assert_true(rss_pages(pid) <= 4);
#endif
        (void)deadline;
        assert_true(full > 0);
        /* The kernel touches what is registered with it when it wakes the process. */
        for (int i = 0; i < 50; i++) {
                assert_int_equal(kill(pid, SIGSTOP), 0);
                assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
                assert_true(WIFSTOPPED(status));
                assert_int_equal(kill(pid, SIGCONT), 0);
                assert_int_equal(kill(pid, SIGTERM), 0);
        }
        assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void forgotten_code_still_runs(void **state)
{
        static const char *const constant = "constant data";
        (void)state;

        idle_forget_code();
        assert_string_equal(constant, "constant data");
        assert_true(rss_pages(getpid()) > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(idler_sleeps_through_everything_but_kill),
                cmocka_unit_test(forgotten_code_still_runs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
