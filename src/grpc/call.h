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

#include "grpc/blob.h"
#include "grpc/observer.h"
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
 * The handler has no more use for the request (not of client streaming): a call that goes on, or whose client does not take the
 * answer, need not hold it.
 */
void grpc_call_free_request(struct grpc_call *call);

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
 * One message made of blobs, one after the other: nothing is copied and nothing charged to the call
 * (grpc/blob.h says who bounds what). The queue takes references of its own. Otherwise as
 * grpc_call_send: the limits count these bytes like others.
 */
enum grpc_send_result grpc_call_send_blobs(struct grpc_call *call, struct grpc_blob *const *blobs,
                                           size_t n);
/* The same of one; a compressed reply is made once for all who want it, and kept with @blob. */
enum grpc_send_result grpc_call_send_shared(struct grpc_call *call, struct grpc_blob *blob);

/*
 * From now on each reply is answered with GRPC_SEND_PAUSE, and on_drain comes when all of it has gone: for handlers that would
 * rather make the next reply, of all that has happened until then, when it can go. A client that does not read makes them hold one
 * reply, and no more.
 */
void grpc_call_one_by_one(struct grpc_call *call);

/*
 * Send the response headers now: a subscriber learns that it is subscribed before anything happens.
 */
void grpc_call_start(struct grpc_call *call);

/* End the call. With GRPC_OK the text is not sent (@fmt may be ""). */
void grpc_call_finish(struct grpc_call *call, enum grpc_code code, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
void grpc_call_finish_err(struct grpc_call *call, const struct err *e);
/*
 * The same with details for programs: grpc-status-details-bin, a google.rpc.Status. Details that
 * make the trailers too large for clients (8 KiB) are left out, all of them.
 */
void grpc_call_finish_details(struct grpc_call *call, enum grpc_code code, const char *text,
                              const struct grpc_detail *details, size_t n);
/* One reply and OK: the whole of a unary method. */
void grpc_call_reply(struct grpc_call *call, const ProtobufCMessage *message);
void grpc_call_reply_shared(struct grpc_call *call, struct grpc_blob *blob);
void grpc_call_reply_slices(struct grpc_call *call, const struct grpc_slice *slices, size_t n);

/*
 * Client streaming: no on_message and no on_half_close until grpc_call_resume_receive. The client
 * may go on until its window is full (64 KiB), then it waits; other calls of its connection do not.
 * Both may be called at any time before the end, in on_message too; resuming outside of it runs
 * on_message for what waits before it returns, so that the call may be over by then.
 */
void grpc_call_pause_receive(struct grpc_call *call);
void grpc_call_resume_receive(struct grpc_call *call);

/*
 * Metadata of the request: what the client sent beside the headers of HTTP and gRPC, user-agent
 * included. Only for methods that ask for it (grpc_method.metadata). Keys are lower case; those that
 * end in "-bin" have their value decoded, values may hold any bytes then; a NUL follows each. In the
 * order of the wire, also with one key several times. Borrowed for the life of the call.
 */
struct grpc_metadatum {
        const char *key;
        const void *value;
        size_t len;
};
/* The first value of @key, NULL when there is none. @ret_len may be NULL. */
const void *grpc_call_metadata(const struct grpc_call *call, const char *key, size_t *ret_len);
/* The @i-th of all. False when there are fewer. */
bool grpc_call_metadata_at(const struct grpc_call *call, size_t i, struct grpc_metadatum *ret);

/*
 * Metadata of the reply, copied: in front of it, or behind it with the status. False, and nothing
 * added, when @key is none (lower case letters, digits, "_", "-", "."), belongs to HTTP or gRPC
 * ("grpc-..."), a value without "-bin" holds what HTTP forbids, all together is over
 * LIMIT_GRPC_HEADER_BYTES, or that block of headers is out.
 */
bool grpc_call_add_header(struct grpc_call *call, const char *key, const void *value, size_t len);
bool grpc_call_add_trailer(struct grpc_call *call, const char *key, const void *value, size_t len);

/*
 * When replies are compressed (gzip). It never happens when the client does not accept it, or to
 * messages that are not worth it.
 */
enum grpc_compression {
        /*
         * When the client compresses too. The default: compressing costs more than sending between
         * programs of one host, and libraries say that they accept it without being asked to, so
         * only a client that pays itself has shown that it wants to.
         */
        GRPC_COMPRESS_ALIKE,
        GRPC_COMPRESS_ACCEPTED, /* whenever the client accepts it */
        GRPC_COMPRESS_NEVER,
};
/*
 * For the replies of this call that follow; without effect once the headers are out, but for
 * GRPC_COMPRESS_NEVER.
 */
void grpc_call_compress(struct grpc_call *call, enum grpc_compression when);

/* The request, or the message on_message was called with, came compressed. */
bool grpc_call_message_compressed(const struct grpc_call *call);

/* Never NULL; of the connection, borrowed. */
const struct grpc_peer *grpc_call_peer(const struct grpc_call *call);

/* CLOCK_MONOTONIC; INT64_MAX when the client named none. */
nsec grpc_call_deadline(const struct grpc_call *call);
const struct grpc_method *grpc_call_method(const struct grpc_call *call);
