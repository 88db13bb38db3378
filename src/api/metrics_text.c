/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names, labels and help are constants of ours (names of services and methods from the contract, names of states and
 * codes), so that nothing needs to be escaped.
 */
#include "api/metrics_text_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/auto.h"
#include "util/version.h"

void metrics_put(struct metrics_writer *w, const char *fmt, ...)
{
        char line[512];
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(line, sizeof(line), fmt, ap);
        va_end(ap);
        if (n < 0 || (size_t)n >= sizeof(line) || buf_append(w->out, line, (size_t)n) < 0)
                w->full = true;
}

/* In OpenMetrics the family of a counter is called without "_total", its samples with it. */
void metrics_put_family(struct metrics_writer *w, const char *name, const char *type,
                        const char *help)
{
        size_t len = strlen(name);

        if (w->openmetrics && strcmp(type, "counter") == 0)
                len -= strlen("_total");
        metrics_put(w, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)len, name, help, (int)len, name,
                    type);
}

/* @t as seconds, exactly. */
void metrics_put_seconds(struct metrics_writer *w, nsec t)
{
        metrics_put(w, "%" PRId64 ".%09" PRId64, t / NSEC_PER_SEC, t % NSEC_PER_SEC);
}

void metrics_put_scalars(struct metrics_writer *w, const struct metrics_scalar *scalars, size_t n,
                         const void *of)
{
        for (size_t i = 0; i < n; i++) {
                const char *at = (const char *)of + scalars[i].offset;
                uint64_t value;

                memcpy(&value, at, sizeof(value)); /* nsec has the same size */
                if (value == UINT64_MAX)
                        continue; /* -1: not known */
                metrics_put_family(w, scalars[i].name, scalars[i].type, scalars[i].help);
                metrics_put(w, "%s ", scalars[i].name);
                if (scalars[i].unit == SECONDS)
                        metrics_put_seconds(w, (nsec)value);
                else
                        metrics_put(w, "%" PRIu64, value);
                metrics_put(w, "\n");
        }
}

static void put_process(struct metrics_writer *w, const struct metrics_process_values *v)
{
        static const struct metrics_scalar scalars[] = {
                ROW_SECONDS(metrics_process_values, "counter", "process_cpu_seconds_total", cpu,
                            "Total user and system CPU time spent in seconds."),
                ROW(metrics_process_values, "gauge", "process_open_fds", open_fds,
                    "Number of open file descriptors."),
                ROW(metrics_process_values, "gauge", "process_max_fds", max_fds,
                    "Maximum number of open file descriptors."),
                ROW(metrics_process_values, "gauge", "process_virtual_memory_bytes", virtual_bytes,
                    "Virtual memory size in bytes."),
                ROW(metrics_process_values, "gauge", "process_resident_memory_bytes",
                    resident_bytes, "Resident memory size in bytes."),
                ROW_SECONDS(metrics_process_values, "gauge", "process_start_time_seconds", started,
                            "Start time of the process since unix epoch in seconds."),
        };

        metrics_put_scalars(w, scalars, ARRAY_LEN(scalars), v);
}

