/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics_answer.h"

#include <time.h>

#include "util/auto.h"

static const char *reason_of(unsigned status)
{
        static const struct {
                unsigned status;
                const char *reason;
        } reasons[] = {
                { 200, "OK" },
                { 400, "Bad Request" },
                { 404, "Not Found" },
                { 405, "Method Not Allowed" },
                { 408, "Request Timeout" },
                { 413, "Content Too Large" },
                { 414, "URI Too Long" },
                { 431, "Request Header Fields Too Large" },
                { 500, "Internal Server Error" },
                { 501, "Not Implemented" },
                { 503, "Service Unavailable" },
                { 505, "HTTP Version Not Supported" },
        };

        for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
                if (reasons[i].status == status)
                        return reasons[i].reason;
        return "";
}

static void write_head(struct buf *out, const struct metrics_request *r, nsec at, size_t body)
{
        static const char *const types[] = {
                [METRICS_PROMETHEUS] = "text/plain; version=0.0.4; charset=utf-8",
                [METRICS_OPENMETRICS] =
                        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        };
        time_t now = (time_t)(at / NSEC_PER_SEC);
        char date[40] = "";
        struct tm tm;

        if (gmtime_r(&now, &tm))
                (void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT",
                               &tm); /* RFC 9110 5.6.7 */
        (void)buf_printf(
                out,
                "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s%s\r\n",
                r->status, reason_of(r->status), date,
                r->status == 200 ? types[r->format] : "text/plain; charset=utf-8", body,
                r->status == 405 ? "Allow: GET, HEAD\r\n" : "",
                r->status == 200 ? "Vary: Accept\r\n" : "",
                r->close ? "Connection: close\r\n" : "");
}

void metrics_answer_write(struct metrics_request *r, metrics_http_fn fn, void *arg, nsec now,
                          struct buf *out)
{
        AUTO(buf_done) struct buf body = BUF_NULL(LIMIT_METRICS_BYTES);

        if (r->status == 200 && fn(r->format, &body, arg) < 0) {
                buf_reset(&body);
                r->status = 500;
        }
        if (r->status != 200)
                (void)buf_printf(&body, "%u %s%s\n", r->status, reason_of(r->status),
                                 r->status == 404 ? ": there is /metrics here" : "");
        write_head(out, r, now, body.len);
        if (!r->head)
                (void)buf_append(out, body.data,
                                 body.len); /* fits: see the maximum of the buffer */
}
