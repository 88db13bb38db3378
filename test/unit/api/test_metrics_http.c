/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics_http.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "test.h"

enum { BODY = 500 * 1000 }; /* more than a unix socket holds */

struct fixture {
        uv_loop_t loop;
        struct metrics_http *http;
        size_t body;
};

static int write_body(enum metrics_format format, struct buf *out, void *arg)
{
        const struct fixture *f = arg;
        uint8_t *to;

        (void)format;
        assert_int_equal(buf_reserve(out, f->body, &to), 0);
        memset(to, 'x', f->body);
        buf_commit(out, f->body);
        return 0;
}

static void begin(struct fixture *f)
{
        struct err e;

        f->body = 5;
        assert_int_equal(uv_loop_init(&f->loop), 0);
        f->http = metrics_http_new(&f->loop, write_body, f);
        assert_ok(metrics_http_listen(f->http, "127.0.0.1:0", false, &e), &e);
}

static void end(struct fixture *f)
{
        f->http = metrics_http_free(f->http);
        (void)uv_run(&f->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&f->loop), 0);
}

static int dial(const struct fixture *f)
{
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)metrics_http_port(f->http)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
        return fd;
}

static int dial_unix(const char *path)
{
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
        assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
        return fd;
}

static void say(int fd, const char *text)
{
        assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Runs the loop until @len bytes were received, or the end. Returns how many. */
static size_t hear(struct fixture *f, int fd, char *to, size_t len)
{
        size_t n = 0;

        while (n < len) {
                ssize_t r = recv(fd, to + n, len - n, MSG_DONTWAIT);

                if (r == 0)
                        break;
                if (r > 0)
                        n += (size_t)r;
                else if (errno == EAGAIN)
                        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
                else
                        fail_msg("recv: %s", strerror(errno));
        }
        to[n] = '\0';
        return n;
}

#define GET "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"

/* One answer, whose body is x. */
static void expect_metrics(struct fixture *f, int fd)
{
        static char text[BODY + 1000];
        size_t n = 0;

        while (n < 4 || memcmp(text + n - 4, "\r\n\r\n", 4) != 0) {
                assert_int_equal(hear(f, fd, text + n, 1), 1);
                n++;
        }
        assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
        assert_int_equal(hear(f, fd, text, f->body), f->body);
        assert_int_equal(strspn(text, "x"), f->body);
}

static void a_connection_takes_many_requests(void **state)
{
        struct fixture f;
        AUTO_CLOSE int fd = -1;

        (void)state;
        begin(&f);
        fd = dial(&f);
        for (int i = 0; i < 3; i++) {
                say(fd, GET);
                expect_metrics(&f, fd);
        }
        say(fd, GET GET GET "GET /met"); /* pipelined, and one in two pieces */
        for (int i = 0; i < 3; i++)
                expect_metrics(&f, fd);
        say(fd, "rics HTTP/1.1\r\nHost: a\r\n\r\n");
        expect_metrics(&f, fd);
        end(&f);
}

static void a_large_answer_waits_for_its_reader(void **state)
{
        struct fixture f;
        AUTO_CLOSE int slow = -1;
        AUTO_CLOSE int quick = -1;

        (void)state;
        begin(&f);
        f.body = BODY;
        slow = dial(&f);
        quick = dial(&f);
        say(slow, GET GET);
        for (int i = 0; i < 5; i++) {
                say(quick, GET);
                expect_metrics(&f, quick);
        }
        expect_metrics(&f, slow);
        expect_metrics(&f, slow);
        end(&f);
}

static void after_a_wrong_request_the_connection_ends(void **state)
{
        struct fixture f;
        AUTO_CLOSE int fd = -1;
        char text[2000];

        (void)state;
        begin(&f);
        fd = dial(&f);
        say(fd, "\x16\x03\x01 hello" GET);
        (void)hear(&f, fd, text, sizeof(text) - 1);
        assert_memory_equal(text, "HTTP/1.1 400 Bad Request\r\n", 26);
        assert_non_null(strstr(text, "Connection: close\r\n"));
        assert_non_null(strstr(text, "\r\n\r\n400 Bad Request\n"));
        end(&f);
}

/* Whoever waits longest makes room for the next one. */
static void silent_clients_do_not_lock_a_scraper_out(void **state)
{
        struct fixture f;
        int silent[4 * LIMIT_METRICS_CONNECTIONS];
        char text[2000];

        (void)state;
        begin(&f);
        for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
                silent[i] = dial(&f);
                say(silent[i], "GET /metrics HTTP/1.1\r\n");
        }
        for (int i = 0; i < 3; i++) {
                AUTO_CLOSE int fd = dial(&f);

                say(fd, GET);
                expect_metrics(&f, fd);
        }
        assert_int_equal(hear(&f, silent[0], text, 1), 0);
        for (size_t i = 0; i < ARRAY_LEN(silent); i++)
                close(silent[i]);
        end(&f);
}

