/* SPDX-License-Identifier: Apache-2.0 */
/* What client.c (sockets, calls) and client_h2.c (HTTP/2) share. */
#pragma once

#include <nghttp2/nghttp2.h>
#include <stdbool.h>

#include "grpc/client.h"
#include "grpc/frame.h"
#include "grpc/queue.h"
#include "util/buf.h"

struct grpc_client {
        int fd;                                    /* owned */
        int output_fd;                             /* borrowed; -1: none */
        const char *metadata_key, *metadata_value; /* borrowed; NULL: none */
        nghttp2_session *h2;                       /* owned */
        const uint8_t *chunk;                      /* borrowed from nghttp2: not yet sent */
        size_t chunk_len;
        bool broken; /* no further call is possible */

        /* The call, in progress or last. */
        int32_t stream_id; /* 0: none */
        nsec deadline;     /* INT64_MAX: none */
        uint8_t *request;  /* owned: with its five bytes */
        size_t request_len, request_sent;
        struct grpc_queue replies; /* DATA not yet looked at */
        struct grpc_frame_reader reader;
        bool over;        /* the stream is closed */
        bool have_status; /* grpc-status was there */
        unsigned http_status;
        uint32_t reset; /* error code of RST_STREAM */
        enum grpc_code code;
        struct buf message;
};

void grpc_client_h2_init(struct grpc_client *c, int32_t window);
int grpc_client_h2_submit(struct grpc_client *c, const char *path,
                          nsec timeout); /* -1: no stream left */