static void put_server(struct metrics_writer *w, const struct grpc_server_stats *v)
{
        static const struct metrics_scalar scalars[] = {
                ROW(grpc_server_stats, "gauge", "carob_api_connections", connections,
                    "Connections that are open."),
                ROW(grpc_server_stats, "gauge", "carob_api_tls_connections", tls_connections,
                    "Connections that are open and use TLS."),
                ROW(grpc_server_stats, "counter", "carob_api_connections_accepted_total", accepted,
                    "Connections that were accepted."),
                ROW(grpc_server_stats, "counter", "carob_api_connections_refused_total", over_cap,
                    "Connections that were closed at once, because as many as allowed were open."),
                ROW(grpc_server_stats, "counter", "carob_api_accept_pauses_total", accept_pauses,
                    "Times that accepting paused, because descriptors or memory ran out."),
                ROW(grpc_server_stats, "counter", "carob_api_tls_handshakes_total", tls_handshakes,
                    "TLS handshakes that succeeded."),
                ROW(grpc_server_stats, "counter", "carob_api_tls_handshakes_resumed_total",
                    tls_resumed, "TLS handshakes that succeeded by resuming a session."),
                ROW(grpc_server_stats, "counter", "carob_api_tls_handshake_failures_total",
                    tls_failures, "TLS handshakes that failed."),
                ROW(grpc_server_stats, "gauge", "carob_api_streams", streams,
                    "HTTP/2 streams that are open."),
                ROW(grpc_server_stats, "counter", "carob_api_streams_opened_total", streams_opened,
                    "HTTP/2 streams that clients opened."),
                ROW(grpc_server_stats, "counter", "carob_api_resets_received_total",
                    resets_received, "HTTP/2 streams that clients reset."),
                ROW(grpc_server_stats, "counter", "carob_api_resets_sent_total", resets_sent,
                    "HTTP/2 streams that the service reset."),
                ROW(grpc_server_stats, "counter", "carob_api_goaways_sent_total", goaways_sent,
                    "Connections that were told to go away."),
                ROW(grpc_server_stats, "counter", "carob_api_pings_received_total", pings_received,
                    "HTTP/2 pings of clients."),
                ROW(grpc_server_stats, "counter", "carob_api_received_bytes_total", bytes_in,
                    "Bytes of HTTP/2 received, without TLS."),
                ROW(grpc_server_stats, "counter", "carob_api_sent_bytes_total", bytes_out,
                    "Bytes of HTTP/2 sent, without TLS."),
                ROW(grpc_server_stats, "gauge", "carob_api_memory_bytes", memory_used,
                    "Memory held for requests and replies in flight."),
                ROW(grpc_server_stats, "gauge", "carob_api_memory_limit_bytes", memory_max,
                    "How much memory requests and replies in flight may hold."),
                ROW(grpc_server_stats, "counter", "carob_api_memory_refusals_total",
                    calls.refused_memory, "Times that a call was refused memory."),
                ROW(grpc_server_stats, "counter", "carob_api_compressed_messages_received_total",
                    calls.compressed_in, "Messages received that were compressed."),
                ROW(grpc_server_stats, "counter", "carob_api_compressed_messages_sent_total",
                    calls.compressed_out, "Messages sent that were compressed."),
        };

        metrics_put_scalars(w, scalars, ARRAY_LEN(scalars), v);
        metrics_put_family(w, "carob_api_connections_ended_total", "counter",
                           "Connections that ended, and why.");
        for (size_t i = 0; i < GRPC_END_MAX; i++)
                metrics_put(w, "carob_api_connections_ended_total{reason=\"%s\"} %" PRIu64 "\n",
                            grpc_end_name((enum grpc_end)i), v->ended[i]);
}

/* service="v1alpha.PublicAPI",method="GetInfo", into @to. */
static const char *labels_of(const struct metrics_row *row, char *to, size_t size)
{
        (void)snprintf(to, size, "service=\"%s\",method=\"%s\"",
                       row->service ? row->service->name : "unknown",
                       row->method ? row->method->name : "unknown");
        return to;
}

enum { LABELS_MAX = 256 };

static uint64_t ended_of(const struct metrics_row *row)
{
        uint64_t n = 0;

        for (size_t i = 0; i < GRPC_CODE_MAX; i++)
                n += row->ended[i];
        return n;
}

/* OK is always there, so that a rate can be computed from the first call on; the others once they happen. */
static void put_ended(struct metrics_writer *w, const struct metrics *m)
{
        char labels[LABELS_MAX];

        metrics_put_family(w, "carob_api_calls_total", "counter",
                           "Calls that ended, by gRPC status code.");
        for (size_t i = 0; i < m->n_rows; i++)
                for (size_t code = 0; code < GRPC_CODE_MAX; code++)
                        if (code == GRPC_OK || m->rows[i].ended[code] > 0)
                                metrics_put(w,
                                            "carob_api_calls_total{%s,code=\"%s\"} %" PRIu64 "\n",
                                            labels_of(&m->rows[i], labels, sizeof(labels)),
                                            grpc_code_name((enum grpc_code)code),
                                            m->rows[i].ended[code]);
}

