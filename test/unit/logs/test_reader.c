/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "logs/reader.h"
#include "util/limits.h"

static const char *const both[] = { "a", "b" };

/* Two apps; a writes at seconds 0, 2, 4 ..., b at 1, 3, 5 ...; the text is the second. */
static void write_pod(const struct test_dir *d, int n)
{
        assert_int_equal(fs_mkdir(d->fd, "logs", 0750), 0);
        for (int app = 0; app < 2; app++) {
                AUTO(buf_done) struct buf b = BUF_NULL(16 << 20);
                char name[32];

                for (int i = app; i < n; i += 2) {
                        char prefix[LOGS_PREFIX_LEN];

                        logs_format_prefix(i * NSEC_PER_SEC, i % 3 ? LOGS_STDOUT : LOGS_STDERR,
                                           prefix);
                        assert_int_equal(buf_append(&b, prefix, sizeof(prefix)), 0);
                        assert_int_equal(buf_printf(&b, "%d\n", i), 0);
                }
                (void)snprintf(name, sizeof(name), "logs/%s.log", both[app]);
                assert_int_equal(
                        fs_write_file(d->fd, name, b.data ? (char *)b.data : "", b.len, 0640), 0);
        }
}

static struct logs_reader *open_reader(const struct test_dir *d, struct logs_query q)
{
        struct logs_reader *r = NULL;
        struct err e;

        if (!q.apps) {
                q.apps = both;
                q.n_apps = 2;
        }
        assert_ok(logs_reader_open(d->fd, &q, &r, &e), &e);
        if (q.stepwise) {
                int n;

                while ((n = logs_reader_seek(r, 1, &e)) > 0)
                        ;
                assert_int_equal(n, 0);
        }
        return r;
}

/* Exactly the lines from..to, then the end. */
static void assert_lines(const struct test_dir *d, struct logs_query q, int from, int to, int step)
{
        AUTO(logs_reader_freep) struct logs_reader *r = open_reader(d, q);
        struct logs_line line;
        struct err e;

        for (int i = from; i <= to; i += step) {
                char want[16];

                assert_int_equal(logs_reader_next(r, &line, &e), 1);
                (void)snprintf(want, sizeof(want), "%d", i);
                assert_int_equal(line.len, strlen(want));
                assert_memory_equal(line.text, want, line.len);
                assert_int_equal(line.time, i * NSEC_PER_SEC);
                assert_int_equal(line.stream, i % 3 ? LOGS_STDOUT : LOGS_STDERR);
                assert_string_equal(line.app, both[i % 2]);
        }
        assert_int_equal(logs_reader_next(r, &line, &e), 0);
        assert_int_equal(logs_reader_next(r, &line, &e), 0);
}

static void apps_are_merged_by_time(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        (void)state;

        test_dir_init(&d);
        write_pod(&d, 10);
        assert_lines(&d, (struct logs_query){ .tail = -1 }, 0, 9, 1);
        assert_lines(&d, (struct logs_query){ .apps = both + 1, .n_apps = 1, .tail = -1 }, 1, 9, 2);
}

static void since_until_and_tail_all_apply(void **state)
{
        static const struct {
                int since, until;
                int64_t tail;
                int from, to;
        } cases[] = {
                { 3, 0, -1, 3, 999 },      { 0, 7, -1, 0, 6 },          { 3, 7, -1, 3, 6 },
                { 0, 0, 5, 995, 999 },     { 0, 0, 0, 1, 0 },           { 0, 0, 1, 999, 999 },
                { 0, 0, 5000, 0, 999 },    { 3, 7, 2, 5, 6 },           { 3, 7, 100, 3, 6 },
                { 990, 0, 100, 990, 999 }, { 990, 0, 3, 997, 999 },     { 2000, 0, 10, 1, 0 },
                { 0, 1, 10, 0, 0 },        { 0, 0, INT64_MAX, 0, 999 },
        };
        AUTO_TEST_DIR struct test_dir d;
        (void)state;

        test_dir_init(&d);
        write_pod(&d, 1000);
        for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
                size_t k = i / 2;

                assert_lines(&d,
                             (struct logs_query){ .since = cases[k].since * NSEC_PER_SEC,
                                                  .until = cases[k].until * NSEC_PER_SEC,
                                                  .tail = cases[k].tail,
                                                  .stepwise = i % 2 == 1 },
                             cases[k].from, cases[k].to, 1);
        }
}

