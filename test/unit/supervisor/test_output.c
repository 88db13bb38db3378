/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors 1 and 2 are pipes of the test while an attached output is open. */
#include "test.h"

#include <signal.h>

#include "supervisor/output.h"

struct world {
        struct test_dir dir;
        struct loop loop;
        struct output output;
        struct output_app app;
        int ends[LOGS_STREAM_MAX];  /* the app's */
        int saved[LOGS_STREAM_MAX]; /* our own 1 and 2 */
        int readers[LOGS_STREAM_MAX];
};

static void world_init(struct world *w, bool attached)
{
        struct err e;

        *w = (struct world){ .loop = LOOP_NULL };
        test_dir_init(&w->dir);
        const struct output_how how = { .limits = LOGS_LIMITS_DEFAULT, .attached = attached };

        assert_ok(loop_init(&w->loop, &e), &e);
        for (int i = 0; i < 2; i++) {
                int fds[2];

                assert_int_equal(pipe(fds), 0);
                w->readers[i] = fds[0];
                assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
                (void)fflush(i ? stderr : stdout);
                w->saved[i] = fcntl(i + 1, F_DUPFD_CLOEXEC, 10);
                assert_int_equal(dup2(fds[1], i + 1), i + 1);
                (void)close(fds[1]);
        }
        assert_ok(output_init_consume(&w->output, &w->loop, fcntl(w->dir.fd, F_DUPFD_CLOEXEC, 3),
                                      &how, &e),
                  &e);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(dup2(w->saved[i], i + 1), i + 1);
                (void)close(w->saved[i]);
        }
        assert_ok(output_add(&w->output, &w->app, "app", w->ends, &e), &e);
}

static void world_done(struct world *w)
{
        for (int i = 0; i < 2; i++) {
                closep(&w->ends[i]);
                closep(&w->readers[i]);
        }
        output_app_done(&w->output, &w->app);
        output_done(&w->output);
        loop_done(&w->loop);
        test_dir_done(&w->dir);
}

static size_t entries(const struct world *w, struct buf *text)
{
        AUTO(buf_done) struct buf file = BUF_NULL(64 << 20);
        size_t n = 0;

        assert_int_equal(fs_read_file(w->dir.fd, "app.log", &file), 0);
        for (size_t at = 0; at < file.len; n++) {
                const uint8_t *nl = memchr(file.data + at, '\n', file.len - at);
                struct logs_entry entry;
                size_t end = (size_t)(nl - file.data);

                assert_int_equal(logs_format_parse((char *)file.data + at, end - at, &entry), 0);
                assert_int_equal(buf_append(text, entry.text, entry.len), 0);
                if (!entry.partial)
                        assert_int_equal(buf_putc(text, '\n'), 0);
                at = end + 1;
        }
        return n;
}

static void output_reaches_log_and_reader(void **state)
{
        struct world w;
        char got[16] = "";
        (void)state;

        world_init(&w, true);
        assert_int_equal(write(w.ends[0], "out\n", 4), 4);
        assert_int_equal(write(w.ends[1], "err\n", 4), 4);
        closep(&w.ends[0]);
        closep(&w.ends[1]);
        while (!output_finish(&w.output))
                assert_true(loop_turn(&w.loop, 1000) > 0);
        assert_int_equal(read(w.readers[0], got, sizeof(got)), 4);
        assert_memory_equal(got, "out\n", 4);
        assert_int_equal(read(w.readers[1], got, sizeof(got)), 4);
        assert_memory_equal(got, "err\n", 4);
        world_done(&w);
}

static void detached_output_is_only_logged(void **state)
{
        AUTO(buf_done) struct buf text = BUF_NULL(1000);
        struct world w;
        char byte;
        (void)state;

        world_init(&w, false);
        assert_int_equal(write(w.ends[0], "a\nb", 3), 3);
        assert_true(loop_turn(&w.loop, 1000) > 0);
        assert_int_equal(read(w.readers[0], &byte, 1), 0); /* nobody holds the other end */
        assert_int_equal(entries(&w, &text), 2);
        assert_string_equal(buf_str(&text), "a\nb");
        world_done(&w);
}

