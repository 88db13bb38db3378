/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's protocol, at a socket of our own. */
#include "test.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "logs/journal.h"

static int listen_at(const char *path)
{
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
        return fd;
}

#define ENTRY(t)                                                                                   \
        ((struct logs_journal_entry){                                                              \
                .fields = "F=x\n",                                                                 \
                .fields_len = 4,                                                                   \
                .priority = LOGS_JOURNAL_INFO,                                                     \
                .stream = LOGS_STDOUT,                                                             \
                .time = 1,                                                                         \
                .text = (t),                                                                       \
                .len = sizeof(t) - 1,                                                              \
        })

static void assert_received(int fd, const char *want, size_t len)
{
        char got[512];
        ssize_t n = recv(fd, got, sizeof(got), 0);

        assert_int_equal(n, (ssize_t)len);
        assert_memory_equal(got, want, len);
}

static void an_entry_is_one_datagram_with_the_text_as_it_is(void **state)
{
        static const char plain[] = "F=x\nPRIORITY=6\nCAROB_STREAM=stdout\n"
                                    "SYSLOG_TIMESTAMP=1970-01-01T00:00:00.000000001Z\n"
                                    "MESSAGE\n\5\0\0\0\0\0\0\0a\0\n\377b\n";
        static const char piece[] = "F=x\nPRIORITY=3\nCAROB_STREAM=stderr\n"
                                    "SYSLOG_TIMESTAMP=1970-01-01T00:00:00.000000001Z\n"
                                    "CONTAINER_PARTIAL_MESSAGE=true\n"
                                    "MESSAGE\n\0\0\0\0\0\0\0\0\n";
        AUTO_TEST_DIR struct test_dir d;
        AUTO_CLOSE int server = -1, fd = -1;
        struct logs_journal_entry entry = ENTRY("a\0\n\377b");
        char path[128];
        struct err e;
        (void)state;

        test_dir_init(&d);
        (void)snprintf(path, sizeof(path), "%s/socket", d.path);
        server = listen_at(path);
        assert_ok(logs_journal_connect(path, &fd, &e), &e);
        assert_int_equal(logs_journal_send(fd, &entry), LOGS_JOURNAL_SENT);
        assert_received(server, plain, sizeof(plain) - 1);
        entry = ENTRY("");
        entry.stream = LOGS_STDERR;
        entry.priority = LOGS_JOURNAL_ERR;
        entry.partial = true;
        assert_int_equal(logs_journal_send(fd, &entry), LOGS_JOURNAL_SENT);
        assert_received(server, piece, sizeof(piece) - 1);
}

static void nobody_there_and_nobody_any_more_are_told_apart_from_busy(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO_CLOSE int server = -1, fd = -1;
        struct logs_journal_entry entry = ENTRY("text");
        char path[128], want[256];
        struct err e;
        int r;
        (void)state;

        test_dir_init(&d);
        (void)snprintf(path, sizeof(path), "%s/socket", d.path);
        (void)snprintf(want, sizeof(want), "nobody listens at %s: No such file or directory", path);
        assert_err(logs_journal_connect(path, &fd, &e), &e, ERR_UNAVAILABLE, want);
        server = listen_at(path);
        assert_ok(logs_journal_connect(path, &fd, &e), &e);
        while ((r = (int)logs_journal_send(fd, &entry)) == LOGS_JOURNAL_SENT)
                ;
        assert_int_equal(r, LOGS_JOURNAL_FULL);
        closep(&server);
        assert_int_equal(logs_journal_send(fd, &entry), LOGS_JOURNAL_GONE);
        closep(&fd);
        (void)snprintf(want, sizeof(want), "nobody listens at %s: Connection refused", path);
        assert_err(logs_journal_connect(path, &fd, &e), &e, ERR_UNAVAILABLE, want);
}

static void a_datagram_that_is_too_large_is_lost_and_nothing_else(void **state)
{
        static char text[512 * 1024];
        AUTO_TEST_DIR struct test_dir d;
        AUTO_CLOSE int server = -1, fd = -1;
        struct logs_journal_entry entry = ENTRY("text");
        char path[128];
        struct err e;
        (void)state;

        test_dir_init(&d);
        (void)snprintf(path, sizeof(path), "%s/socket", d.path);
        server = listen_at(path);
        assert_ok(logs_journal_connect(path, &fd, &e), &e);
        entry.text = text;
        entry.len = sizeof(text);
        assert_int_equal(logs_journal_send(fd, &entry), LOGS_JOURNAL_LOST);
        entry.len = LOGS_JOURNAL_TEXT_MAX;
        assert_int_equal(logs_journal_send(fd, &entry), LOGS_JOURNAL_SENT);
}

static void names_with_newlines_stay_in_their_field(void **state)
{
        static const char want[] = "SYSLOG_IDENTIFIER=web\nCAROB_APP=web\nCAROB_POD_UUID=u\n"
                                   "CAROB_POD_NAME\n\x9\0\0\0\0\0\0\0x\n_UID=99\n"
                                   "CONTAINER_NAME=web\nCONTAINER_ID=u\n";
        AUTO(buf_done) struct buf b = BUF_NULL(1024);
        AUTO(buf_done) struct buf small = BUF_NULL(64);
        (void)state;

        assert_int_equal(logs_journal_fields("u", "x\n_UID=99", "web", &b), 0);
        assert_int_equal(b.len, sizeof(want) - 1);
        assert_memory_equal(b.data, want, b.len);
        buf_reset(&b);
        assert_int_equal(logs_journal_fields("u", NULL, "web", &b), 0);
        assert_null(strstr(buf_str(&b), "POD_NAME"));
        assert_int_equal(logs_journal_fields("u", "x\n_UID=99", "web", &small), -ENOBUFS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_entry_is_one_datagram_with_the_text_as_it_is),
                cmocka_unit_test(nobody_there_and_nobody_any_more_are_told_apart_from_busy),
                cmocka_unit_test(a_datagram_that_is_too_large_is_lost_and_nothing_else),
                cmocka_unit_test(names_with_newlines_stay_in_their_field),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
