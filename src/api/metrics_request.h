/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request for metrics: the little of HTTP/1.1 that a scraper speaks, strictly (RFC 9112). Pure.
 *
 * Lines end in CRLF, nothing is folded, no body is taken, and whatever could be read in two ways is refused. A
 * request that is wrong cannot be followed by another one, because nobody could say where it begins.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "api/metrics_text.h"

enum { METRICS_REQUEST_MAX = 8 * 1024 }; /* line and headers together; test_metrics_request */

struct metrics_request {
        unsigned status; /* what to answer: 200, 400, 404, 405, 408, 413, 414, 431, 501, 505 */
        bool head;       /* no body in the answer */
        bool close;      /* no other request follows */
        enum metrics_format format; /* of 200 */
};

/*
 * Take the first request of the @len bytes at @data. Returns how many bytes it has, with *ret written; 0 when more must
 * come, fewer than METRICS_REQUEST_MAX in all. What cannot become a request any more is refused at once.
 */
size_t metrics_request_parse(const char *data, size_t len, struct metrics_request *ret);
