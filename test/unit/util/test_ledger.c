/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "util/flock.h"
#include "util/ledger.h"
#include "util/mem.h"

#define NAME "removed"

struct seen {
        char *lines[4096]; /* owned */
        size_t n;
        size_t bytes;
};

static void seen_done(struct seen *s)
{
        for (size_t i = 0; i < s->n; i++)
                free(s->lines[i]);
        s->n = 0;
}

static void see(const char *line, size_t len, void *arg)
{
        struct seen *s = arg;

        assert_true(s->n < ARRAY_LEN(s->lines));
        s->lines[s->n++] = xstrndup(line, len);
        s->bytes += len;
}

static void add(int dirfd, const char *line)
{
        struct err e;

        assert_ok(ledger_append(dirfd, NAME, line, strlen(line), &e), &e);
}

/* True: there was a gap. */
static bool read_on(int dirfd, struct ledger_place *place, struct seen *s)
{
        bool gap = true;
        struct err e;

        seen_done(s);
        assert_ok(ledger_read(dirfd, NAME, place, see, s, &gap, &e), &e);
        return gap;
}

static struct ledger_place end_of(int dirfd)
{
        struct ledger_place place;
        struct err e;

        assert_ok(ledger_end(dirfd, NAME, &place, &e), &e);
        return place;
}

static off_t size_of(int dirfd, const char *name)
{
        struct stat st;

        return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : -1;
}

/* So many long lines that NAME is rotated once, at least. */
static void fill_generation(int dirfd)
{
        static char line[LEDGER_LINE_MAX];
        struct err e;

        memset(line, 'f', sizeof(line));
        for (int i = 0; i < LEDGER_BYTES / LEDGER_LINE_MAX; i++)
                assert_ok(ledger_append(dirfd, NAME, line, sizeof(line), &e), &e);
}

static void put_raw(int dirfd, const char *name, const void *bytes, size_t len)
{
        AUTO_CLOSE int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

        assert_true(fd >= 0);
        assert_int_equal(fs_write_all(fd, bytes, len), 0);
}

static void lines_are_read_once_and_in_order(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(seen_done) struct seen s = { .n = 0 };
        struct ledger_place place = LEDGER_START;

        (void)state;
        test_dir_init(&d);
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 0);
        add(d.fd, "one");
        add(d.fd, "");
        add(d.fd, "#three");
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 3);
        assert_string_equal(s.lines[0], "one");
        assert_string_equal(s.lines[1], "");
        assert_string_equal(s.lines[2], "#three");
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 0);
        add(d.fd, "four");
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 1);
        assert_string_equal(s.lines[0], "four");
}

static void the_end_of_none_is_before_the_first(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(seen_done) struct seen s = { .n = 0 };
        struct ledger_place place;

        (void)state;
        test_dir_init(&d);
        place = end_of(d.fd);
        add(d.fd, "first");
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 1);
        place = end_of(d.fd);
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 0);
        add(d.fd, "second");
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 1);
        assert_string_equal(s.lines[0], "second");
}

static void the_file_is_for_the_group_of_its_directory(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct stat st;
        mode_t mask = umask(077);

        (void)state;
        test_dir_init(&d);
        if (geteuid() == 0)
                assert_int_equal(fchown(d.fd, 0, 12345), 0);
        add(d.fd, "x");
        (void)umask(mask);
        assert_int_equal(fstatat(d.fd, NAME, &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        if (geteuid() == 0)
                assert_int_equal(st.st_gid, 12345);
}

static void a_reader_goes_on_across_a_rotation(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(seen_done) struct seen s = { .n = 0 };
        struct ledger_place place;
        size_t full = LEDGER_BYTES / LEDGER_LINE_MAX;

        (void)state;
        test_dir_init(&d);
        add(d.fd, "before");
        place = end_of(d.fd);
        add(d.fd, "one");
        fill_generation(d.fd);
        add(d.fd, "two");
        assert_true(size_of(d.fd, NAME ".1") > 0);
        assert_true(size_of(d.fd, NAME ".1") <= LEDGER_BYTES);
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, full + 2);
        assert_string_equal(s.lines[0], "one");
        assert_int_equal(strlen(s.lines[full]), LEDGER_LINE_MAX);
        assert_string_equal(s.lines[full + 1], "two");
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 0);
}

static void what_was_dropped_is_a_gap(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(seen_done) struct seen s = { .n = 0 };
        struct ledger_place place, start = LEDGER_START;

        (void)state;
        test_dir_init(&d);
        add(d.fd, "one");
        place = end_of(d.fd);
        add(d.fd, "lost");
        for (int i = 0; i < 3; i++)
                fill_generation(d.fd);
        add(d.fd, "last");
        assert_true(read_on(d.fd, &place, &s));
        assert_true(s.n > 16);
        assert_string_equal(s.lines[s.n - 1], "last");
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 0);
        assert_true(read_on(d.fd, &start, &s));
        assert_string_equal(s.lines[s.n - 1], "last");
        assert_memory_equal(&start, &place, sizeof(place));
}

