/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "util/auto.h"
#include "util/buf.h"
#include "util/fs.h"
#include "util/mem.h"

struct fixture {
        char dir[64];
        char *config;
};

static int set_up(void **state)
{
        struct fixture *f = xcalloc(1, sizeof(*f));

        (void)snprintf(f->dir, sizeof(f->dir), "/tmp/test-feed-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        f->config = xasprintf("%s/config.json", f->dir);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        static const char *const names[] = { "config.json", "config.fifo", "config.json.new" };
        struct fixture *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                AUTO_FREE char *path = xasprintf("%s/%s", f->dir, names[i]);

                (void)unlink(path);
        }
        (void)rmdir(f->dir);
        free(f->config);
        free(f);
        return 0;
}

/* A process that reads config.json to its end, and exits 0 when it is @text. */
static pid_t reader(const struct fixture *f, const char *text, size_t len)
{
        pid_t pid = fork();

        if (pid == 0) {
                AUTO(buf_done) struct buf got = BUF_NULL(8u << 20);
                int fd = open(f->config, O_RDONLY | O_CLOEXEC);

                (void)alarm(20);
                _exit(fd >= 0 && fs_read_fd(fd, &got) == 0 && got.len == len &&
                                      memcmp(got.data, text, len) == 0
                              ? 0
                              : 1);
        }
        return pid;
}

static int status_of(pid_t pid)
{
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

/* Until somebody was fed, or one second has passed. */
static int feed(const struct fixture *f)
{
        for (int i = 0; i < 200; i++) {
                int r = runtime_feed_waiting(f->dir);

                if (r != 0)
                        return r;
                (void)poll(NULL, 0, 5);
        }
        return 0;
}

static void a_reader_that_came_early_gets_the_text(void **state)
{
        const struct fixture *f = *state;
        struct err e;
        pid_t pid;

        assert_ok(runtime_feed_open(f->dir, &e), &e);
        assert_int_equal(runtime_feed_waiting(f->dir), 0);
        pid = reader(f, "{}", 2);
        (void)poll(NULL, 0, 50);
        assert_ok(runtime_feed_text(f->dir, "{}", 2, &e), &e);
        assert_int_equal(feed(f), 1);
        assert_int_equal(status_of(pid), 0);
}

static void a_reader_that_comes_late_finds_a_file(void **state)
{
        const struct fixture *f = *state;
        struct stat st;
        struct err e;

        assert_ok(runtime_feed_open(f->dir, &e), &e);
        assert_ok(runtime_feed_text(f->dir, "{}", 2, &e), &e);
        assert_int_equal(runtime_feed_waiting(f->dir), 0);
        assert_int_equal(lstat(f->config, &st), 0);
        assert_true(S_ISREG(st.st_mode));
        assert_int_equal(status_of(reader(f, "{}", 2)), 0);
}

/* It had looked the name up before the file took its place. */
static void a_reader_between_the_steps_is_fed_later(void **state)
{
        const struct fixture *f = *state;
        struct fixture between = *f;
        struct err e;
        pid_t pid;

        assert_ok(runtime_feed_open(f->dir, &e), &e);
        assert_ok(runtime_feed_text(f->dir, "{}", 2, &e), &e);
        assert_int_equal(runtime_feed_waiting(f->dir), 0);
        between.config = xasprintf("%s/config.fifo", f->dir);
        pid = reader(&between, "{}", 2);
        free(between.config);
        assert_int_equal(feed(f), 1);
        assert_int_equal(status_of(pid), 0);
}

static void a_text_larger_than_a_pipe_arrives_whole(void **state)
{
        const struct fixture *f = *state;
        size_t len = 3u << 20;
        AUTO_FREE char *text = xmalloc(len);
        struct err e;
        pid_t pid;

        for (size_t i = 0; i < len; i++)
                text[i] = (char)('a' + i % 23);
        assert_ok(runtime_feed_open(f->dir, &e), &e);
        pid = reader(f, text, len);
        assert_ok(runtime_feed_text(f->dir, text, len, &e), &e);
        (void)feed(f); /* 0 when the reader found the file */
        assert_int_equal(status_of(pid), 0);
}

static void a_reader_that_died_is_not_waited_for(void **state)
{
        const struct fixture *f = *state;
        struct err e;
        pid_t pid;

        assert_ok(runtime_feed_open(f->dir, &e), &e);
        pid = reader(f, "{}", 2);
        (void)poll(NULL, 0, 50);
        assert_int_equal(kill(pid, SIGKILL), 0);
        (void)status_of(pid);
        assert_ok(runtime_feed_text(f->dir, "{}", 2, &e), &e);
        assert_int_equal(runtime_feed_waiting(f->dir), 0);
}

static void without_a_fifo_there_is_nobody(void **state)
{
        const struct fixture *f = *state;
        struct err e;

        assert_ok(runtime_feed_text(f->dir, "{}", 2, &e), &e);
        assert_int_equal(runtime_feed_waiting(f->dir), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_reader_that_came_early_gets_the_text, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_reader_that_comes_late_finds_a_file, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_reader_between_the_steps_is_fed_later, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_text_larger_than_a_pipe_arrives_whole, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_reader_that_died_is_not_waited_for, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(without_a_fifo_there_is_nobody, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
