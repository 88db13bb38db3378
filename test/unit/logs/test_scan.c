/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "logs/scan.h"

#define T(n) "1970-01-01T00:00:0" #n ".000000000Z"

static const struct scan_range all = { 0, 0 };

static void scan_text(const struct test_dir *d, const char *text, size_t len, struct scan *ret)
{
        assert_int_equal(fs_write_file(d->fd, "f", text, len, 0600), 0);
        *ret = SCAN_NULL;
        ret->fd = fs_open_file(d->fd, "f");
        assert_true(ret->fd >= 0);
        ret->end = (off_t)len;
}

static void only_lines_with_their_newline_are_entries(void **state)
{
        static const char text[] = T(1) " stdout F a\n" T(2) " stdout F bc";
        AUTO_TEST_DIR struct test_dir d;
        AUTO(scan_done) struct scan s;
        struct logs_entry entry;
        struct err e;
        (void)state;

        test_dir_init(&d);
        scan_text(&d, text, sizeof(text) - 1, &s);
        assert_int_equal(scan_next(&s, &entry, &e), 1);
        assert_int_equal(entry.len, 1);
        assert_int_equal(scan_next(&s, &entry, &e), 0);
        assert_int_equal(scan_next(&s, &entry, &e), 0);
        /* It grows: the line is read from its start. */
        assert_int_equal(fs_write_file(d.fd, "f", T(1) " stdout F a\n" T(2) " stdout F bcd\n",
                                       2 * LOGS_PREFIX_LEN + 6, 0600),
                         0);
        s.end += 2;
        assert_int_equal(scan_next(&s, &entry, &e), 1);
        assert_int_equal(entry.len, 3);
        assert_memory_equal(entry.text, "bcd", 3);
}

static void what_is_no_entry_comes_with_the_time_before(void **state)
{
        static const char text[] = T(1) " stderr F a\ngarbage\n\0\0\0\n" T(2) " stdout F b\n";
        AUTO_TEST_DIR struct test_dir d;
        AUTO(scan_done) struct scan s;
        struct logs_entry entry;
        struct err e;
        (void)state;

        test_dir_init(&d);
        scan_text(&d, text, sizeof(text) - 1, &s);
        assert_int_equal(scan_next(&s, &entry, &e), 1);
        assert_int_equal(scan_next(&s, &entry, &e), 1);
        assert_int_equal(entry.time, NSEC_PER_SEC);
        assert_int_equal(entry.stream, LOGS_STDOUT);
        assert_memory_equal(entry.text, "garbage", 7);
        assert_int_equal(scan_next(&s, &entry, &e), 1);
        assert_int_equal(entry.time, 2 * NSEC_PER_SEC);
        assert_int_equal(scan_next(&s, &entry, &e), 0);
}

static void entry_longer_than_the_block_comes_in_pieces(void **state)
{
        enum { LEN = 3 * SCAN_BLOCK + 17 };
        static char text[LOGS_PREFIX_LEN + LEN + 1];
        AUTO_TEST_DIR struct test_dir d;
        AUTO(scan_done) struct scan s;
        struct logs_entry entry = { .partial = true };
        size_t total = 0;
        struct err e;
        (void)state;

        test_dir_init(&d);
        memset(text, 'x', sizeof(text));
        logs_format_prefix(5, LOGS_STDERR, text);
        text[sizeof(text) - 1] = '\n';
        scan_text(&d, text, sizeof(text), &s);
        while (entry.partial) {
                assert_int_equal(scan_next(&s, &entry, &e), 1);
                assert_int_equal(entry.stream, LOGS_STDERR);
                assert_int_equal(entry.time, 5);
                total += entry.len;
        }
        assert_int_equal(total, LEN);
        assert_int_equal(scan_next(&s, &entry, &e), 0);
}

static off_t tail(const struct test_dir *d, const char *text, size_t len, int64_t count,
                  const struct scan_range *range, int64_t *ret_left)
{
        AUTO(scan_done) struct scan s;
        struct err e;
        off_t pos = -1;

        scan_text(d, text, len, &s);
        assert_ok(scan_tail(s.fd, s.end, range, &count, &pos, &e), &e);
        *ret_left = count;
        return pos;
}

static void tail_goes_back_to_the_nth_line_from_the_end(void **state)
{
        static const char text[] =
                T(1) " stdout F a\n" T(2) " stdout F b\n" T(3) " stdout F c\ntorn";
        static const struct scan_range to_2 = { 0, 2 * NSEC_PER_SEC + 1 };
        const off_t line = LOGS_PREFIX_LEN + 2;
        AUTO_TEST_DIR struct test_dir d;
        int64_t left;
        (void)state;

        test_dir_init(&d);
        /* The line before it is looked at too: it ends what could have been the start of the first. */
        assert_int_equal(tail(&d, text, sizeof(text) - 1, 1, &all, &left), line);
        assert_int_equal(left, 0);
        assert_int_equal(tail(&d, text, sizeof(text) - 1, 9, &all, &left), 0);
        assert_int_equal(left, 6);
        assert_int_equal(tail(&d, text, sizeof(text) - 1, 1, &to_2, &left), 0);
        assert_int_equal(left, 0);
        assert_int_equal(tail(&d, "", 0, 3, &all, &left), 0);
        assert_int_equal(left, 3);
        assert_int_equal(tail(&d, "\n\n\n", 3, 3, &all, &left), 0);
}

static void tail_takes_the_pieces_of_its_first_line_along(void **state)
{
        static const char text[] =
                T(1) " stdout F a\n" T(2) " stdout P b\n" T(2) " stderr F x\n" T(3) " stdout F c\n";
        AUTO_TEST_DIR struct test_dir d;
        int64_t left;
        (void)state;

        test_dir_init(&d);
        assert_int_equal(tail(&d, text, sizeof(text) - 1, 1, &all, &left), 0);
}

static void tail_of_a_file_of_many_blocks_is_exact(void **state)
{
        static char text[5 * SCAN_BLOCK + 333];
        const size_t line = 77;
        AUTO_TEST_DIR struct test_dir d;
        int64_t left;
        size_t lines = sizeof(text) / line;
        (void)state;

        test_dir_init(&d);
        memset(text, 'y', sizeof(text));
        for (size_t i = 0; i < lines; i++) {
                logs_format_prefix((nsec)i + 1, LOGS_STDOUT, text + i * line);
                text[i * line + line - 1] = '\n';
        }
        for (size_t n = 1; n < lines; n += 97)
                assert_int_equal(tail(&d, text, lines * line, (int64_t)n, &all, &left),
                                 (lines - n - 1) * line);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_lines_with_their_newline_are_entries),
                cmocka_unit_test(what_is_no_entry_comes_with_the_time_before),
                cmocka_unit_test(entry_longer_than_the_block_comes_in_pieces),
                cmocka_unit_test(tail_goes_back_to_the_nth_line_from_the_end),
                cmocka_unit_test(tail_takes_the_pieces_of_its_first_line_along),
                cmocka_unit_test(tail_of_a_file_of_many_blocks_is_exact),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