static void when_all_are_being_answered_the_next_is_turned_away(void **state)
{
        AUTO_TEST_DIR struct test_dir dir = { .fd = -1 };
        struct fixture f;
        int slow[LIMIT_METRICS_CONNECTIONS];
        AUTO_CLOSE int fd = -1;
        char address[100], text[2000];
        struct err e;

        (void)state;
        test_dir_init(&dir);
        begin(&f);
        f.body = BODY;
        (void)snprintf(address, sizeof(address), "unix:%s/sock", dir.path);
        assert_ok(metrics_http_listen(f.http, address, false, &e), &e);
        for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
                slow[i] = dial_unix(address + strlen("unix:"));
                say(slow[i], GET);
                assert_int_equal(hear(&f, slow[i], text, 17), 17);
                assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
        }
        fd = dial_unix(address + strlen("unix:"));
        say(fd, GET);
        assert_int_equal(hear(&f, fd, text, 34), 34);
        assert_memory_equal(text, "HTTP/1.1 503 Service Unavailable\r\n", 34);
        for (size_t i = 0; i < ARRAY_LEN(slow); i++)
                close(slow[i]);
        end(&f);
}

static void addresses_that_others_reach_are_refused(void **state)
{
        struct fixture f;
        struct err e;

        (void)state;
        begin(&f);
        assert_err(metrics_http_listen(f.http, "0.0.0.0:0", false, &e), &e, ERR_STATE,
                   "metrics at 0.0.0.0:0 could be read by other hosts, without TLS; "
                   "--insecure-listen allows it");
        assert_ok(metrics_http_listen(f.http, "0.0.0.0:0", true, &e), &e);
        assert_int_equal(metrics_http_listen(f.http, "nonsense", true, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        end(&f);
}

static void the_file_of_a_unix_socket_stays_and_is_replaced(void **state)
{
        AUTO_TEST_DIR struct test_dir dir = { .fd = -1 };
        struct fixture f;
        struct stat st;
        char address[100];
        struct err e;

        (void)state;
        test_dir_init(&dir);
        begin(&f);
        (void)snprintf(address, sizeof(address), "unix:%s/sock,mode=0604", dir.path);
        assert_ok(metrics_http_listen(f.http, address, false, &e), &e);
        assert_int_equal(fstatat(dir.fd, "sock", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0604);
        end(&f); /* by then nothing may be removed (api/confine.h) */
        assert_int_equal(faccessat(dir.fd, "sock", F_OK, 0), 0);
        begin(&f);
        assert_ok(metrics_http_listen(f.http, address, false, &e), &e);
        end(&f);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_connection_takes_many_requests),
                cmocka_unit_test(a_large_answer_waits_for_its_reader),
                cmocka_unit_test(after_a_wrong_request_the_connection_ends),
                cmocka_unit_test(silent_clients_do_not_lock_a_scraper_out),
                cmocka_unit_test(when_all_are_being_answered_the_next_is_turned_away),
                cmocka_unit_test(addresses_that_others_reach_are_refused),
                cmocka_unit_test(the_file_of_a_unix_socket_stays_and_is_replaced),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
