/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "util/auto.h"

/* Takes stderr's place while a test writes: what was written can be read from .from. */
struct capture {
        int saved, from;
};

static struct capture capture_begin(int writable, int readable)
{
        struct capture c = { .saved = dup(STDERR_FILENO), .from = readable };

        assert_return_code(dup2(writable, STDERR_FILENO), 0);
        close(writable);
        return c;
}

static struct capture capture_pipe(void)
{
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        return capture_begin(ends[1], ends[0]);
}

static void capture_end(struct capture *c)
{
        assert_return_code(dup2(c->saved, STDERR_FILENO), 0);
        close(c->saved);
        close(c->from);
}

static const char *captured(const struct capture *c)
{
        static char text[1 << 20];
        size_t len = 0;
        int more = 1;

        while (more > 0) {
                ssize_t n = read(c->from, text + len, sizeof(text) - 1 - len);

                assert_return_code(n, errno);
                len += (size_t)n;
                assert_return_code(ioctl(c->from, FIONREAD, &more), errno);
        }
        text[len] = '\0';
        return text;
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
        struct capture c = capture_pipe();

        (void)state;
        log_init("test", LOG_LEVEL_INFO);
        log_error("user \"%s\" \t\xc3\xa9", "\033[31mevil\n");
        log_debug("not at this level");
        assert_string_equal(captured(&c), "test: user \"?[31mevil?\" \t\xc3\xa9\n");
        capture_end(&c);
}

static void events_have_fields(void **state)
{
        struct capture c = capture_pipe();

        (void)state;
        log_init("test", LOG_LEVEL_INFO);
        log_event(LOG_LEVEL_INFO, "scanned", LOG_NUMBER("pods", 3), LOG_TEXT("dir", "/a b"));
        assert_string_equal(captured(&c), "test: scanned pods=3 dir=\"/a b\"\n");
        capture_end(&c);
}

static void fill_stderr(void)
{
        static const char zeros[65536] = { 0 };
        int ours = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

        assert_return_code(ours, errno);
        while (write(ours, zeros, sizeof(zeros)) > 0)
                continue;
        while (write(ours, zeros, 1) > 0)
                continue;
        close(ours);
}

static void a_service_never_waits_for_a_full_pipe(void **state)
{
        struct capture c = capture_pipe();
        uint64_t lost = log_lost();
        const char *text;

        (void)state;
        log_init("test", LOG_LEVEL_INFO);
        log_service(LOG_FORMAT_TEXT);
        /* The description that others share is left as it was. */
        assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
        fill_stderr();
        log_info("one");
        log_info("two");
        assert_int_equal(log_lost() - lost, 2);
        assert_int_equal(log_write("x\n", 2), LOG_OUTPUT_FULL);
        (void)captured(&c);
        log_info("three");
        text = captured(&c);
        assert_string_equal(text, "test: warning: log lines were lost lines=2\ntest: three\n");
        capture_end(&c);
}

static void a_service_never_waits_for_a_full_socket(void **state)
{
        struct capture c;
        uint64_t lost = log_lost();
        int ends[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        c = capture_begin(ends[1], ends[0]);
        log_init("test", LOG_LEVEL_INFO);
        log_service(LOG_FORMAT_TEXT);
        while (log_lost() == lost)
                log_info("%0500d", 0);
        assert_int_equal(log_lost() - lost, 1);
        (void)captured(&c);
        capture_end(&c);
}

static void the_journal_gets_levels(void **state)
{
        struct capture c;
        struct stat st;
        char named[64], composed[LOG_COMPOSED_MAX];
        int ends[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        c = capture_begin(ends[1], ends[0]);
        assert_int_equal(fstat(STDERR_FILENO, &st), 0);
        (void)snprintf(named, sizeof(named), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
        assert_int_equal(setenv("JOURNAL_STREAM", named, 1), 0);
        log_init("test", LOG_LEVEL_DEBUG);
        log_service(LOG_FORMAT_TEXT);
        assert_in_range(log_compose(LOG_LEVEL_INFO, "m", NULL, 0, composed), 20, 60);
        assert_memory_equal(composed, "<6>test: m time=2", 17);
        log_error("e");
        log_warning("w");
        log_debug("d");
        assert_string_equal(captured(&c), "<3>test: e\n<4>test: warning: w\n<7>test: d\n");
        capture_end(&c);

        /* Somebody else's journal: our stderr was redirected since. */
        c = capture_pipe();
        log_init("test", LOG_LEVEL_DEBUG);
        log_service(LOG_FORMAT_JSON);
        log_info("i");
        assert_memory_equal(captured(&c), "{\"time\":\"2", 10);
        capture_end(&c);
        assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

static void strangers_provoke_few_lines(void **state)
{
        struct log_limit limit = { 0 };
        uint64_t left_out = 99;
        nsec now = 5;

        (void)state;
        for (int i = 0; i < LOG_LIMIT_BURST; i++) {
                assert_true(log_limit_pass(&limit, now++, &left_out));
                assert_int_equal(left_out, 0);
        }
        for (int i = 0; i < 1000; i++)
                assert_false(log_limit_pass(&limit, now++, &left_out));
        now = 5 + LOG_LIMIT_WINDOW;
        assert_true(log_limit_pass(&limit, now, &left_out));
        assert_int_equal(left_out, 1000);
        assert_true(log_limit_pass(&limit, now, &left_out));
        assert_int_equal(left_out, 0);
}

static void limited_events_say_how_many_were_left_out(void **state)
{
        struct capture c = capture_pipe();
        struct log_limit limit = { .left_out = 7 };
        struct log_field field = LOG_TEXT("peer", "::1");

        (void)state;
        log_init("test", LOG_LEVEL_INFO);
        log_service(LOG_FORMAT_TEXT);
        log_fields_limited(&limit, LOG_LEVEL_DEBUG, "not at this level", &field, 1);
        log_fields_limited(&limit, LOG_LEVEL_INFO, "bad handshake", &field, 1);
        limit = (struct log_limit){ .left_out = 2 };
        log_line_limited(&limit, LOG_LEVEL_INFO, "%s is left out", "it");
        for (int i = 0; i < 100; i++)
                log_event_limited(LOG_LEVEL_INFO, "x", LOG_NUMBER("i", i));
        assert_string_equal(captured(&c), "test: bad handshake peer=::1 left_out=7\n"
                                          "test: it is left out left_out=2\ntest: x i=0\n"
                                          "test: x i=1\ntest: x i=2\ntest: x i=3\ntest: x i=4\n"
                                          "test: x i=5\ntest: x i=6\ntest: x i=7\ntest: x i=8\n"
                                          "test: x i=9\n");
        capture_end(&c);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(control_characters_do_not_reach_the_terminal),
                cmocka_unit_test(events_have_fields),
                cmocka_unit_test(a_service_never_waits_for_a_full_pipe),
                cmocka_unit_test(a_service_never_waits_for_a_full_socket),
                cmocka_unit_test(the_journal_gets_levels),
                cmocka_unit_test(strangers_provoke_few_lines),
                cmocka_unit_test(limited_events_say_how_many_were_left_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