static void put_durations(struct metrics_writer *w, const struct metrics *m)
{
        /* As text: in OpenMetrics a bound must look like a number with a fraction. */
        static const char *const bounds[METRICS_BUCKETS + 1] = {
                "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
                "0.05",  "0.1",    "0.25",    "0.5",    "1.0",   "2.5",    "5.0",   "10.0", "+Inf",
        };
        char labels[LABELS_MAX];

        metrics_put_family(
                w, "carob_api_call_duration_seconds", "histogram",
                "How long calls took, from their headers to the last byte of the answer.");
        for (size_t i = 0; i < m->n_rows; i++) {
                uint64_t sum = 0;

                (void)labels_of(&m->rows[i], labels, sizeof(labels));
                for (size_t b = 0; b <= METRICS_BUCKETS; b++) {
                        sum += m->rows[i].buckets[b];
                        metrics_put(w,
                                    "carob_api_call_duration_seconds_bucket{%s,le=\"%s\"} %" PRIu64
                                    "\n",
                                    labels, bounds[b], sum);
                }
                metrics_put(w, "carob_api_call_duration_seconds_sum{%s} ", labels);
                metrics_put_seconds(w, m->rows[i].duration);
                metrics_put(w, "\ncarob_api_call_duration_seconds_count{%s} %" PRIu64 "\n", labels,
                            sum);
        }
}

static uint64_t in_flight(const struct metrics_row *row)
{
        return row->started - ended_of(row);
}

static uint64_t started(const struct metrics_row *row)
{
        return row->started;
}

static uint64_t messages_in(const struct metrics_row *row)
{
        return row->messages_in;
}

static uint64_t messages_out(const struct metrics_row *row)
{
        return row->messages_out;
}

static uint64_t bytes_in(const struct metrics_row *row)
{
        return row->bytes_in;
}

static uint64_t bytes_out(const struct metrics_row *row)
{
        return row->bytes_out;
}

static void put_calls(struct metrics_writer *w, const struct metrics *m)
{
        static const struct {
                const char *name, *type, *help;
                uint64_t (*value)(const struct metrics_row *row);
        } families[] = {
                { "carob_api_calls_in_flight", "gauge", "Calls that have not ended.", in_flight },
                { "carob_api_calls_started_total", "counter", "Calls whose headers came.",
                  started },
                { "carob_api_messages_received_total", "counter",
                  "Messages of ended calls received.", messages_in },
                { "carob_api_messages_sent_total", "counter", "Messages of ended calls sent.",
                  messages_out },
                { "carob_api_messages_received_bytes_total", "counter",
                  "Bytes of messages of ended calls received, as they travel.", bytes_in },
                { "carob_api_messages_sent_bytes_total", "counter",
                  "Bytes of messages of ended calls sent, as they travel.", bytes_out },
        };
        char labels[LABELS_MAX];

        for (size_t f = 0; f < ARRAY_LEN(families); f++) {
                metrics_put_family(w, families[f].name, families[f].type, families[f].help);
                for (size_t i = 0; i < m->n_rows; i++)
                        metrics_put(w, "%s{%s} %" PRIu64 "\n", families[f].name,
                                    labels_of(&m->rows[i], labels, sizeof(labels)),
                                    families[f].value(&m->rows[i]));
        }
        put_ended(w, m);
        put_durations(w, m);
}

static void put_rest(struct metrics_writer *w, const struct metrics_values *v)
{
        static const struct metrics_scalar scalars[] = {
                ROW(metrics_values, "gauge", "carob_api_log_followers", log_followers,
                    "Calls of GetLogs that follow a log."),
                ROW(metrics_values, "counter", "carob_api_log_lines_lost_total", log_lines_lost,
                    "Lines that standard error did not take in time."),
        };

        metrics_put_scalars(w, scalars, ARRAY_LEN(scalars), v);
        metrics_put_family(w, "carob_api_build_info", "gauge",
                           "Always 1; what is running is in the labels.");
        metrics_put(
                w, "carob_api_build_info{version=\"%s\",rkt_version=\"%s\",api_version=\"%s\"} 1\n",
                CAROB_VERSION, CAROB_RKT_VERSION, CAROB_API_VERSION);
}

int metrics_text_write(const struct metrics_values *v, enum metrics_format format, struct buf *out)
{
        struct metrics_writer w = { .out = out, .openmetrics = format == METRICS_OPENMETRICS };

        put_calls(&w, v->calls);
        put_server(&w, &v->server);
        metrics_put_node(&w, v);
        put_rest(&w, v);
        put_process(&w, &v->process);
        if (w.openmetrics)
                metrics_put(&w, "# EOF\n");
        return w.full ? -ENOBUFS : 0;
}
