/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics_answer.h"

#include "test.h"

static int hello(enum metrics_format format, struct buf *out, void *arg)
{
        (void)format;
        (void)arg;
        return buf_puts(out, "up 1\n");
}

static int too_much(enum metrics_format format, struct buf *out, void *arg)
{
        (void)format;
        (void)arg;
        (void)buf_puts(out, "half of it");
        return -ENOBUFS;
}

static const char *answer(struct metrics_request r, metrics_http_fn fn)
{
        static char text[1000];
        AUTO(buf_done) struct buf out = BUF_NULL(METRICS_ANSWER_MAX);

        metrics_answer_write(&r, fn, NULL, 784111777 * NSEC_PER_SEC, &out);
        (void)snprintf(text, sizeof(text), "%s", buf_str(&out));
        return text;
}

#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

static void metrics_have_their_type(void **state)
{
        (void)state;
        assert_string_equal(answer((struct metrics_request){ .status = 200 }, hello),
                            "HTTP/1.1 200 OK\r\n" DATE
                            "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                            "Content-Length: 5\r\nVary: Accept\r\n\r\nup 1\n");
        assert_string_equal(
                answer((struct metrics_request){ .status = 200,
                                                 .close = true,
                                                 .head = true,
                                                 .format = METRICS_OPENMETRICS },
                       hello),
                "HTTP/1.1 200 OK\r\n" DATE
                "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"
                "Content-Length: 5\r\nVary: Accept\r\nConnection: close\r\n\r\n");
}

static void refusals_say_what_they_are(void **state)
{
        (void)state;
        assert_string_equal(
                answer((struct metrics_request){ .status = 405, .close = true }, hello),
                "HTTP/1.1 405 Method Not Allowed\r\n" DATE
                "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 23\r\n"
                "Allow: GET, HEAD\r\nConnection: close\r\n\r\n405 Method Not Allowed\n");
        assert_string_equal(answer((struct metrics_request){ .status = 200 }, too_much),
                            "HTTP/1.1 500 Internal Server Error\r\n" DATE
                            "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 26\r\n"
                            "\r\n500 Internal Server Error\n");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(metrics_have_their_type),
                cmocka_unit_test(refusals_say_what_they_are),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
