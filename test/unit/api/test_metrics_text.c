/* SPDX-License-Identifier: Apache-2.0 */
/* That the whole is well formed is for the parser of Prometheus to say: test_api_metrics.py. */
#include "api/metrics_text.h"

#include <string.h>

#include "test.h"

static const struct grpc_method methods[] = { { .name = "One" } };
static const struct grpc_service service = { .name = "a.B", .methods = methods, .n_methods = 1 };

static void assert_has(const struct buf *text, const char *lines)
{
        const char *at = strstr(buf_str(text), lines);

        if (!at || (at != buf_str(text) && at[-1] != '\n'))
                fail_msg("no %s", lines);
}

static void calls_are_told_by_method(void **state)
{
        AUTO(metrics_done) struct metrics m;
        AUTO(buf_done) struct buf text = BUF_NULL(1 << 20);
        struct metrics_values v = { .calls = &m };
        struct grpc_call_summary s = { .service = &service, .method = &methods[0] };

        (void)state;
        metrics_init(&m);
        metrics_add_service(&m, &service);
        for (int i = 0; i < 3; i++)
                metrics_call_start(&m, &s);
        s.duration = 3 * NSEC_PER_MSEC;
        s.bytes_out = 70;
        metrics_call_end(&m, &s);
        s.code = GRPC_NOT_FOUND;
        s.duration = 20 * NSEC_PER_SEC + 5;
        metrics_call_end(&m, &s);
        assert_int_equal(metrics_text_write(&v, METRICS_PROMETHEUS, &text), 0);
        assert_has(&text,
                   "# HELP carob_api_calls_total Calls that ended, by gRPC status code.\n"
                   "# TYPE carob_api_calls_total counter\n"
                   "carob_api_calls_total{service=\"unknown\",method=\"unknown\",code=\"OK\"} 0\n"
                   "carob_api_calls_total{service=\"a.B\",method=\"One\",code=\"OK\"} 1\n"
                   "carob_api_calls_total{service=\"a.B\",method=\"One\",code=\"NOT_FOUND\"} 1\n");
        assert_has(&text, "carob_api_calls_in_flight{service=\"a.B\",method=\"One\"} 1\n");
        assert_has(&text, "carob_api_calls_started_total{service=\"a.B\",method=\"One\"} 3\n");
        assert_has(&text,
                   "carob_api_messages_sent_bytes_total{service=\"a.B\",method=\"One\"} 140\n");
        assert_has(
                &text,
                "carob_api_call_duration_seconds_bucket{service=\"a.B\",method=\"One\",le=\"0.0025\"} 0\n"
                "carob_api_call_duration_seconds_bucket{service=\"a.B\",method=\"One\",le=\"0.005\"} 1\n");
        assert_has(
                &text,
                "carob_api_call_duration_seconds_bucket{service=\"a.B\",method=\"One\",le=\"10.0\"} 1\n"
                "carob_api_call_duration_seconds_bucket{service=\"a.B\",method=\"One\",le=\"+Inf\"} 2\n"
                "carob_api_call_duration_seconds_sum{service=\"a.B\",method=\"One\"} 20.003000005\n"
                "carob_api_call_duration_seconds_count{service=\"a.B\",method=\"One\"} 2\n");
}

/* The bounds as text are those that are counted by. */
static void the_bounds_are_true(void **state)
{
        AUTO(metrics_done) struct metrics m;
        AUTO(buf_done) struct buf text = BUF_NULL(1 << 20);
        struct metrics_values v = { .calls = &m };
        const char *at;

        (void)state;
        metrics_init(&m);
        assert_int_equal(metrics_text_write(&v, METRICS_PROMETHEUS, &text), 0);
        at = buf_str(&text);
        for (size_t i = 0; i < METRICS_BUCKETS; i++) {
                at = strstr(at, ",le=\"");
                assert_non_null(at);
                at += strlen(",le=\"");
                assert_int_equal((nsec)(strtod(at, NULL) * 1e9 + 0.5), metrics_bounds[i]);
        }
        assert_non_null(strstr(at, ",le=\"+Inf\""));
}

