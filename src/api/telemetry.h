/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service tells of itself: metrics and the access log, both on request. Nobody asked: there is no observer,
 * and a call pays nothing.
 */
#pragma once

#include "api/access_log.h"
#include "api/index.h"
#include "api/metrics_http.h"
#include "api/options.h"
#include "api/service.h"
#include "grpc/server.h"

struct telemetry {
        uv_loop_t *loop; /* borrowed, as are server and service */
        const struct grpc_server *server;
        const struct service *service;
        const struct index *index; /* borrowed; NULL: none yet */
        struct grpc_observer observer;
        bool with_metrics;
        struct metrics metrics;
        struct metrics_process process;
        struct metrics_http *http; /* owned */
        bool with_access_log;
        struct access_log access_log;
};

/* Before the server is made, which wants the observer. Of @o metrics_listen and access_log count. */
void telemetry_init(struct telemetry *t, uv_loop_t *loop, const struct api_options *o,
                    const struct service *service);
/* For struct grpc_server_config; NULL: nobody wants to know. */
const struct grpc_observer *telemetry_observer(const struct telemetry *t);
/* Calls of this service are counted by method; those of others as unknown. */
void telemetry_add_service(struct telemetry *t, const struct grpc_service *service);
/* What follows the data directory, for its figures. Borrowed. */
void telemetry_set_index(struct telemetry *t, const struct index *index);
/*
 * Listen for scrapers, if that was asked for, and say where. @server, borrowed, is read for each of them. Errors:
 * those of metrics_http_listen.
 */
int telemetry_listen(struct telemetry *t, const struct grpc_server *server,
                     const struct api_options *o, struct err *e);
/* Closes everything; the loop must turn once more. */
void telemetry_close(struct telemetry *t);
void telemetry_done(struct telemetry *t); /* after that */
