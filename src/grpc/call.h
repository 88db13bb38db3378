/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call as its handler sees it. A call ends for the handler in exactly one of two ways: it calls
 * grpc_call_finish, or on_cancel is called. After either it must not touch the call again.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc/service.h"
#include "grpc/status.h"
#include "util/err.h"
#include "util/time.h"

struct grpc_slice {
        const void *data; /* borrowed for the call of the function */
        size_t len;
};

enum grpc_send_result {
        GRPC_SEND_OK,      /* taken, go on */
        GRPC_SEND_PAUSE,   /* taken; wait for on_drain before sending more */
        GRPC_SEND_REFUSED, /* not taken: the queue is full, PAUSE was ignored */
};

struct grpc_call_watch {
        /*
         * The queue of unsent bytes fell below its low mark after GRPC_SEND_PAUSE. May send and
         * finish.
         */
        void (*on_drain)(struct grpc_call *call, void *arg);
        /*
         * The client cancelled or went away, the deadline passed, or the server stops. Release
         * @arg.
         */
        void (*on_cancel)(struct grpc_call *call, void *arg);
        /*
         * Client streaming only: one more message (valid during the callback), then the end of
         * them.
         */
        void (*on_message)(struct grpc_call *call, const ProtobufCMessage *message, void *arg);
        void (*on_half_close)(struct grpc_call *call, void *arg);
};

/*
 * For handlers that answer later than in their first run. @watch is borrowed until the call ends;
 * members may be NULL.
 */
void grpc_call_watch(struct grpc_call *call, const struct grpc_call_watch *watch, void *arg);
/* What was given to grpc_call_watch, NULL before. */
void *grpc_call_arg(const struct grpc_call *call);

/*
 * Queue one reply. The bytes are copied (the message is encoded) before these return. A reply is
 * taken whatever its size when no other waits, as long as the server has memory for it
 * (LIMIT_GRPC_MEMORY_BYTES, a quarter of that for one client). Strings must be UTF-8 (grpc/utf8.h):
 * clients refuse the whole reply otherwise. Headers go out with the first reply or by
 * grpc_call_start.
 */
enum grpc_send_result grpc_call_send(struct grpc_call *call, const ProtobufCMessage *message);
/* The reply's encoding as slices, sent one after the other as one message. */
enum grpc_send_result grpc_call_send_slices(struct grpc_call *call, const struct grpc_slice *slices,
                                            size_t n);
/*
 * A reply of @len bytes to be written by the caller at *ret, all of them, before it returns to the
 * loop or sends more: for encoders that know their size. Otherwise as grpc_call_send.
 */
enum grpc_send_result grpc_call_send_reserve(struct grpc_call *call, size_t len, uint8_t **ret);
/*
 * Send the response headers now: a subscriber learns that it is subscribed before anything happens.
 */
void grpc_call_start(struct grpc_call *call);

/* End the call. With GRPC_OK the text is not sent (@fmt may be ""). */
void grpc_call_finish(struct grpc_call *call, enum grpc_code code, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
void grpc_call_finish_err(struct grpc_call *call, const struct err *e);
/* One reply and OK: the whole of a unary method. */
void grpc_call_reply(struct grpc_call *call, const ProtobufCMessage *message);

/* CLOCK_MONOTONIC; INT64_MAX when the client named none. */
nsec grpc_call_deadline(const struct grpc_call *call);
const struct grpc_method *grpc_call_method(const struct grpc_call *call);
