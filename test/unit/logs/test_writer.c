/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <signal.h>
#include <sys/resource.h>

#include "logs/writer.h"

#define T0 "1970-01-01T00:00:00.000000001Z"
#define T1 "1970-01-01T00:00:00.000000002Z"

static char out[LOGS_BATCH_MAX];

static void put(struct logs_writer *w, enum logs_stream stream, const char *s)
{
        logs_writer_put(w, out, stream, s, strlen(s), 1);
}

static void assert_file(const struct test_dir *d, const char *want)
{
        AUTO(buf_done) struct buf b = BUF_NULL(1 << 20);

        assert_int_equal(fs_read_file(d->fd, "app.log", &b), 0);
        assert_string_equal(buf_str(&b), want);
}

/* Stands in for a full disk: writes beyond @size fail, one across it is short. */
static void disk_ends_at(rlim_t size)
{
        struct rlimit l;

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
        l.rlim_cur = size == RLIM_INFINITY ? l.rlim_max : size;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void each_line_becomes_an_entry(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_writer_done) struct logs_writer w = LOGS_WRITER_NULL;
        struct stat st;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_ok(logs_writer_open(d.fd, "app", NULL, &w, &e), &e);
        put(&w, LOGS_STDOUT, "one\n\ntwo\n");
        put(&w, LOGS_STDERR, "three\n");
        assert_file(&d, T0 " stdout F one\n" T0 " stdout F \n" T0 " stdout F two\n" T0
                           " stderr F three\n");
        assert_int_equal(fstatat(d.fd, "app.log", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
}

static void unfinished_line_is_a_piece_that_the_end_of_the_stream_ends(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_writer_done) struct logs_writer w = LOGS_WRITER_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_ok(logs_writer_open(d.fd, "app", NULL, &w, &e), &e);
        put(&w, LOGS_STDOUT, "lo");
        put(&w, LOGS_STDOUT, "gin: \npass");
        logs_writer_end(&w, out, LOGS_STDERR, 2);
        logs_writer_end(&w, out, LOGS_STDOUT, 2);
        logs_writer_end(&w, out, LOGS_STDOUT, 2);
        assert_file(&d, T0 " stdout P lo\n" T0 " stdout F gin: \n" T0 " stdout P pass\n" T1
                           " stdout F \n");
}

static void torn_entry_of_a_crash_is_ended_at_open(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_writer_done) struct logs_writer w = LOGS_WRITER_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_int_equal(fs_write_file(d.fd, "app.log", "1970-01-", 8, 0600), 0);
        assert_ok(logs_writer_open(d.fd, "app", NULL, &w, &e), &e);
        put(&w, LOGS_STDOUT, "x\n");
        assert_file(&d, "1970-01-\n" T0 " stdout F x\n");
}

static void what_is_not_a_regular_file_is_refused(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct logs_writer w = LOGS_WRITER_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_int_equal(mkfifoat(d.fd, "app.log", 0600), 0);
        assert_err(logs_writer_open(d.fd, "app", NULL, &w, &e), &e, ERR_BAD_DATA,
                   "log file app.log is not a regular file");
        assert_int_equal(unlinkat(d.fd, "app.log", 0), 0);
        assert_int_equal(symlinkat("x", d.fd, "app.log"), 0);
        assert_int_equal(logs_writer_open(d.fd, "app", NULL, &w, &e), -1);
        assert_int_equal(w.fd, -1);
}

static void full_reads_of_any_line_length_lose_nothing(void **state)
{
        static char data[LOGS_READ_MAX];
        AUTO_TEST_DIR struct test_dir d;
        struct err e;
        (void)state;

        test_dir_init(&d);
        for (size_t period = 1; period <= 2 * LOGS_READ_MAX; period = period * 3 + 1) {
                AUTO(logs_writer_done) struct logs_writer w = LOGS_WRITER_NULL;
                AUTO(buf_done) struct buf b = BUF_NULL(16 << 20);
                size_t lines = 0, text = 0;

                memset(data, 'x', sizeof(data));
                for (size_t i = period - 1; i < sizeof(data); i += period)
                        data[i] = '\n';
                (void)unlinkat(d.fd, "app.log", 0);
                assert_ok(logs_writer_open(d.fd, "app", NULL, &w, &e), &e);
                logs_writer_put(&w, out, LOGS_STDOUT, data, sizeof(data), 1);
                assert_int_equal(fs_read_file(d.fd, "app.log", &b), 0);
                for (size_t i = 0; i < b.len; lines++) {
                        const uint8_t *nl = memchr(b.data + i, '\n', b.len - i);
                        struct logs_entry entry;

                        assert_non_null(nl);
                        assert_int_equal(logs_format_parse((char *)b.data + i,
                                                           (size_t)(nl - b.data) - i, &entry),
                                         0);
                        text += entry.len + !entry.partial;
                        i = (size_t)(nl - b.data) + 1;
                }
                assert_int_equal(text, sizeof(data));
        }
}