static void tail_counts_joined_lines(void **state)
{
        static const char text[] = "1970-01-01T00:00:01Z stdout F a\n"
                                   "1970-01-01T00:00:02Z stdout P b\n"
                                   "1970-01-01T00:00:02Z stderr F x\n"
                                   "1970-01-01T00:00:03Z stdout F c\n"
                                   "1970-01-01T00:00:04Z stdout P d\n";
        AUTO_TEST_DIR struct test_dir d;
        (void)state;

        test_dir_init(&d);
        assert_int_equal(fs_mkdir(d.fd, "logs", 0750), 0);
        assert_int_equal(fs_write_file(d.fd, "logs/a.log", text, strlen(text), 0640), 0);
        for (int64_t n = 0; n < 6; n++) {
                static const char *const want[] = { "a", "x", "bc", "d" };
                AUTO(logs_reader_freep)
                struct logs_reader *r = open_reader(&d, (struct logs_query){ .tail = n });
                struct logs_line line;
                struct err e;

                for (int64_t i = n < 4 ? 4 - n : 0; i < 4; i++) {
                        assert_int_equal(logs_reader_next(r, &line, &e), 1);
                        assert_int_equal(line.len, strlen(want[i]));
                        assert_memory_equal(line.text, want[i], line.len);
                        assert_int_equal(line.partial, i == 3);
                }
                assert_int_equal(logs_reader_next(r, &line, &e), 0);
        }
}

static void put_piece(struct buf *b, enum logs_stream stream, bool whole, char letter, size_t len)
{
        char prefix[LOGS_PREFIX_LEN];
        uint8_t *to;

        logs_format_prefix(NSEC_PER_SEC, stream, prefix);
        prefix[LOGS_PREFIX_TAG] = whole ? 'F' : 'P';
        assert_int_equal(buf_append(b, prefix, sizeof(prefix)), 0);
        assert_int_equal(buf_reserve(b, len, &to), 0);
        memset(to, letter, len);
        buf_commit(b, len);
        assert_int_equal(buf_putc(b, '\n'), 0);
}

/* "a" and "z" of stderr, which stand within a line of 3 MB of stdout, and "e" after it. */
static void tail_has_long_lines_whole_or_not_at_all(void **state)
{
        static const char *const want[] = { "xaze", "aze", "ze", "e", "" };
        static const char *const app[] = { "a" };
        AUTO_TEST_DIR struct test_dir d;
        AUTO(buf_done) struct buf b = BUF_NULL(8 << 20);
        (void)state;

        test_dir_init(&d);
        for (int i = 0; i < 30; i++) {
                put_piece(&b, LOGS_STDOUT, i == 29, 'x', 100000);
                if (i == 10 || i == 20)
                        put_piece(&b, LOGS_STDERR, true, i == 10 ? 'a' : 'z', 1);
        }
        put_piece(&b, LOGS_STDOUT, true, 'e', 1);
        assert_int_equal(fs_mkdir(d.fd, "logs", 0750), 0);
        assert_int_equal(fs_write_file(d.fd, "logs/a.log", (char *)b.data, b.len, 0640), 0);
        for (int64_t n = 0; n <= 8; n++) {
                AUTO(logs_reader_freep)
                struct logs_reader *r = open_reader(
                        &d,
                        (struct logs_query){
                                .apps = app, .n_apps = 1, .tail = n / 2, .stepwise = n % 2 == 1 });
                const char *letters = want[4 - n / 2];
                size_t x = 0, others = 0;
                struct logs_line line;
                struct err e;

                while (logs_reader_next(r, &line, &e) > 0) {
                        assert_non_null(strchr(letters, line.text[0]));
                        if (line.text[0] == 'x')
                                x += line.len;
                        else
                                others++;
                }
                assert_int_equal(x, letters[0] == 'x' ? 3000000 : 0);
                assert_int_equal(others, strlen(letters) - (x > 0));
        }
}

