/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /metrics for scrapers, on sockets of its own: a responder for a few connections, with fixed memory. Requests are
 * read one at a time (api/metrics_request.h), one is answered per turn of the loop, and none waits for a slow
 * client: who sends no request or takes no answer in time is closed. When all places are taken, the connection
 * that has waited longest for its client makes room: silent ones cannot lock a scraper out.
 */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "api/metrics_answer.h"
#include "util/err.h"

struct metrics_http;

/* @loop is borrowed. */
struct metrics_http *metrics_http_new(uv_loop_t *loop, metrics_http_fn fn, void *arg);
/*
 * Listen at a place as of --listen (api/listen.h). Unless @insecure, only where no other host can come: there is no
 * TLS here. Errors: as grpc_bind; ERR_NOT_FOUND for a group; ERR_STATE for an address that others reach.
 */
int metrics_http_listen(struct metrics_http *h, const char *address, bool insecure, struct err *e);
/* Of the last TCP address; 0: none. */
unsigned metrics_http_port(const struct metrics_http *h);
/* Closes everything at once; the loop must turn once more, which frees the memory. NULL is fine, and returned. */
struct metrics_http *metrics_http_free(struct metrics_http *h);
