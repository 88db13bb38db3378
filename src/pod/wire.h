/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages on a supervisor's control socket (SOCK_SEQPACKET beneath the pod's directory): one
 * JSON object per datagram, one reply per request. Codec only: no sockets here.
 *   {"op":"stop","force":false,"grace_ms":10000}   {"op":"state"}
 *   {"ok":true,"state":"running"}                  {"ok":false,"error":"text"}
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

enum { POD_WIRE_MAX = 4096 }; /* bytes of a datagram */

#define POD_CONTROL_SOCKET "control"

enum pod_op { POD_OP_STOP, POD_OP_STATE, POD_OP_MAX };

struct pod_request {
        enum pod_op op;
        bool force;       /* stop: KILL at once */
        int64_t grace_ms; /* stop: between TERM and KILL; -1: the supervisor's default */
};

struct pod_reply {
        bool ok;
        char error[512]; /* not ok: for people; cut at whole characters */
        char state[32];  /* ok, of POD_OP_STATE: "starting", "running", "stopping" */
};

/* Errors: ERR_BAD_DATA, ERR_LIMIT; ERR_UNSUPPORTED for an operation this version does not know. */
int pod_request_parse(const void *data, size_t len, struct pod_request *ret, struct err *e);
int pod_request_print(const struct pod_request *r, struct buf *out); /* -ENOBUFS */
int pod_reply_parse(const void *data, size_t len, struct pod_reply *ret, struct err *e);
int pod_reply_print(const struct pod_reply *r, struct buf *out); /* -ENOBUFS */