static void the_node_is_told(void **state)
{
        AUTO(metrics_done) struct metrics m;
        AUTO(buf_done) struct buf text = BUF_NULL(1 << 20);
        struct metrics_index pods = { .records = 7,
                                      .broken = 1,
                                      .last_scan = 1500 * NSEC_PER_USEC };
        struct metrics_values v = { .calls = &m };

        (void)state;
        metrics_init(&m);
        assert_int_equal(metrics_text_write(&v, METRICS_PROMETHEUS, &text), 0);
        assert_null(strstr(buf_str(&text), "carob_api_pods"));
        buf_reset(&text);
        v.pods = v.images = &pods;
        v.watch = &(struct metrics_watch){ .overflows = 3 };
        v.pods_by_state[POD_EXITED_GARBAGE] = 6;
        v.server.ended[GRPC_END_IDLE] = 4;
        v.process.resident_bytes = -1;
        v.process.max_fds = 1024;
        assert_int_equal(metrics_text_write(&v, METRICS_PROMETHEUS, &text), 0);
        assert_has(&text, "carob_api_pods{state=\"exited_garbage\"} 6\n");
        assert_has(&text, "carob_api_pods{state=\"running\"} 0\n");
        assert_has(&text, "carob_api_images 7\n");
        assert_has(&text, "carob_api_index_broken_records{kind=\"pods\"} 1\n");
        assert_has(&text, "carob_api_index_last_scan_seconds{kind=\"pods\"} 0.001500000\n");
        assert_has(&text, "carob_api_index_overflows_total 3\n");
        assert_has(&text, "carob_api_connections_ended_total{reason=\"idle\"} 4\n");
        assert_has(&text, "process_max_fds 1024\n");
        assert_null(strstr(buf_str(&text), "process_resident_memory_bytes"));
}

static void events_and_those_who_listen_are_told(void **state)
{
        AUTO(metrics_done) struct metrics m;
        AUTO(buf_done) struct buf text = BUF_NULL(1 << 20);
        struct metrics_events events = { .ring.kept = 5,
                                         .subscribers = { .now = 3, .dropped = 2 } };
        struct metrics_values v = { .calls = &m };

        (void)state;
        metrics_init(&m);
        assert_int_equal(metrics_text_write(&v, METRICS_PROMETHEUS, &text), 0);
        assert_null(strstr(buf_str(&text), "carob_api_event"));
        buf_reset(&text);
        events.ring.by_type[V1ALPHA__EVENT_TYPE__EVENT_TYPE_IMAGE_REMOVED] = 9;
        v.events = &events;
        assert_int_equal(metrics_text_write(&v, METRICS_PROMETHEUS, &text), 0);
        assert_has(&text, "# HELP carob_api_events_total Events that were told.\n"
                          "# TYPE carob_api_events_total counter\n"
                          "carob_api_events_total{type=\"pod_prepared\"} 0\n");
        assert_has(&text, "carob_api_events_total{type=\"image_removed\"} 9\n");
        assert_has(&text, "carob_api_events_kept 5\n");
        assert_has(&text, "carob_api_event_subscribers 3\n");
        assert_has(&text, "carob_api_event_subscribers_dropped_total 2\n");
}

static void openmetrics_names_families_without_total(void **state)
{
        AUTO(metrics_done) struct metrics m;
        AUTO(buf_done) struct buf text = BUF_NULL(1 << 20);
        struct metrics_values v = { .calls = &m };

        (void)state;
        metrics_init(&m);
        assert_int_equal(metrics_text_write(&v, METRICS_OPENMETRICS, &text), 0);
        assert_has(&text, "# TYPE carob_api_connections_accepted counter\n"
                          "carob_api_connections_accepted_total 0\n");
        assert_null(strstr(buf_str(&text), "_total counter"));
        assert_string_equal(buf_str(&text) + text.len - 7, "\n# EOF\n");
}

static void too_much_is_said(void **state)
{
        AUTO(metrics_done) struct metrics m;
        struct metrics_values v = { .calls = &m };

        (void)state;
        metrics_init(&m);
        for (size_t max = 0; max < 2000; max += 100) {
                AUTO(buf_done) struct buf text = BUF_NULL(max);

                assert_int_equal(metrics_text_write(&v, METRICS_PROMETHEUS, &text), -ENOBUFS);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(calls_are_told_by_method),
                cmocka_unit_test(the_bounds_are_true),
                cmocka_unit_test(the_node_is_told),
                cmocka_unit_test(events_and_those_who_listen_are_told),
                cmocka_unit_test(openmetrics_names_families_without_total),
                cmocka_unit_test(too_much_is_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