static void full_disk_keeps_whole_entries_and_reports_the_loss_later(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_writer_done) struct logs_writer w = LOGS_WRITER_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_ok(logs_writer_open(d.fd, "app", NULL, &w, &e), &e);
        disk_ends_at(2 * LOGS_PREFIX_LEN + 20);
        put(&w, LOGS_STDOUT, "first\nsecond\nthird"); /* the third is cut within its prefix */
        assert_file(&d, T0 " stdout F first\n" T0 " stdout F second\n");
        assert_int_equal(w.lost_bytes, 5);
        put(&w, LOGS_STDERR, "fourth\n");
        assert_int_equal(w.lost_bytes, 12);
        disk_ends_at(RLIM_INFINITY);
        put(&w, LOGS_STDOUT, " part\n");
        assert_file(&d,
                    T0 " stdout F first\n" T0 " stdout F second\n" T0
                       " stderr F [carob: 12 bytes of output were lost here: File too large]\n" T0
                       " stdout F  part\n");
        assert_int_equal(w.lost_bytes, 0);
}

static void open_line_is_ended_before_the_loss_is_reported(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_writer_done) struct logs_writer w = LOGS_WRITER_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_ok(logs_writer_open(d.fd, "app", NULL, &w, &e), &e);
        put(&w, LOGS_STDOUT, "abc");
        disk_ends_at(50);
        put(&w, LOGS_STDOUT, "def");
        disk_ends_at(RLIM_INFINITY);
        logs_writer_end(&w, out, LOGS_STDOUT, 2);
        assert_file(&d, T0 " stdout P abc\n" T1 " stdout F \n" T1
                           " stderr F [carob: 3 bytes of output were lost here: File too large]\n");
}

static void report_that_does_not_fit_is_not_left_half(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_writer_done) struct logs_writer w = LOGS_WRITER_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_ok(logs_writer_open(d.fd, "app", NULL, &w, &e), &e);
        disk_ends_at(10);
        put(&w, LOGS_STDOUT, "abc\n");
        disk_ends_at(90);
        put(&w, LOGS_STDOUT, "defg\n");
        logs_writer_end(&w, out, LOGS_STDOUT, 2);
        assert_file(&d, "");
        assert_int_equal(w.lost_bytes, 9);
        disk_ends_at(RLIM_INFINITY);
}

static void file_emptied_by_an_administrator_goes_on(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_writer_done) struct logs_writer w = LOGS_WRITER_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_ok(logs_writer_open(d.fd, "app", NULL, &w, &e), &e);
        put(&w, LOGS_STDOUT, "one\n");
        assert_int_equal(ftruncate(w.fd, 0), 0);
        disk_ends_at(20);
        put(&w, LOGS_STDOUT, "two\n");
        disk_ends_at(RLIM_INFINITY);
        assert_file(&d, "");
        put(&w, LOGS_STDOUT, "three\n");
        assert_file(&d,
                    T0 " stderr F [carob: 4 bytes of output were lost here: File too large]\n" T0
                       " stdout F three\n");
}

static const struct logs_limits small = { .max_bytes = 100, .max_files = 3 };

static void assert_named(const struct test_dir *d, const char *name, const char *want)
{
        AUTO(buf_done) struct buf text = BUF_NULL(65536);
        int r = fs_read_file(d->fd, name, &text);

        if (!want) {
                assert_int_equal(r, -ENOENT);
                return;
        }
        assert_int_equal(r, 0);
        assert_string_equal(buf_str(&text), want);
}

static void full_files_are_rotated_and_the_oldest_goes(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_writer_done) struct logs_writer w = LOGS_WRITER_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_int_equal(fs_write_file(d.fd, "app.log.new", "of a crash", 10, 0600), 0);
        assert_ok(logs_writer_open(d.fd, "app", &small, &w, &e), &e);
        for (int i = 0; i < 7; i++) {
                const char line[] = { 'l', (char)('0' + i), '\n', '\0' };

                put(&w, LOGS_STDOUT, line);
        }
        assert_named(&d, "app.log", T0 " stdout F l6\n");
        assert_named(&d, "app.log.1", T0 " stdout F l4\n" T0 " stdout F l5\n");
        assert_named(&d, "app.log.2", T0 " stdout F l2\n" T0 " stdout F l3\n");
        assert_named(&d, "app.log.3", NULL);
        assert_named(&d, "app.log.new", NULL);
}