/* Two generations on, the one before says that what was read does not go as far as its end. */
static void what_was_dropped_of_what_was_being_read_is_a_gap(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(seen_done) struct seen s = { .n = 0 };
        struct ledger_place whole, part;
        struct stat before, after;

        (void)state;
        test_dir_init(&d);
        add(d.fd, "one");
        part = end_of(d.fd);
        assert_int_equal(fstatat(d.fd, NAME, &before, 0), 0);
        do {
                whole = end_of(d.fd);
                add(d.fd, "more");
                fill_generation(d.fd);
                assert_int_equal(fstatat(d.fd, NAME ".1", &after, 0), 0);
        } while (after.st_ino != before.st_ino);
        assert_false(read_on(d.fd, &whole, &s));
        assert_string_equal(s.lines[0], "more");
        fill_generation(d.fd);
        assert_true(read_on(d.fd, &part, &s));
        assert_int_equal(strlen(s.lines[0]), LEDGER_LINE_MAX);
}

/* The inode number of the generation that was dropped is the first to be given away again. */
static void a_new_file_with_an_old_inode_is_not_taken_for_the_old_one(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(seen_done) struct seen s = { .n = 0 };
        struct ledger_place place;
        struct stat st;

        (void)state;
        test_dir_init(&d);
        add(d.fd, "one");
        place = end_of(d.fd);
        assert_int_equal(unlinkat(d.fd, NAME, 0), 0);
        add(d.fd, "two");
        add(d.fd, "three");
        assert_int_equal(fstatat(d.fd, NAME, &st, 0), 0);
        place.dev = st.st_dev;
        place.ino = st.st_ino;
        assert_true(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 2);
        assert_string_equal(s.lines[0], "two");
}

static void a_ledger_that_was_removed_is_a_gap(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(seen_done) struct seen s = { .n = 0 };
        struct ledger_place place;

        (void)state;
        test_dir_init(&d);
        add(d.fd, "one");
        place = end_of(d.fd);
        assert_int_equal(unlinkat(d.fd, NAME, 0), 0);
        assert_true(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 0);
        add(d.fd, "two");
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 1);
}

static void a_rotated_ledger_without_a_new_one_is_no_gap(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(seen_done) struct seen s = { .n = 0 };
        struct ledger_place place = LEDGER_START, end;

        (void)state;
        test_dir_init(&d);
        add(d.fd, "one");
        assert_int_equal(renameat(d.fd, NAME, d.fd, NAME ".1"), 0);
        end = end_of(d.fd);
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 1);
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 0);
        add(d.fd, "two");
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 1);
        assert_string_equal(s.lines[0], "two");
        assert_false(read_on(d.fd, &end, &s));
        assert_int_equal(s.n, 1);
}

static void a_torn_line_is_not_read_and_cut_off_by_the_next_writer(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(seen_done) struct seen s = { .n = 0 };
        struct ledger_place place = LEDGER_START, end;

        (void)state;
        test_dir_init(&d);
        add(d.fd, "one");
        put_raw(d.fd, NAME, "{\"uuid\":\0\0\0", 12);
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 1);
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 0);
        end = end_of(d.fd);
        add(d.fd, "two");
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 1);
        assert_string_equal(s.lines[0], "two");
        assert_false(read_on(d.fd, &end, &s));
        assert_int_equal(s.n, 1);
}

static void a_line_over_the_limit_is_refused(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO_FREE char *line = xmalloc(LEDGER_LINE_MAX + 1);
        struct err e;

        (void)state;
        test_dir_init(&d);
        memset(line, 'x', LEDGER_LINE_MAX + 1);
        assert_err(ledger_append(d.fd, NAME, line, LEDGER_LINE_MAX + 1, &e), &e, ERR_LIMIT,
                   "a line of 262145 bytes is over the limit of 262144 for removed");
        assert_int_equal(size_of(d.fd, NAME), -1);
}

static void a_line_over_the_limit_is_passed_over(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO_FREE char *line = xmalloc(LEDGER_LINE_MAX * 2);
        AUTO(seen_done) struct seen s = { .n = 0 };
        struct ledger_place place = LEDGER_START;

        (void)state;
        test_dir_init(&d);
        memset(line, 'x', LEDGER_LINE_MAX * 2);
        add(d.fd, "one");
        put_raw(d.fd, NAME, line, LEDGER_LINE_MAX * 2);
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 1);
        put_raw(d.fd, NAME, "\ntwo\n", 5);
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 1);
        assert_string_equal(s.lines[0], "two");
}

