/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "logs/source.h"
#include "logs/writer.h"
#include "util/parse.h"

static struct logs_budget budget = { .max = LOGS_BUDGET_DEFAULT };

#define T(n) "1970-01-01T00:00:0" #n ".000000000Z"

static void put_file(const struct test_dir *d, const char *name, const char *text)
{
        assert_int_equal(fs_write_file(d->fd, name, text, strlen(text), 0600), 0);
}

static void assert_next(struct source *s, const char *text, bool partial)
{
        struct logs_line line;
        struct err e;

        assert_int_equal(source_next(s, &line, &e), 1);
        assert_int_equal(line.len, strlen(text));
        assert_memory_equal(line.text, text, line.len);
        assert_int_equal(line.partial, partial);
        assert_string_equal(line.app, "app");
}

static void pieces_of_each_stream_are_joined_apart(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(source_done) struct source s;
        struct logs_line line;
        struct err e;
        (void)state;

        test_dir_init(&d);
        put_file(&d, "app.log",
                 T(1) " stdout P a\n" T(2) " stderr P x\n" T(3) " stdout F b\n" T(
                         4) " stderr P y\n");
        source_init(&s, "app", &budget);
        assert_ok(source_open_files(&s, d.fd, &e), &e);
        assert_int_equal(source_next(&s, &line, &e), 1);
        assert_int_equal(line.time, NSEC_PER_SEC);
        assert_int_equal(line.len, 2);
        assert_memory_equal(line.text, "ab", 2);
        assert_int_equal(source_next(&s, &line, &e), 0);
        assert_int_equal(source_flush(&s, &line), 1);
        assert_memory_equal(line.text, "xy", 2);
        assert_int_equal(line.time, 2 * NSEC_PER_SEC);
        assert_true(line.partial);
        assert_int_equal(source_flush(&s, &line), 0);
}

static void rotated_files_are_read_oldest_first(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(source_done) struct source s;
        struct logs_line line;
        struct err e;
        (void)state;

        test_dir_init(&d);
        put_file(&d, "app.log.2", T(1) " stdout F a\n");
        put_file(&d, "app.log.1", T(2) " stdout P b\n");
        put_file(&d, "app.log", T(3) " stdout F c\n");
        source_init(&s, "app", &budget);
        assert_ok(source_open_files(&s, d.fd, &e), &e);
        assert_next(&s, "a", false);
        assert_next(&s, "bc", false);
        assert_int_equal(source_next(&s, &line, &e), 0);
}

static void file_rotated_while_reading_is_followed(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(source_done) struct source s;
        struct logs_line line;
        struct err e;
        (void)state;

        test_dir_init(&d);
        source_init(&s, "app", &budget);
        assert_ok(source_open_files(&s, d.fd, &e), &e);
        assert_int_equal(source_next(&s, &line, &e), 0);
        put_file(&d, "app.log", T(1) " stdout F a\n");
        assert_ok(source_refresh(&s, d.fd, &e), &e);
        assert_next(&s, "a", false);
        put_file(&d, "app.log", T(1) " stdout F a\n" T(2) " stdout F b\n");
        assert_int_equal(renameat(d.fd, "app.log", d.fd, "app.log.1"), 0);
        put_file(&d, "app.log", T(3) " stdout F c\n");
        assert_ok(source_refresh(&s, d.fd, &e), &e);
        assert_next(&s, "b", false);
        assert_next(&s, "c", false);
        assert_int_equal(source_next(&s, &line, &e), 0);
}

static void batch_taken_back_by_the_writer_is_not_waited_for(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(source_done) struct source s;
        struct err e;
        (void)state;

        test_dir_init(&d);
        put_file(&d, "app.log", T(1) " stdout F a\n" T(2) " stdout F b\n");
        source_init(&s, "app", &budget);
        assert_ok(source_open_files(&s, d.fd, &e), &e);
        assert_next(&s, "a", false);
        assert_next(&s, "b", false);
        put_file(&d, "app.log", T(1) " stdout F a\n");
        assert_ok(source_refresh(&s, d.fd, &e), &e);
        put_file(&d, "app.log", T(1) " stdout F a\n" T(3) " stdout F c\n");
        assert_ok(source_refresh(&s, d.fd, &e), &e);
        assert_next(&s, "c", false);
}