static void one_file_is_begun_anew(void **state)
{
        static const struct logs_limits one = { .max_bytes = 50, .max_files = 1 };
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_writer_done) struct logs_writer w = LOGS_WRITER_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_ok(logs_writer_open(d.fd, "app", &one, &w, &e), &e);
        put(&w, LOGS_STDOUT, "a\n");
        put(&w, LOGS_STDOUT, "b\n");
        assert_named(&d, "app.log", T0 " stdout F b\n");
        assert_named(&d, "app.log.1", NULL);
}

static void without_a_new_file_the_old_one_goes_on(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_writer_done) struct logs_writer w = LOGS_WRITER_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_ok(logs_writer_open(d.fd, "app", &small, &w, &e), &e);
        /* A directory of that name stands in the way. */
        assert_int_equal(mkdirat(d.fd, "app.log.new", 0700), 0);
        put(&w, LOGS_STDOUT, "one\n");
        put(&w, LOGS_STDOUT, "two\n");
        put(&w, LOGS_STDOUT, "three\n");
        assert_file(&d, T0 " stdout F one\n" T0 " stdout F two\n" T0 " stdout F three\n");
        assert_int_equal(unlinkat(d.fd, "app.log.new", AT_REMOVEDIR), 0);
        put(&w, LOGS_STDOUT, "four\n");
        assert_file(&d, T0 " stdout F four\n");
}

static void times_in_a_file_do_not_fall(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_writer_done) struct logs_writer w = LOGS_WRITER_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_ok(logs_writer_open(d.fd, "app", NULL, &w, &e), &e);
        logs_writer_put(&w, out, LOGS_STDOUT, "a\n", 2, 5 * NSEC_PER_SEC);
        logs_writer_put(&w, out, LOGS_STDOUT, "b\n", 2, 5 * NSEC_PER_SEC - 1);
        assert_named(&d, "app.log",
                     "1970-01-01T00:00:05.000000000Z stdout F a\n"
                     "1970-01-01T00:00:05.000000000Z stdout F b\n");
        logs_writer_put(&w, out, LOGS_STDOUT, "c\n", 2, 3 * NSEC_PER_SEC);
        assert_named(&d, "app.log", "1970-01-01T00:00:03.000000000Z stdout F c\n");
}

static void a_clock_set_back_throws_nothing_away_where_everything_is_kept(void **state)
{
        const struct logs_limits limits = { .max_bytes = 0, .max_files = 2 };
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_writer_done) struct logs_writer w = LOGS_WRITER_NULL;
        AUTO(buf_done) struct buf first = BUF_NULL(1 << 10);
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_ok(logs_writer_open(d.fd, "app", &limits, &w, &e), &e);
        for (int i = 0; i < 3; i++)
                logs_writer_put(&w, out, LOGS_STDOUT, &"a\nb\nc\n"[2 * i], 2,
                                (10 - 4 * i) * NSEC_PER_SEC + 2);
        assert_file(&d, "1970-01-01T00:00:06.000000002Z stdout F b\n"
                        "1970-01-01T00:00:06.000000002Z stdout F c\n");
        assert_int_equal(fs_read_file(d.fd, "app.log.1", &first), 0);
        assert_string_equal(buf_str(&first), "1970-01-01T00:00:10.000000002Z stdout F a\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_line_becomes_an_entry),
                cmocka_unit_test(unfinished_line_is_a_piece_that_the_end_of_the_stream_ends),
                cmocka_unit_test(torn_entry_of_a_crash_is_ended_at_open),
                cmocka_unit_test(what_is_not_a_regular_file_is_refused),
                cmocka_unit_test(full_reads_of_any_line_length_lose_nothing),
                cmocka_unit_test(full_disk_keeps_whole_entries_and_reports_the_loss_later),
                cmocka_unit_test(open_line_is_ended_before_the_loss_is_reported),
                cmocka_unit_test(report_that_does_not_fit_is_not_left_half),
                cmocka_unit_test(file_emptied_by_an_administrator_goes_on),
                cmocka_unit_test(full_files_are_rotated_and_the_oldest_goes),
                cmocka_unit_test(one_file_is_begun_anew),
                cmocka_unit_test(without_a_new_file_the_old_one_goes_on),
                cmocka_unit_test(times_in_a_file_do_not_fall),
                cmocka_unit_test(a_clock_set_back_throws_nothing_away_where_everything_is_kept),
        };

        (void)signal(SIGXFSZ, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