static void a_file_of_somebody_else_is_put_away(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(seen_done) struct seen s = { .n = 0 };
        struct ledger_place place = LEDGER_START;

        (void)state;
        test_dir_init(&d);
        put_raw(d.fd, NAME, "not ours\nat all", 15);
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 0);
        add(d.fd, "one");
        assert_int_equal(size_of(d.fd, NAME ".1"), 15);
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 1);
}

static void a_huge_file_is_put_away(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(seen_done) struct seen s = { .n = 0 };
        struct ledger_place place = LEDGER_START;
        AUTO_CLOSE int fd = -1;

        (void)state;
        test_dir_init(&d);
        add(d.fd, "one");
        fd = openat(d.fd, NAME, O_WRONLY | O_CLOEXEC);
        assert_int_equal(ftruncate(fd, INT64_C(1) << 40), 0); /* sparse NUL bytes */
        assert_false(read_on(d.fd, &place, &s));
        assert_int_equal(s.n, 1);
        add(d.fd, "two");
        assert_true(read_on(d.fd, &place, &s)); /* where it ended, nobody knows */
        assert_int_equal(s.n, 1);
        assert_string_equal(s.lines[0], "two");
        assert_true(size_of(d.fd, NAME) < 100);
}

static void check_refused(int dirfd)
{
        struct ledger_place place = LEDGER_START;
        bool gap;
        struct err e;

        assert_err(ledger_append(dirfd, NAME, "x", 1, &e), &e, ERR_INTERNAL,
                   "removed is not a regular file");
        assert_err(ledger_read(dirfd, NAME, &place, see, NULL, &gap, &e), &e, ERR_INTERNAL,
                   "removed is not a regular file");
        assert_err(ledger_end(dirfd, NAME, &place, &e), &e, ERR_INTERNAL,
                   "removed is not a regular file");
}

static void what_is_no_file_is_refused(void **state)
{
        AUTO_TEST_DIR struct test_dir d;

        (void)state;
        test_dir_init(&d);
        assert_int_equal(mkfifoat(d.fd, NAME, 0600), 0);
        check_refused(d.fd);
        assert_int_equal(unlinkat(d.fd, NAME, 0), 0);
        assert_int_equal(symlinkat("/etc/passwd", d.fd, NAME), 0);
        check_refused(d.fd);
        assert_int_equal(unlinkat(d.fd, NAME, 0), 0);
        assert_int_equal(mkdirat(d.fd, NAME, 0700), 0);
        check_refused(d.fd);
}

static void an_old_name_that_is_a_directory_is_an_error(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct err e;

        (void)state;
        test_dir_init(&d);
        assert_int_equal(mkdirat(d.fd, NAME ".1", 0700), 0);
        put_raw(d.fd, NAME, "not ours\n", 9);
        assert_err(ledger_append(d.fd, NAME, "x", 1, &e), &e, ERR_INTERNAL,
                   "rename removed to removed.1: Is a directory");
}

static void a_lock_that_somebody_keeps_does_not_hang_the_writer(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO_CLOSE int fd = -1;
        struct err e;

        (void)state;
        test_dir_init(&d);
        add(d.fd, "one");
        fd = fs_open_file(d.fd, NAME);
        assert_int_equal(flock_try_shared(fd), 0);
        assert_err(ledger_append(d.fd, NAME, "x", 1, &e), &e, ERR_BUSY,
                   "another process keeps removed locked");
}

enum { WRITERS = 4, LINES = 6000 };

/* Lines that say whose they are, which, and how long. */
static void write_much(int dirfd, int who)
{
        static char line[3000];

        for (int i = 0; i < LINES; i++) {
                int len = 20 + (i * 7919 + who * 104729) % 2000;
                int n = snprintf(line, sizeof(line), "%d %d %d ", who, i, len);
                struct err e;

                memset(line + n, 'a' + who, (size_t)(len - n));
                if (ledger_append(dirfd, NAME, line, (size_t)len, &e) < 0)
                        _exit(1);
        }
        _exit(0);
}

struct audit {
        int next[WRITERS];
        size_t lines;
};

static void check_line(const char *line, size_t len, void *arg)
{
        struct audit *a = arg;
        char head[64] = { 0 };
        int who, i, want;

        memcpy(head, line, len < sizeof(head) - 1 ? len : sizeof(head) - 1);
        assert_int_equal(sscanf(head, "%d %d %d ", &who, &i, &want), 3);
        assert_in_range(who, 0, WRITERS - 1);
        assert_int_equal(want, len);
        for (size_t at = len - 1; line[at] != ' '; at--)
                assert_int_equal(line[at], 'a' + who);
        assert_true(i >= a->next[who]);
        a->next[who] = i + 1;
        a->lines++;
}

