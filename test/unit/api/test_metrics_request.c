/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics_request.h"

#include <string.h>

#include "test.h"

static struct metrics_request parse(const char *text)
{
        struct metrics_request r = { .status = 0 };
        size_t used = metrics_request_parse(text, strlen(text), &r);

        assert_in_range(used, 1, strlen(text));
        return r;
}

/* What is answered; negative: and nothing after it. */
static int status(const char *text)
{
        struct metrics_request r = parse(text);

        return r.close ? -(int)r.status : (int)r.status;
}

#define HOST "Host: localhost\r\n"

static void a_scraper_is_understood(void **state)
{
        struct metrics_request r =
                parse("GET /metrics HTTP/1.1\r\nHost: localhost:9100\r\n"
                      "User-Agent: Prometheus/2.42.0\r\nAccept-Encoding: gzip\r\n\r\n");

        (void)state;
        assert_int_equal(r.status, 200);
        assert_false(r.head);
        assert_false(r.close);
        assert_int_equal(r.format, METRICS_PROMETHEUS);
        assert_true(parse("HEAD /metrics HTTP/1.1\r\n" HOST "\r\n").head);
}

static void targets_have_several_forms(void **state)
{
        (void)state;
        assert_int_equal(status("GET /metrics?name[]=up HTTP/1.1\r\n" HOST "\r\n"), 200);
        assert_int_equal(status("GET http://localhost/metrics HTTP/1.1\r\n" HOST "\r\n"), 200);
        assert_int_equal(status("GET http://localhost HTTP/1.1\r\n" HOST "\r\n"), 404);
        assert_int_equal(status("GET / HTTP/1.1\r\n" HOST "\r\n"), 404);
        assert_int_equal(status("GET /metrics/ HTTP/1.1\r\n" HOST "\r\n"), 404);
        assert_int_equal(status("GET /../metrics HTTP/1.1\r\n" HOST "\r\n"), 404);
        assert_int_equal(status("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 405);
        assert_int_equal(status("CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n"), 405);
        assert_int_equal(status("get /metrics HTTP/1.1\r\n" HOST "\r\n"), 405);
}

static void connections_end_when_somebody_says_so(void **state)
{
        (void)state;
        assert_int_equal(status("GET /metrics HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"),
                         -200);
        assert_int_equal(status("GET /metrics HTTP/1.1\r\n" HOST "connection: TE , Close\r\n\r\n"),
                         -200);
        assert_int_equal(status("GET /metrics HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n"),
                         200);
        assert_int_equal(status("GET /metrics HTTP/1.0\r\n\r\n"), -200);
        assert_int_equal(status("GET /metrics HTTP/1.9\r\n" HOST "\r\n"), 200);
}

static void what_can_be_read_in_two_ways_is_refused(void **state)
{
        static const char *const bad[] = {
                "GET /metrics HTTP/1.1\n" HOST "\n",                /* bare LF */
                "GET /metrics HTTP/1.1\r\n" HOST "a: b\rc\r\n\r\n", /* bare CR */
                "GET  /metrics HTTP/1.1\r\n" HOST "\r\n",           /* two blanks */
                "GET /metrics\r\n" HOST "\r\n",                     /* HTTP/0.9 */
                "GET /metrics HTTP/1.1 \r\n" HOST "\r\n",           /* more after the version */
                "GET /metrics HTTP/1\r\n" HOST "\r\n",              /* no minor version */
                "GET /metrics http/1.1\r\n" HOST "\r\n",            /* case matters */
                "G\x80T /metrics HTTP/1.1\r\n" HOST "\r\n",         /* no token */
                "GET /m\x80 HTTP/1.1\r\n" HOST "\r\n",              /* not ASCII */
                "GET /metrics HTTP/1.1\r\n\r\n",                    /* no Host */
                "GET /metrics HTTP/1.1\r\n" HOST HOST "\r\n",       /* two */
                "GET /metrics HTTP/1.1\r\n" HOST " folded\r\n\r\n", /* obs-fold */
                "GET /metrics HTTP/1.1\r\n" HOST "a : b\r\n\r\n",   /* blank before the colon */
                "GET /metrics HTTP/1.1\r\n" HOST ": b\r\n\r\n",     /* no name */
                "GET /metrics HTTP/1.1\r\n" HOST "ab\r\n\r\n",      /* no colon */
                "GET /metrics HTTP/1.1\r\n" HOST "a: \x01\r\n\r\n", /* a control character */
                "GET /metrics HTTP/1.1\r\n" HOST "Content-Length: +0\r\n\r\n",
                "GET /metrics HTTP/1.1\r\n" HOST "Content-Length: 0, 0\r\n\r\n",
                "GET /metrics HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\n",
                "GET /metrics HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (status(bad[i]) != -400)
                        fail_msg("%zu: %d for %s", i, status(bad[i]), bad[i]);
}

static void a_nul_is_refused(void **state)
{
        static const char text[] = "GET /metrics HTTP/1.1\r\n" HOST "a: \0b\r\n\r\n";
        struct metrics_request r;

        (void)state;
        assert_int_equal(metrics_request_parse(text, sizeof(text) - 1, &r), sizeof(text) - 1);
        assert_int_equal(r.status, 400);
}

static void bodies_are_not_taken(void **state)
{
        (void)state;
        assert_int_equal(status("GET /metrics HTTP/1.1\r\n" HOST "Content-Length: 00\r\n\r\n"),
                         200);
        assert_int_equal(status("GET /metrics HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"),
                         -413);
        assert_int_equal(status("GET /metrics HTTP/1.1\r\n" HOST
                                "Content-Length: 99999999999999999999\r\n\r\n"),
                         -413);
        assert_int_equal(status("POST /metrics HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n"),
                         -405);
        assert_int_equal(status("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"),
                         -413);
        assert_int_equal(status("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n"), -501);
}

static void other_protocols_are_refused_at_once(void **state)
{
        (void)state;
        assert_int_equal(status("\x16\x03\x01\x02"), -400); /* TLS */
        assert_int_equal(status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                         -505); /* RFC 9113 section 3.4 */
        assert_int_equal(status("SSH-2.0-OpenSSH_9.2\r\n"), -400);
}

static void more_is_waited_for_until_it_is_too_much(void **state)
{
        static const char whole[] = "\r\nGET /metrics HTTP/1.1\r\n" HOST "\r\nGET";
        static char much[METRICS_REQUEST_MAX + 100];
        struct metrics_request r;

        (void)state;
        for (size_t len = 0; len < sizeof(whole) - 4; len++)
                assert_int_equal(metrics_request_parse(whole, len, &r), 0);
        assert_int_equal(metrics_request_parse(whole, sizeof(whole) - 1, &r), sizeof(whole) - 4);

        memset(much, 'a', sizeof(much));
        assert_int_equal(metrics_request_parse(much, METRICS_REQUEST_MAX - 1, &r), 0);
        assert_int_equal(metrics_request_parse(much, METRICS_REQUEST_MAX, &r), METRICS_REQUEST_MAX);
        assert_int_equal(r.status, 414);
        assert_true(r.close);
        memcpy(much, "GET / HTTP/1.1\r\n", 16);
        assert_int_equal(metrics_request_parse(much, METRICS_REQUEST_MAX - 1, &r), 0);
        assert_int_equal(metrics_request_parse(much, sizeof(much), &r), METRICS_REQUEST_MAX);
        assert_int_equal(r.status, 431);
}

static void the_better_format_wins(void **state)
{
        static const struct {
                const char *accept;
                enum metrics_format format;
        } cases[] = {
                { "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
                  METRICS_OPENMETRICS },
                { "text/plain;version=0.0.4;q=0.5,APPLICATION/openmetrics-text ; q=0.75 ; version=1.0.0",
                  METRICS_OPENMETRICS },
                { "application/openmetrics-text;q=0.5,text/plain", METRICS_PROMETHEUS },
                { "application/openmetrics-text;q=0.5,text/plain;q=0.501", METRICS_PROMETHEUS },
                { "application/openmetrics-text;q=0", METRICS_PROMETHEUS },
                { "application/openmetrics-text;version=0.0.1", METRICS_PROMETHEUS },
                { "*/*", METRICS_PROMETHEUS },
                { "", METRICS_PROMETHEUS },
                { ",;,=;q=", METRICS_PROMETHEUS },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char text[400];

                (void)snprintf(text, sizeof(text),
                               "GET /metrics HTTP/1.1\r\n" HOST "Accept: %s\r\n\r\n",
                               cases[i].accept);
                if (parse(text).format != cases[i].format)
                        fail_msg("Accept: %s", cases[i].accept);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_scraper_is_understood),
                cmocka_unit_test(targets_have_several_forms),
                cmocka_unit_test(connections_end_when_somebody_says_so),
                cmocka_unit_test(what_can_be_read_in_two_ways_is_refused),
                cmocka_unit_test(a_nul_is_refused),
                cmocka_unit_test(bodies_are_not_taken),
                cmocka_unit_test(other_protocols_are_refused_at_once),
                cmocka_unit_test(more_is_waited_for_until_it_is_too_much),
                cmocka_unit_test(the_better_format_wins),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