static void pod_without_logs_has_no_lines_until_there_are(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_reader_freep) struct logs_reader *r = NULL;
        struct logs_line line;
        struct err e;
        (void)state;

        test_dir_init(&d);
        r = open_reader(&d, (struct logs_query){ .tail = -1, .follow = true });
        assert_int_equal(logs_reader_next(r, &line, &e), 0);
        write_pod(&d, 2);
        assert_int_equal(logs_reader_next(r, &line, &e), 0);
        assert_ok(logs_reader_refresh(r, &e), &e);
        assert_int_equal(logs_reader_next(r, &line, &e), 1);
        assert_int_equal(logs_reader_next(r, &line, &e), 1);
        assert_string_equal(line.app, "b");
        assert_int_equal(logs_reader_next(r, &line, &e), 0);
}

static void follower_keeps_unfinished_text_until_it_is_asked_for(void **state)
{
        static const char text[] = "1970-01-01T00:00:01Z stdout P login: \n";
        AUTO_TEST_DIR struct test_dir d;
        AUTO(logs_reader_freep) struct logs_reader *r = NULL;
        struct logs_line line;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_int_equal(fs_mkdir(d.fd, "logs", 0750), 0);
        assert_int_equal(fs_write_file(d.fd, "logs/a.log", text, strlen(text), 0640), 0);
        r = open_reader(&d, (struct logs_query){ .tail = -1, .follow = true });
        assert_int_equal(logs_reader_next(r, &line, &e), 0);
        assert_int_equal(logs_reader_flush(r, &line), 1);
        assert_int_equal(line.len, 7);
        assert_true(line.partial);
        assert_int_equal(logs_reader_flush(r, &line), 0);
        assert_int_equal(logs_reader_next(r, &line, &e), 0);
}

static void unfinished_text_is_a_line_to_a_follower_too(void **state)
{
        static const char text[] = "1970-01-01T00:00:01Z stdout F a\n"
                                   "1970-01-01T00:00:02Z stdout F b\n"
                                   "1970-01-01T00:00:03Z stdout P x\n"
                                   "1970-01-01T00:00:04Z stderr P y\n";
        static const char *const want[] = { "", "y", "xy", "bxy", "abxy" };
        AUTO_TEST_DIR struct test_dir d;
        (void)state;

        test_dir_init(&d);
        assert_int_equal(fs_mkdir(d.fd, "logs", 0750), 0);
        assert_int_equal(fs_write_file(d.fd, "logs/a.log", text, strlen(text), 0640), 0);
        for (int64_t n = 0; n < 10; n++) {
                AUTO(logs_reader_freep)
                struct logs_reader *r = open_reader(
                        &d,
                        (struct logs_query){ .tail = n / 2, .follow = true, .stepwise = n % 2 });
                char got[8] = "";
                struct logs_line line;
                struct err e;

                while (logs_reader_next(r, &line, &e) > 0)
                        (void)strncat(got, line.text, 1);
                while (logs_reader_flush(r, &line) > 0)
                        (void)strncat(got, line.text, 1);
                assert_string_equal(got, want[n / 2]);
        }
}

static void too_many_apps_are_refused(void **state)
{
        static const char *apps[LIMIT_POD_APPS + 1];
        struct logs_query q = { .apps = apps, .n_apps = ARRAY_LEN(apps) };
        struct logs_reader *r = NULL;
        struct err e;
        (void)state;

        assert_err(logs_reader_open(AT_FDCWD, &q, &r, &e), &e, ERR_LIMIT,
                   "logs of more than 512 apps");
        assert_null(r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(apps_are_merged_by_time),
                cmocka_unit_test(since_until_and_tail_all_apply),
                cmocka_unit_test(tail_counts_joined_lines),
                cmocka_unit_test(tail_has_long_lines_whole_or_not_at_all),
                cmocka_unit_test(pod_without_logs_has_no_lines_until_there_are),
                cmocka_unit_test(follower_keeps_unfinished_text_until_it_is_asked_for),
                cmocka_unit_test(unfinished_text_is_a_line_to_a_follower_too),
                cmocka_unit_test(too_many_apps_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
