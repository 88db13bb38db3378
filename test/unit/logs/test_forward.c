/* SPDX-License-Identifier: Apache-2.0 */
/* Log files to a journal that is a socket of our own: what arrives, in which order, and what is said to be lost. */
#include "test.h"

#include <sys/socket.h>

#include "logs/forward.h"

struct world {
        struct test_dir dir;
        struct logs_writer writer;
        struct logs_forward forward;
        int ours, theirs; /* a pair of sockets: the journal's end is theirs */
        char window[LOGS_FORWARD_WINDOW];
};

static char out[LOGS_BATCH_MAX];

static struct world *world_new(const struct logs_limits *limits)
{
        struct world *w = calloc(1, sizeof(*w));
        struct err e;
        int fds[2];

        assert_non_null(w);
        test_dir_init(&w->dir);
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        w->ours = fds[0];
        w->theirs = fds[1];
        assert_ok(logs_writer_open(w->dir.fd, "app", limits, &w->writer, &e), &e);
        assert_ok(logs_forward_init(&w->forward, &w->writer, "u", NULL, &e), &e);
        return w;
}

static void world_freep(struct world **w)
{
        logs_forward_done(&(*w)->forward);
        logs_writer_done(&(*w)->writer);
        closep(&(*w)->ours);
        closep(&(*w)->theirs);
        test_dir_done(&(*w)->dir);
        free(*w);
}

static void put(struct world *w, enum logs_stream stream, const char *text)
{
        logs_writer_put(&w->writer, out, stream, text, strlen(text), 1);
}

/* Some entries; as told. */
static enum logs_forward_result some(struct world *w, size_t entries)
{
        return logs_forward_some(&w->forward, w->ours, w->window, entries);
}

struct message {
        char text[LOGS_JOURNAL_TEXT_MAX + 1];
        size_t len;
        char priority;
        bool partial;
};

/* The next datagram; false: none. */
static bool receive(struct world *w, struct message *ret)
{
        static char data[LOGS_JOURNAL_TEXT_MAX + 1024];
        ssize_t n = recv(w->theirs, data, sizeof(data) - 1, 0);
        const char *text;
        uint64_t len;

        if (n < 0)
                return false;
        data[n] = '\0';
        ret->priority = strstr(data, "PRIORITY=")[9];
        ret->partial = strstr(data, "CONTAINER_PARTIAL_MESSAGE=true\n");
        text = strstr(data, "\nMESSAGE\n") + 9;
        memcpy(&len, text, sizeof(len));
        assert_ptr_equal(text + 8 + len + 1, data + n);
        memcpy(ret->text, text + 8, len);
        ret->text[len] = '\0';
        ret->len = len;
        return true;
}

static void assert_message(struct world *w, const char *text, char priority)
{
        struct message m;

        assert_true(receive(w, &m));
        assert_string_equal(m.text, text);
        assert_int_equal(m.priority, priority);
        assert_false(m.partial);
}

static void assert_none(struct world *w)
{
        struct message m;

        assert_false(receive(w, &m));
}

static void lines_are_sent_whole_and_in_order(void **state)
{
        AUTO(world_freep) struct world *w = world_new(NULL);
        (void)state;

        put(w, LOGS_STDOUT, "one\n\nprompt: ");
        put(w, LOGS_STDERR, "err\n");
        assert_int_equal(some(w, 10), LOGS_FORWARD_IDLE);
        assert_message(w, "one", '6');
        assert_message(w, "", '6');
        assert_message(w, "err", '3');
        assert_none(w);
        put(w, LOGS_STDOUT, "answer\nx\n");
        assert_int_equal(some(w, 1), LOGS_FORWARD_MORE);
        assert_message(w, "prompt: answer", '6');
        assert_none(w);
        assert_int_equal(some(w, 10), LOGS_FORWARD_IDLE);
        assert_message(w, "x", '6');
        assert_none(w);
        assert_int_equal(logs_forward_behind(&w->forward), 0);
}

static void what_was_there_before_is_passed_over(void **state)
{
        AUTO(world_freep) struct world *w = world_new(NULL);
        struct err e;
        (void)state;

        put(w, LOGS_STDOUT, "old\n");
        logs_forward_done(&w->forward);
        assert_ok(logs_forward_init(&w->forward, &w->writer, "u", NULL, &e), &e);
        put(w, LOGS_STDOUT, "new\n");
        assert_int_equal(some(w, 10), LOGS_FORWARD_IDLE);
        assert_message(w, "new", '6');
        assert_none(w);
}

/* @len letters that tell where they stand, and a newline if @end. */
static char *letters(size_t len, bool end)
{
        char *text = malloc(len + 2);

        assert_non_null(text);
        for (size_t i = 0; i < len; i++)
                text[i] = (char)('a' + i % 23);
        text[len] = end ? '\n' : '\0';
        text[len + 1] = '\0';
        return text;
}