/* @n entries of @len letters each, which are one line. */
static void put_long_line(const struct test_dir *d, int n, size_t len)
{
        AUTO(buf_done) struct buf file = BUF_NULL(8 << 20);
        char *text = malloc(LOGS_PREFIX_LEN + len + 1);

        assert_non_null(text);
        logs_format_prefix(1, LOGS_STDOUT, text);
        /* Characters of two bytes, which pieces of any length cut. */
        for (size_t i = 0; i < len; i++)
                text[LOGS_PREFIX_LEN + i] = "\xc3\xa9"[i % 2];
        text[LOGS_PREFIX_LEN + len] = '\n';
        for (int i = 0; i < n; i++) {
                text[LOGS_PREFIX_TAG] = i + 1 < n ? 'P' : 'F';
                assert_int_equal(buf_append(&file, text, LOGS_PREFIX_LEN + len + 1), 0);
        }
        put_file(d, "app.log", buf_str(&file));
        free(text);
}

/* Reads one line; how many pieces it came in. */
static unsigned read_pieces(const struct test_dir *d, struct logs_budget *of, size_t max,
                            size_t want)
{
        AUTO(source_done) struct source s;
        struct logs_line line = { .partial = true };
        unsigned pieces = 0;
        size_t total = 0;
        struct err e;

        source_init(&s, "app", of);
        assert_ok(source_open_files(&s, d->fd, &e), &e);
        while (line.partial) {
                assert_int_equal(source_next(&s, &line, &e), 1);
                assert_int_equal(line.continued, pieces > 0);
                assert_true(line.len <= max);
                assert_int_equal(line.text[0], "\xc3"[0]);
                assert_int_equal(line.text[line.len - 1], "\xa9"[0]);
                total += line.len;
                pieces++;
        }
        assert_int_equal(total, want);
        assert_int_equal(source_next(&s, &line, &e), 0);
        return pieces;
}

static void long_lines_are_whole_within_limits(void **state)
{
        struct logs_budget none = { .max = 0 };
        AUTO_TEST_DIR struct test_dir d;
        (void)state;

        test_dir_init(&d);
        put_long_line(&d, 26, 40000);
        assert_int_equal(read_pieces(&d, &budget, LOGS_LINE_MAX, 26 * 40000), 1);
        put_long_line(&d, 80, 40002);
        assert_int_equal(read_pieces(&d, &budget, LOGS_LINE_MAX, 80 * 40002), 4);
        put_long_line(&d, 4, 300000);
        assert_int_equal(read_pieces(&d, &budget, LOGS_LINE_MAX, 4 * 300000), 2);
        assert_int_equal(budget.used, 0);
        assert_true(read_pieces(&d, &none, LOGS_LINE_FAIR, 4 * 300000) > 18);
        assert_int_equal(none.used, 0);
}

static void rotation_under_a_follower_loses_nothing(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(source_done) struct source s;
        struct logs_line line;
        struct err e;
        (void)state;

        test_dir_init(&d);
        put_file(&d, "app.log", T(1) " stdout F a\n");
        source_init(&s, "app", &budget);
        assert_ok(source_open_files(&s, d.fd, &e), &e);
        assert_next(&s, "a", false);
        /* Twice before it looks again, the first time in the middle of a line. */
        put_file(&d, "app.log.2", T(1) " stdout F a\n" T(2) " stdout P b");
        assert_int_equal(renameat(d.fd, "app.log", d.fd, "app.log.2"), 0);
        put_file(&d, "app.log.2", T(1) " stdout F a\n" T(2) " stdout P b\n");
        put_file(&d, "app.log.1", T(3) " stdout F c\n" T(4) " stdout F d\n");
        put_file(&d, "app.log", T(5) " stdout F e\n");
        assert_ok(source_refresh(&s, d.fd, &e), &e);
        assert_next(&s, "bc", false);
        assert_next(&s, "d", false);
        assert_next(&s, "e", false);
        assert_int_equal(source_next(&s, &line, &e), 0);
        assert_ok(source_refresh(&s, d.fd, &e), &e);
        assert_int_equal(s.n_files, 1); /* what was read is closed */
        /* Its file is gone for good: everything there is is new. */
        put_file(&d, "fresh", T(6) " stdout F f\n");
        assert_int_equal(renameat(d.fd, "fresh", d.fd, "app.log"), 0);
        assert_int_equal(unlinkat(d.fd, "app.log.1", 0), 0);
        assert_int_equal(unlinkat(d.fd, "app.log.2", 0), 0);
        assert_ok(source_refresh(&s, d.fd, &e), &e);
        assert_next(&s, "f", false);
}