/* 24 MB by four writers at once: six generations. */
static void writers_at_once_and_a_reader_lose_nothing(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct ledger_place place = LEDGER_START;
        struct audit a = { 0 };
        int alive = WRITERS, gaps = 0;
        bool last = false;

        (void)state;
        test_dir_init(&d);
        for (int i = 0; i < WRITERS; i++) {
                pid_t pid = fork();

                assert_true(pid >= 0);
                if (pid == 0)
                        write_much(d.fd, i);
        }
        while (!last) {
                int status;
                bool gap;
                struct err e;

                last = alive == 0;
                assert_ok(ledger_read(d.fd, NAME, &place, check_line, &a, &gap, &e), &e);
                gaps += gap;
                while (alive > 0 && waitpid(-1, &status, WNOHANG) > 0) {
                        assert_int_equal(status, 0);
                        alive--;
                }
        }
        /* A reader who did not get the processor for two generations has lost something, and knows it. */
        assert_true(gaps > 0 || a.lines == WRITERS * LINES);
        assert_true(size_of(d.fd, NAME) <= LEDGER_BYTES);
        assert_true(size_of(d.fd, NAME ".1") <= LEDGER_BYTES);
}

static void a_full_disk_is_an_error_and_leaves_whole_lines(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(seen_done) struct seen s = { .n = 0 };
        struct ledger_place place = LEDGER_START;
        AUTO_FREE char *line = xmalloc(10000);
        AUTO_CLOSE int small = -1;
        size_t n = 0;
        struct err e;

        (void)state;
        if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
                skip();
        test_dir_init(&d);
        assert_int_equal(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
        assert_int_equal(mount("small", d.path, "tmpfs", 0, "size=64k"), 0);
        small = open(d.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        memset(line, 'x', 10000);
        while (ledger_append(small, NAME, line, 10000, &e) == 0)
                n++;
        assert_string_equal(e.text, "write to removed: No space left on device");
        assert_int_equal(e.kind, ERR_NO_SPACE);
        assert_in_range(n, 1, 7);
        assert_false(read_on(small, &place, &s));
        assert_int_equal(s.n, n);
        assert_int_equal(size_of(small, NAME), place.at);
        assert_int_equal(umount2(d.path, MNT_DETACH), 0);
}

static void a_reader_needs_no_right_to_write(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        int status;
        pid_t pid;

        (void)state;
        if (geteuid() != 0)
                skip();
        test_dir_init(&d);
        assert_int_equal(fchown(d.fd, 0, 12345), 0);
        assert_int_equal(fchmod(d.fd, 02750), 0);
        add(d.fd, "one");
        fill_generation(d.fd);
        add(d.fd, "two");
        pid = fork();
        if (pid == 0) {
                struct ledger_place place = LEDGER_START;
                struct seen s = { .n = 0 };
                bool gap;
                struct err e;

                if (setgid(12345) < 0 || setuid(12345) < 0 ||
                    ledger_read(d.fd, NAME, &place, see, &s, &gap, &e) < 0)
                        _exit(1);
                gap = gap || s.n != LEDGER_BYTES / LEDGER_LINE_MAX + 2;
                seen_done(&s);
                _exit(gap ? 2 : 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_are_read_once_and_in_order),
                cmocka_unit_test(the_end_of_none_is_before_the_first),
                cmocka_unit_test(the_file_is_for_the_group_of_its_directory),
                cmocka_unit_test(a_reader_goes_on_across_a_rotation),
                cmocka_unit_test(what_was_dropped_is_a_gap),
                cmocka_unit_test(what_was_dropped_of_what_was_being_read_is_a_gap),
                cmocka_unit_test(a_new_file_with_an_old_inode_is_not_taken_for_the_old_one),
                cmocka_unit_test(a_ledger_that_was_removed_is_a_gap),
                cmocka_unit_test(a_rotated_ledger_without_a_new_one_is_no_gap),
                cmocka_unit_test(a_torn_line_is_not_read_and_cut_off_by_the_next_writer),
                cmocka_unit_test(a_line_over_the_limit_is_refused),
                cmocka_unit_test(a_line_over_the_limit_is_passed_over),
                cmocka_unit_test(a_file_of_somebody_else_is_put_away),
                cmocka_unit_test(a_huge_file_is_put_away),
                cmocka_unit_test(what_is_no_file_is_refused),
                cmocka_unit_test(an_old_name_that_is_a_directory_is_an_error),
                cmocka_unit_test(a_lock_that_somebody_keeps_does_not_hang_the_writer),
                cmocka_unit_test(writers_at_once_and_a_reader_lose_nothing),
                cmocka_unit_test(a_full_disk_is_an_error_and_leaves_whole_lines),
                cmocka_unit_test(a_reader_needs_no_right_to_write),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
