/* SPDX-License-Identifier: Apache-2.0 */
/* What session.c (HTTP/2) and call.c, intake.c, reply.c, response.c (gRPC) share. */
#pragma once

#include <nghttp2/nghttp2.h>
#include <stdarg.h>

#include "grpc/call.h"
#include "grpc/frame.h"
#include "grpc/guard.h"
#include "grpc/head.h"
#include "grpc/metadata.h"
#include "grpc/queue.h"
#include "grpc/session.h"
#include "util/auto.h"

#define GRPC_TEXT_FULL "the server holds too many requests and replies"

struct grpc_call {
        struct grpc_session *session;  /* borrowed */
        struct grpc_call *prev, *next; /* in session->calls; next also links free ones */
        struct grpc_call *deadline_prev,
                *deadline_next; /* in session->deadlines, when deadline is set */
        int32_t stream_id;

        struct grpc_target target; /* all NULL until routed */
        enum grpc_route_result route;
        const struct grpc_call_watch *watch; /* borrowed */
        void *arg;
        nsec deadline;

        ProtobufCMessage *request; /* owned */
        size_t request_held;       /* what is charged for it */
        struct grpc_frame_reader in;
        struct grpc_queue out;
        size_t charged;                           /* of session->account */
        struct grpc_metadata *metadata;           /* owned; of the request; NULL: none is kept */
        struct grpc_metadata *headers, *trailers; /* owned; of the reply; NULL: none */

        /* Bytes of the request the handler does not want yet (grpc_call_pause_receive). */
        struct buf waiting;
        size_t waiting_at; /* those before have been handed out */
        size_t withheld;   /* bytes whose room in the stream's window the client did not get back */

        nsec started_at; /* by the observer's clock */
        uint64_t messages_in, messages_out, bytes_in, bytes_out;

        nsec heard;      /* when bytes of the request came last, */
        nsec sent;       /* and when bytes of the reply went */
        bool incomplete; /* counted in session->n_incomplete */

        /* In the order they become true. */
        bool routed;      /* target and route are known */
        bool headed;      /* the request's header block is complete */
        bool dispatched;  /* the handler has it */
        bool half_closed; /* the client has sent all it will */
        bool input_over;  /* and the handler has been given all of it */
        bool started;     /* response headers are submitted */
        bool deferred;    /* nghttp2 waits for grpc_call to resume its data */
        bool paused;      /* the handler waits for on_drain */
        bool drained;     /* and may have it */
        bool one_by_one;  /* it waits after each reply until that is gone */
        bool finished;    /* the status is decided: the handler is out */

        bool receive_paused; /* the handler said so */
        bool receiving;      /* messages are being handed out: resuming need not do it */
        bool metadata_bad;   /* not base64 */
        bool metadata_large; /* more values than we keep */
        bool compress;       /* replies that are worth it */
        bool compress_named; /* the headers are out and name gzip */

        uint16_t http_error;   /* not 0: no call. The body is plain text, and no trailers follow */
        const char *http_text; /* that body; static */

        bool message_compressed; /* the latest one of the request */

        enum grpc_code code;
        char *message; /* owned, percent-encoded; NULL for none */
        struct grpc_head head;
};

struct grpc_session {
        nghttp2_session *h2; /* owned */
        struct grpc_session_config config;
        nsec now;
        struct grpc_account account;            /* of what the calls hold */
        struct grpc_call_counters *counters;    /* the owner's, or own_counters */
        struct grpc_call_counters own_counters; /* looked at by nobody */

        struct grpc_call *calls;                      /* owned: streams nghttp2 knows */
        struct grpc_call *free_calls;                 /* owned: for reuse */
        struct grpc_call *deadlines, *deadlines_last; /* sorted, earliest first */
        size_t n_calls;
        size_t n_free;
        size_t n_drained;

        int64_t initial_window_max; /* what the SETTINGS being received may say */

        bool inside;      /* a function of ours is on the stack: output will be fetched after it */
        bool established; /* see grpc_session_established */
        bool broken;
        bool send_blocked; /* the caller's buffer ended within a frame */
        uint8_t *out;      /* borrowed: the caller's buffer during grpc_session_send */
        size_t out_len, out_size;
        const uint8_t *chunk; /* borrowed from nghttp2: not yet fetched */
        size_t chunk_len;

        enum { DRAIN_NO, DRAIN_NOTICED, DRAIN_FINAL } drain;
        nsec drain_at; /* when the final GOAWAY goes out at the latest */

        enum grpc_end end; /* GRPC_END_CLIENT: no reason of ours */
        bool gone;         /* GOAWAY with an error was sent: nothing follows */
        bool begun;        /* the first bytes came: keepalive runs */
        struct grpc_keepalive keepalive;
        struct grpc_guard guard;
        size_t n_incomplete; /* calls whose request is */
        nsec stall_at;       /* when to look at them */
};

/* session_h2.c */
nghttp2_session *grpc_session_h2_new(struct grpc_session *s);
/* Ends the connection with an error, and remembers why, unless there is a reason already. */
void grpc_session_terminate(struct grpc_session *s, enum grpc_end end, uint32_t error);
void grpc_session_final_goaway(struct grpc_session *s);
void grpc_session_complete(struct grpc_call *call); /* its request is, or its stream is over */
extern const uint8_t grpc_session_drain_ping[8]; /* whose answer is awaited between two GOAWAYs */

/* call.c */
struct grpc_call *grpc_call_new(struct grpc_session *s, int32_t stream_id);
void grpc_call_free(struct grpc_call *call); /* the stream is gone; the handler has been told */
/* Tells the handler, if it has it, that the call ends here with @code. */
void grpc_call_cancel(struct grpc_call *call, enum grpc_code code);
/* The call never reaches its handler, or is taken from it. */
void grpc_call_refuse(struct grpc_call *call, enum grpc_code code, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
void grpc_call_refuse_full(struct grpc_call *call); /* memory does not allow it */
void grpc_call_header(struct grpc_call *call, const char *name, size_t name_len, const char *value,
                      size_t value_len);
void grpc_call_headed(struct grpc_call *call); /* decide on the complete header block */
void grpc_call_dispatch(struct grpc_call *call);
void grpc_call_expire(struct grpc_call *call);
/* The client must send more; not so between the messages of a client stream. */
bool grpc_call_owes_bytes(const struct grpc_call *call);
void grpc_call_stalled(struct grpc_call *call); /* it did not */
/*
 * Account for all this call holds, with @out_held bytes in its queue. False: over a limit, nothing
 * changed.
 */
bool grpc_call_charge(struct grpc_call *call, size_t out_held);

/* intake.c */
void grpc_call_data(struct grpc_call *call, const uint8_t *data, size_t len);
void grpc_call_half_close(struct grpc_call *call);

/* reply.c */
void grpc_call_wake(struct grpc_call *call);    /* there is something to send */
void grpc_call_sent(struct grpc_call *call);    /* bytes have left the queue */
void grpc_call_drained(struct grpc_call *call); /* run its on_drain */
void grpc_call_finish_va(struct grpc_call *call, enum grpc_code code, const char *fmt, va_list ap)
        __attribute__((format(printf, 3, 0)));

/* response.c */
/* Submit what the state of @call asks for: headers, trailers only, or resume its data. */
void grpc_response_update(struct grpc_call *call);
void grpc_response_http_error(struct grpc_call *call); /* http_error, http_text */
int grpc_response_send_data(nghttp2_session *h2, nghttp2_frame *frame, const uint8_t *framehd,
                            size_t length, nghttp2_data_source *source, void *user_data);