static void a_line_is_not_joined_across_what_is_lost(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(source_done) struct source s;
        struct logs_line line;
        struct err e;
        (void)state;

        test_dir_init(&d);
        put_file(&d, "app.log", T(1) " stdout F a\n" T(1) " stdout P head\n");
        source_init(&s, "app", &budget);
        assert_ok(source_open_files(&s, d.fd, &e), &e);
        assert_next(&s, "a", false);
        assert_int_equal(source_next(&s, &line, &e), 0);
        put_file(&d, "fresh", T(5) " stdout F tail\n" T(6) " stdout F b\n");
        assert_int_equal(renameat(d.fd, "fresh", d.fd, "app.log"), 0);
        assert_ok(source_refresh(&s, d.fd, &e), &e);
        assert_next(&s, "head", false);
        assert_next(&s, "tail", false);
        assert_next(&s, "b", false);
}

static void a_gap_in_the_numbers_hides_nothing(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(source_done) struct source s;
        struct err e;
        (void)state;

        test_dir_init(&d);
        put_file(&d, "app.log.3", T(1) " stdout F a\n");
        put_file(&d, "app.log.1", T(2) " stdout F b\n");
        source_init(&s, "app", &budget);
        assert_ok(source_open_files(&s, d.fd, &e), &e);
        assert_next(&s, "a", false);
        assert_next(&s, "b", false);
}

static void write_for_ever(const struct test_dir *d, pid_t parent)
{
        static char out[LOGS_BATCH_MAX];
        const struct logs_limits limits = { .max_bytes = 256, .max_files = 5 };
        struct logs_writer w;
        struct err e;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
            logs_writer_open(d->fd, "app", &limits, &w, &e) < 0)
                _exit(1);
        for (unsigned n = 1;; n++) {
                char line[16];
                int len = snprintf(line, sizeof(line), "%u\n", n);

                logs_writer_put(&w, out, LOGS_STDOUT, line, (size_t)len, n);
        }
}

static int64_t number_of(const struct logs_line *line)
{
        char text[16];
        int64_t n;

        assert_true(line->len < sizeof(text));
        memcpy(text, line->text, line->len);
        text[line->len] = '\0';
        assert_int_equal(parse_i64(text, 1, INT64_MAX, &n), 0);
        return n;
}

/* Some files are renamed at the very moment that others are opened. */
static void files_opened_while_they_move_have_no_holes(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        pid_t parent = getpid(), child;
        (void)state;

        test_dir_init(&d);
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
                write_for_ever(&d, parent);
        for (int round = 0; round < 3000; round++) {
                AUTO(source_done) struct source s;
                struct logs_line line;
                struct err e;
                int64_t last = 0;

                source_init(&s, "app", &budget);
                assert_ok(source_open_files(&s, d.fd, &e), &e);
                while (source_next(&s, &line, &e) > 0) {
                        int64_t n = number_of(&line);

                        assert_true(last == 0 || n == last + 1);
                        last = n;
                }
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
}

static void an_app_whose_name_makes_no_file_has_no_lines(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(source_done) struct source s;
        char name[LOGS_APP_MAX + 2], file[NAME_MAX + 1];
        struct logs_line line;
        struct err e;
        (void)state;

        test_dir_init(&d);
        memset(name, 'a', sizeof(name));
        name[LOGS_APP_MAX + 1] = '\0';
        assert_int_equal(logs_file_name(name, 0, file), -ENAMETOOLONG);
        source_init(&s, name, &budget);
        assert_ok(source_open_files(&s, d.fd, &e), &e);
        assert_int_equal(source_next(&s, &line, &e), 0);
        source_done(&s);
        name[LOGS_APP_MAX] = '\0';
        assert_int_equal(logs_file_name(name, 0, file), 0);
        put_file(&d, file, T(2) " stdout F b\n");
        assert_int_equal(logs_file_name(name, LOGS_FILES_MAX - 1, file), 0);
        assert_int_equal(logs_file_name(name, LOGS_FILE_NEW, file), 0);
        source_init(&s, name, &budget);
        assert_ok(source_open_files(&s, d.fd, &e), &e);
        assert_int_equal(source_next(&s, &line, &e), 1);
        assert_int_equal(line.len, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pieces_of_each_stream_are_joined_apart),
                cmocka_unit_test(rotated_files_are_read_oldest_first),
                cmocka_unit_test(file_rotated_while_reading_is_followed),
                cmocka_unit_test(batch_taken_back_by_the_writer_is_not_waited_for),
                cmocka_unit_test(long_lines_are_whole_within_limits),
                cmocka_unit_test(rotation_under_a_follower_loses_nothing),
                cmocka_unit_test(a_line_is_not_joined_across_what_is_lost),
                cmocka_unit_test(a_gap_in_the_numbers_hides_nothing),
                cmocka_unit_test(files_opened_while_they_move_have_no_holes),
                cmocka_unit_test(an_app_whose_name_makes_no_file_has_no_lines),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
