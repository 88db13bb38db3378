/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <time.h>

#include "api/log_reply.h"
#include "util/mem.h"

static void zone(const char *tz)
{
        assert_int_equal(setenv("TZ", tz, 1), 0);
        tzset();
}

/* The only line of the reply that @out encodes. */
static char *only_line(const struct buf *out)
{
        V1alpha__GetLogsResponse *reply =
                v1alpha__get_logs_response__unpack(NULL, out->len, out->data);
        char *line;

        assert_non_null(reply);
        assert_int_equal(reply->n_lines, 1);
        line = xstrdup(reply->lines[0]);
        v1alpha__get_logs_response__free_unpacked(reply, NULL);
        return line;
}

static void check_line(nsec time, const char *text, size_t len, const char *wanted)
{
        AUTO(buf_done) struct buf out = BUF_NULL(LOG_REPLY_LINE_MAX);
        struct logs_line line = { .time = time, .text = text, .len = len };
        AUTO_FREE char *got = NULL;

        assert_int_equal(log_reply_add(&out, &(struct time_go){ 0 }, &line), 0);
        got = only_line(&out);
        assert_string_equal(got, wanted);
}

static void lines_look_as_rkts_clients_parse_them(void **state)
{
        const nsec t = 1795449001 * NSEC_PER_SEC; /* 2026-11-23 15:50:01 UTC */

        (void)state;
        zone("UTC0");
        check_line(t + 500 * NSEC_PER_MSEC, "second line", 11,
                   "2026-11-23 15:50:01.5 +0000 UTC MESSAGE=second line");
        check_line(t, "", 0, "2026-11-23 15:50:01 +0000 UTC MESSAGE=");
        check_line(t + 123456789, "x MESSAGE=y", 11,
                   "2026-11-23 15:50:01.123456 +0000 UTC MESSAGE=x MESSAGE=y");
        zone("<+03>-3");
        check_line(t, "a", 1, "2026-11-23 18:50:01 +0300 +03 MESSAGE=a");
        zone("CET-1CEST,M3.5.0,M10.5.0/3");
        check_line(t, "a", 1, "2026-11-23 16:50:01 +0100 CET MESSAGE=a");
        zone("UTC0");
}

static void bytes_that_are_no_text_become_replacement_characters(void **state)
{
        (void)state;
        zone("UTC0");
        check_line(0, "a\xff\0b\xc3\xa4\xe2\x82", 8,
                   "1970-01-01 00:00:00 +0000 UTC MESSAGE=a\xef\xbf\xbd\xef\xbf\xbd"
                   "b\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd");
}

static void the_worst_line_fits_and_a_full_buffer_is_left_alone(void **state)
{
        AUTO_FREE char *bad = xmalloc(LOGS_LINE_MAX);
        AUTO(buf_done) struct buf out = BUF_NULL(LOG_REPLY_LINE_MAX), small = BUF_NULL(64);
        struct logs_line line = { .text = bad, .len = LOGS_LINE_MAX };

        (void)state;
        memset(bad, 0xff, LOGS_LINE_MAX);
        assert_int_equal(log_reply_add(&out, &(struct time_go){ 0 }, &line), 0);
        assert_true(out.len > 3 * LOGS_LINE_MAX);
        line.len = 40;
        assert_int_equal(log_reply_add(&small, &(struct time_go){ 0 }, &line), -ENOBUFS);
        assert_int_equal(small.len, 0);
}

static void times_and_count_combine(void **state)
{
        V1alpha__GetLogsRequest request;
        struct logs_query query = { 0 };
        struct err e;

        (void)state;
        v1alpha__get_logs_request__init(&request);
        assert_ok(log_query_from_request(&request, &query, &e), &e);
        assert_int_equal(query.since, 0);
        assert_int_equal(query.until, 0);
        assert_int_equal(query.tail, -1);
        assert_false(query.follow);

        request.since_time = 10;
        request.until_time = 20;
        request.lines = 3;
        request.follow = true;
        assert_ok(log_query_from_request(&request, &query, &e), &e);
        assert_int_equal(query.since, 10 * NSEC_PER_SEC);
        assert_int_equal(query.until, 20 * NSEC_PER_SEC);
        assert_int_equal(query.tail, 3);
        assert_true(query.follow);
}

static void times_past_the_end_are_the_end(void **state)
{
        V1alpha__GetLogsRequest request;
        struct logs_query query = { 0 };
        struct err e;

        (void)state;
        v1alpha__get_logs_request__init(&request);
        request.since_time = INT64_MAX;
        request.until_time = INT64_MAX / 2;
        assert_ok(log_query_from_request(&request, &query, &e), &e);
        assert_int_equal(query.since, INT64_MAX);
        assert_int_equal(query.until, INT64_MAX);
}

static void negative_numbers_are_refused_by_name(void **state)
{
        V1alpha__GetLogsRequest request;
        struct logs_query query = { 0 };
        struct err e;

        (void)state;
        v1alpha__get_logs_request__init(&request);
        request.lines = -1;
        assert_err(log_query_from_request(&request, &query, &e), &e, ERR_USAGE,
                   "lines: -1 is negative");
        request.lines = 0;
        request.since_time = INT64_MIN;
        assert_err(log_query_from_request(&request, &query, &e), &e, ERR_USAGE,
                   "since_time: -9223372036854775808 is negative");
        request.since_time = 0;
        request.until_time = -5;
        assert_err(log_query_from_request(&request, &query, &e), &e, ERR_USAGE,
                   "until_time: -5 is negative");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_look_as_rkts_clients_parse_them),
                cmocka_unit_test(bytes_that_are_no_text_become_replacement_characters),
                cmocka_unit_test(the_worst_line_fits_and_a_full_buffer_is_left_alone),
                cmocka_unit_test(times_and_count_combine),
                cmocka_unit_test(times_past_the_end_are_the_end),
                cmocka_unit_test(negative_numbers_are_refused_by_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
