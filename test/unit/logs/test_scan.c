/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "logs/scan.h"

#define T(n) "1970-01-01T00:00:0" #n ".000000000Z"

static const struct scan_range all = { 0 };

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
        assert_ok(scan_tail(&s, range, &count, &pos, &e), &e);
        *ret_left = count;
        return pos;
}

static void tail_goes_back_to_the_nth_line_from_the_end(void **state)
{
        static const char text[] =
                T(1) " stdout F a\n" T(2) " stdout F b\n" T(3) " stdout F c\ntorn";
        static const struct scan_range to_2 = { .until = 2 * NSEC_PER_SEC + 1 };
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

/* Lines of times 10, 20, 30 ... and of many lengths, with bytes that are no entry among them. */
static size_t many_lines(char *text, size_t size, nsec *starts, size_t *ret_n)
{
        size_t len = 0, n = 0;

        while (len + 3000 < size) {
                size_t body = 3 + n * 7919 % 2500;

                if (n % 50 == 49) {
                        memcpy(text + len, "no entry\n", 9);
                        len += 9;
                }
                starts[n] = (nsec)len;
                logs_format_prefix((nsec)(n + 1) * 10, LOGS_STDOUT, text + len);
                memset(text + len + LOGS_PREFIX_LEN, 'z', body);
                len += LOGS_PREFIX_LEN + body;
                text[len++] = '\n';
                n++;
        }
        *ret_n = n;
        return len;
}

static void a_moment_is_found_exactly(void **state)
{
        static char text[20 * SCAN_BLOCK];
        static nsec starts[sizeof(text) / 40];
        AUTO_TEST_DIR struct test_dir d;
        AUTO(scan_done) struct scan s;
        struct err e;
        size_t n, len = many_lines(text, sizeof(text), starts, &n);
        off_t at;
        (void)state;

        test_dir_init(&d);
        scan_text(&d, text, len, &s);
        for (size_t i = 0; i < n; i += 13) {
                assert_ok(scan_find_time(s.fd, s.end, (nsec)(i + 1) * 10, &at, &e), &e);
                assert_int_equal(at, starts[i]);
                assert_ok(scan_find_time(s.fd, s.end, (nsec)(i + 1) * 10 - 5, &at, &e), &e);
                assert_int_equal(at, starts[i]);
        }
        assert_ok(scan_find_time(s.fd, s.end, 0, &at, &e), &e);
        assert_int_equal(at, 0);
        assert_ok(scan_find_time(s.fd, s.end, (nsec)n * 10 + 1, &at, &e), &e);
        assert_int_equal(at, s.end);
}

static void a_moment_in_a_file_without_entries(void **state)
{
        static char junk[5 * SCAN_BLOCK];
        AUTO_TEST_DIR struct test_dir d;
        AUTO(scan_done) struct scan s;
        struct err e;
        off_t at;
        (void)state;

        test_dir_init(&d);
        memset(junk, 'j', sizeof(junk));
        for (int i = 0; i < 3; i++) {
                scan_text(&d, junk, sizeof(junk), &s);
                assert_ok(scan_find_time(s.fd, s.end, 5, &at, &e), &e);
                assert_in_range((size_t)at, 0, sizeof(junk));
                scan_done(&s);
                junk[i == 0 ? sizeof(junk) - 1 : sizeof(junk) / 3] = '\n';
        }
        scan_text(&d, "", 0, &s);
        assert_ok(scan_find_time(s.fd, 0, 5, &at, &e), &e);
        assert_int_equal(at, 0);
}

static void narrowing_loses_no_line_in_range(void **state)
{
        static char text[20 * SCAN_BLOCK];
        static nsec starts[sizeof(text) / 40];
        AUTO_TEST_DIR struct test_dir d;
        AUTO(scan_done) struct scan s;
        struct err e;
        size_t n, len = many_lines(text, sizeof(text), starts, &n);
        struct scan_range range = { .since = (nsec)n / 2 * 10, .until = (nsec)n / 2 * 10 + 100 };
        (void)state;

        test_dir_init(&d);
        scan_text(&d, text, len, &s);
        assert_ok(scan_narrow(&s, &range, &e), &e);
        assert_true(s.closed);
        assert_in_range((size_t)s.first, 1, (size_t)starts[n / 2 - 1]);
        assert_in_range((size_t)s.end, (size_t)starts[n / 2 + 9], len - 1);
        assert_int_equal(text[s.first - 1], '\n');
        assert_int_equal(text[s.end - 1], '\n');
        assert_true(s.end - s.first < 3 * SCAN_REACH);
        s.end = (off_t)len;
        s.closed = false;
        range.until = (nsec)n * 10;
        assert_ok(scan_narrow(&s, &range, &e), &e);
        assert_int_equal(s.end, len);
        assert_false(s.closed);
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
                cmocka_unit_test(a_moment_is_found_exactly),
                cmocka_unit_test(a_moment_in_a_file_without_entries),
                cmocka_unit_test(narrowing_loses_no_line_in_range),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