/* Fill the reader's pipe until nothing is read from the app any more. Returns the bytes written. */
static size_t block(struct world *w)
{
        static char line[1000];
        size_t total = 0;

        memset(line, 'x', sizeof(line));
        line[sizeof(line) - 1] = '\n';
        assert_int_equal(fcntl(w->ends[0], F_SETFL, O_NONBLOCK), 0);
        while (!w->output.pending_to) {
                ssize_t n = write(w->ends[0], line, sizeof(line));

                assert_true(n == (ssize_t)sizeof(line) || (n < 0 && errno == EAGAIN));
                total += n > 0 ? (size_t)n : 0;
                assert_true(loop_turn(&w->loop, n > 0 ? 0 : 10) >= 0);
        }
        assert_int_equal(write(w->ends[0], line, sizeof(line)), sizeof(line));
        assert_int_equal(loop_turn(&w->loop, 0), 0);
        return total + sizeof(line);
}

static size_t drain(int fd)
{
        char data[4096];
        size_t total = 0;
        ssize_t n;

        while ((n = read(fd, data, sizeof(data))) > 0)
                total += (size_t)n;
        return total;
}

static void slow_reader_pauses_the_app_and_gets_all(void **state)
{
        AUTO(buf_done) struct buf text = BUF_NULL(16 << 20);
        struct world w;
        size_t total, got = 0;
        (void)state;

        world_init(&w, true);
        total = block(&w);
        closep(&w.ends[0]);
        closep(&w.ends[1]);
        assert_false(output_finish(&w.output));
        while (!output_finish(&w.output)) {
                got += drain(w.readers[0]);
                assert_true(loop_turn(&w.loop, 1000) > 0);
        }
        got += drain(w.readers[0]);
        assert_int_equal(got, total);
        (void)entries(&w, &text);
        assert_int_equal(text.len, total);
        world_done(&w);
}

static void lossy_output_waits_for_nobody(void **state)
{
        AUTO(buf_done) struct buf text = BUF_NULL(16 << 20);
        struct world w;
        size_t total;
        (void)state;

        world_init(&w, true);
        total = block(&w);
        output_make_lossy(&w.output);
        closep(&w.ends[0]);
        closep(&w.ends[1]);
        assert_true(output_finish(&w.output));
        (void)entries(&w, &text);
        assert_int_equal(text.len, total);
        world_done(&w);
}

static void reader_that_goes_away_frees_the_app(void **state)
{
        struct world w;
        (void)state;

        world_init(&w, true);
        (void)block(&w);
        closep(&w.readers[0]);
        assert_true(loop_turn(&w.loop, 1000) > 0);
        assert_null(w.output.pending_to);
        closep(&w.ends[0]);
        closep(&w.ends[1]);
        assert_true(output_finish(&w.output));
        world_done(&w);
}

static void pages_are_given_back_but_not_what_is_pending(void **state)
{
        struct world w;
        (void)state;

        world_init(&w, true);
        (void)block(&w);
        output_relax(&w.output);
        assert_int_equal(w.output.pending[w.output.pending_len - 1], '\n');
        (void)drain(w.readers[0]);
        assert_true(loop_turn(&w.loop, 1000) > 0);
        output_relax(&w.output);
        assert_false(w.output.touched);
        world_done(&w);
}

static void loud_pipe_that_falls_silent_is_waited_for_again(void **state)
{
        AUTO(buf_done) struct buf text = BUF_NULL(1 << 20);
        struct world w;
        size_t lines = 0;
        nsec end;
        (void)state;

        world_init(&w, false);
        for (end = time_monotonic() + 50 * NSEC_PER_MSEC; time_monotonic() < end; lines++) {
                assert_int_equal(write(w.ends[0], "a line\n", 7), 7);
                assert_true(loop_turn(&w.loop, 0) >= 0);
        }
        /* Silence: one look more, then only the loop watches it. */
        while (w.app.pipes[0].timer.due != 0)
                assert_true(loop_turn(&w.loop, 1000) >= 0);
        assert_true(w.app.pipes[0].source.fd >= 0);
        assert_int_equal(entries(&w, &text), lines);
        assert_int_equal(loop_turn(&w.loop, 0), 0);
        world_done(&w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(output_reaches_log_and_reader),
                cmocka_unit_test(detached_output_is_only_logged),
                cmocka_unit_test(loud_pipe_that_falls_silent_is_waited_for_again),
                cmocka_unit_test(slow_reader_pauses_the_app_and_gets_all),
                cmocka_unit_test(lossy_output_waits_for_nobody),
                cmocka_unit_test(reader_that_goes_away_frees_the_app),
                cmocka_unit_test(pages_are_given_back_but_not_what_is_pending),
        };

        (void)signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