static void a_line_of_any_length_loses_nothing(void **state)
{
        static const size_t lengths[] = { LOGS_FORWARD_WINDOW - LOGS_PREFIX_LEN - 1,
                                          LOGS_FORWARD_WINDOW - LOGS_PREFIX_LEN,
                                          LOGS_FORWARD_WINDOW,
                                          LOGS_JOURNAL_TEXT_MAX - 1,
                                          LOGS_JOURNAL_TEXT_MAX,
                                          LOGS_JOURNAL_TEXT_MAX + 1,
                                          200000 };
        (void)state;

        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
                AUTO(world_freep) struct world *w = world_new(NULL);
                AUTO_FREE char *text = letters(lengths[i], true);
                struct message m = { .partial = true };
                size_t got = 0;

                put(w, LOGS_STDOUT, text);
                put(w, LOGS_STDERR, "next\n");
                while (m.partial) {
                        enum logs_forward_result r = some(w, 1);

                        assert_true(r == LOGS_FORWARD_MORE || r == LOGS_FORWARD_IDLE);
                        assert_true(receive(w, &m));
                        assert_memory_equal(m.text, text + got, m.len);
                        got += m.len;
                        assert_true(!m.partial || m.len > LOGS_JOURNAL_TEXT_MAX / 2);
                }
                assert_int_equal(got, lengths[i]);
                assert_int_equal(some(w, 2), LOGS_FORWARD_IDLE);
                assert_message(w, "next", '3');
                assert_none(w);
        }
}

static void a_journal_that_is_busy_gets_the_rest_later(void **state)
{
        AUTO(world_freep) struct world *w = world_new(NULL);
        struct message m;
        unsigned want = 0, n;
        char line[32];
        (void)state;

        for (n = 0; n < 1000; n++) {
                (void)snprintf(line, sizeof(line), "a%u", n);
                put(w, LOGS_STDOUT, line);
                (void)snprintf(line, sizeof(line), "b%u\n", n);
                put(w, LOGS_STDOUT, line);
        }
        assert_int_equal(some(w, 10000), LOGS_FORWARD_FULL);
        assert_true(logs_forward_behind(&w->forward) > 0);
        while (want < n) {
                while (receive(w, &m)) {
                        (void)snprintf(line, sizeof(line), "a%ub%u", want, want);
                        assert_string_equal(m.text, line);
                        want++;
                }
                (void)some(w, 10000);
        }
        assert_int_equal(some(w, 1), LOGS_FORWARD_IDLE);
        assert_none(w);
}

static void rotation_loses_nothing_that_is_kept_and_counts_the_rest(void **state)
{
        const struct logs_limits limits = { .max_bytes = 200, .max_files = 3 };
        AUTO(world_freep) struct world *w = world_new(&limits);
        struct message m;
        unsigned n = 0, want;
        char line[32];
        (void)state;

        /* Four lines of 47 bytes each to a file; it follows over two rotations. */
        for (; n < 9; n++) {
                (void)snprintf(line, sizeof(line), "line %u\n", n);
                put(w, LOGS_STDOUT, line);
        }
        for (want = 0; want < n; want++) {
                (void)some(w, 1);
                (void)snprintf(line, sizeof(line), "line %u", want);
                assert_message(w, line, '6');
        }
        assert_int_equal(some(w, 1), LOGS_FORWARD_IDLE);
        /* Nobody reads while files go; the one that is open is still complete. */
        for (; n < 99; n++) {
                (void)snprintf(line, sizeof(line), "line %u\n", n);
                put(w, LOGS_STDOUT, line);
        }
        for (; want < 12; want++) {
                (void)some(w, 1);
                (void)snprintf(line, sizeof(line), "line %u", want);
                assert_message(w, line, '6');
        }
        assert_int_equal(some(w, 1), LOGS_FORWARD_MORE);
        assert_true(receive(w, &m));
        assert_int_equal(m.priority, '4');
        assert_true(receive(w, &(struct message){ 0 }));
        /* 99 lines; 12 and the last 11 (4, 4 and 3 of them) arrive. */
        (void)snprintf(line, sizeof(line), "[carob: %u bytes", (99 - 12 - 11) * 48);
        assert_memory_equal(m.text, line, strlen(line));
        for (want = 89; want < 99; want++) {
                (void)some(w, 1);
                (void)snprintf(line, sizeof(line), "line %u", want);
                assert_message(w, line, '6');
        }
        assert_int_equal(some(w, 1), LOGS_FORWARD_IDLE);
        assert_none(w);
        assert_int_equal(logs_forward_behind(&w->forward), 0);
}

static void giving_up_is_told_once(void **state)
{
        AUTO(world_freep) struct world *w = world_new(NULL);
        struct message m;
        unsigned got = 0;
        (void)state;

        assert_int_equal(logs_forward_give_up(&w->forward, w->ours), LOGS_FORWARD_IDLE);
        assert_none(w);
        for (unsigned n = 0; n < 1000; n++)
                put(w, LOGS_STDOUT, "line\n");
        assert_int_equal(some(w, 10000), LOGS_FORWARD_FULL);
        assert_int_equal(logs_forward_give_up(&w->forward, w->ours), LOGS_FORWARD_FULL);
        assert_int_equal(logs_forward_give_up(&w->forward, w->ours), LOGS_FORWARD_FULL);
        for (; receive(w, &m); got++)
                assert_string_equal(m.text, "line");
        assert_int_equal(logs_forward_give_up(&w->forward, w->ours), LOGS_FORWARD_IDLE);
        assert_int_equal(logs_forward_give_up(&w->forward, w->ours), LOGS_FORWARD_IDLE);
        assert_true(receive(w, &m));
        assert_int_equal(m.priority, '4');
        assert_int_equal(w->forward.lost_ever, (1000 - got) * (LOGS_PREFIX_LEN + 5));
        assert_none(w);
        assert_int_equal(some(w, 10), LOGS_FORWARD_IDLE);
}

static void a_line_whose_end_is_lost_is_not_joined_with_another(void **state)
{
        const struct logs_limits limits = { .max_bytes = 200, .max_files = 2 };
        AUTO(world_freep) struct world *w = world_new(&limits);
        struct message m;
        (void)state;

        put(w, LOGS_STDOUT, "head ");
        assert_int_equal(some(w, 1), LOGS_FORWARD_IDLE);
        put(w, LOGS_STDOUT, "tail\n");
        for (int i = 0; i < 20; i++)
                put(w, LOGS_STDOUT, "line\n");
        /* The file that is open has still the tail; then a gap in which a line begins. */
        while (some(w, 1) == LOGS_FORWARD_MORE && receive(w, &m) && m.priority == '6')
                assert_true(strcmp(m.text, "head tail") == 0 || strcmp(m.text, "line") == 0);
        assert_int_equal(m.priority, '4');
        while (receive(w, &m) || some(w, 1) == LOGS_FORWARD_MORE)
                assert_int_equal(m.priority == '6' ? strcmp(m.text, "line") : 0, 0);
        put(w, LOGS_STDOUT, "head ");
        assert_int_equal(some(w, 1), LOGS_FORWARD_IDLE);
        for (int i = 0; i < 20; i++)
                put(w, LOGS_STDERR, "line\n");
        while (some(w, 9) != LOGS_FORWARD_IDLE || receive(w, &m))
                ;
        assert_int_equal(w->forward.joined_len[LOGS_STDOUT], 0);
}

static void a_file_that_somebody_emptied_goes_on(void **state)
{
        AUTO(world_freep) struct world *w = world_new(NULL);
        (void)state;

        put(w, LOGS_STDOUT, "before\n");
        assert_int_equal(some(w, 9), LOGS_FORWARD_IDLE);
        assert_message(w, "before", '6');
        assert_int_equal(ftruncate(w->writer.fd, 0), 0);
        assert_int_equal(some(w, 9), LOGS_FORWARD_IDLE);
        put(w, LOGS_STDOUT, "x\n");
        assert_int_equal(some(w, 9), LOGS_FORWARD_IDLE);
        assert_message(w, "x", '6');
        put(w, LOGS_STDOUT, "y\n");
        assert_int_equal(some(w, 9), LOGS_FORWARD_IDLE);
        assert_message(w, "y", '6');
        assert_none(w);
}

static void bytes_that_are_no_entry_are_sent_as_they_are(void **state)
{
        AUTO(world_freep) struct world *w = world_new(NULL);
        (void)state;

        assert_int_equal(write(w->writer.fd, "not an entry\n\n", 14), 14);
        w->writer.size += 14;
        put(w, LOGS_STDERR, "one\n");
        assert_int_equal(some(w, 9), LOGS_FORWARD_IDLE);
        assert_message(w, "not an entry", '6');
        assert_message(w, "", '6');
        assert_message(w, "one", '3');
}

static void a_journal_that_is_gone_loses_nothing(void **state)
{
        AUTO(world_freep) struct world *w = world_new(NULL);
        int fds[2];
        (void)state;

        put(w, LOGS_STDOUT, "one\n");
        closep(&w->theirs);
        assert_int_equal(some(w, 9), LOGS_FORWARD_GONE);
        closep(&w->ours);
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        w->ours = fds[0];
        w->theirs = fds[1];
        assert_int_equal(some(w, 9), LOGS_FORWARD_IDLE);
        assert_message(w, "one", '6');
        assert_none(w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_are_sent_whole_and_in_order),
                cmocka_unit_test(what_was_there_before_is_passed_over),
                cmocka_unit_test(a_line_of_any_length_loses_nothing),
                cmocka_unit_test(a_journal_that_is_busy_gets_the_rest_later),
                cmocka_unit_test(rotation_loses_nothing_that_is_kept_and_counts_the_rest),
                cmocka_unit_test(giving_up_is_told_once),
                cmocka_unit_test(a_line_whose_end_is_lost_is_not_joined_with_another),
                cmocka_unit_test(a_file_that_somebody_emptied_goes_on),
                cmocka_unit_test(bytes_that_are_no_entry_are_sent_as_they_are),
                cmocka_unit_test(a_journal_that_is_gone_loses_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
