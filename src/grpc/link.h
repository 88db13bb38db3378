/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client's socket, with TLS or without: bytes of HTTP/2 go in and out. What the socket does not
 * take is kept, and the rest waits with its owner. Buffers are shared by all links of a server, since
 * each is empty again when a link's turn is over: an idle link holds none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "grpc/tls_priv.h"

enum { GRPC_LINK_BUFFER = 66 * 1024 }; /* one read, and one write: four DATA frames and company */

struct grpc_link_buffers {
        uint8_t in[GRPC_LINK_BUFFER];
        uint8_t out[GRPC_LINK_BUFFER]; /* for the owner to fill */
        uint8_t *plain;                /* owned; of TLS, NULL until a link uses it */
        struct grpc_tls_io tls;        /* its out likewise */
        const struct grpc_link *turn;  /* whose bytes they hold; NULL: nobody's */
};

void grpc_link_buffers_done(struct grpc_link_buffers *b);

enum grpc_link_result {
        GRPC_LINK_OK,
        GRPC_LINK_BLOCKED, /* the socket is full (what it did not take is kept), or has nothing */
        GRPC_LINK_CLOSED,  /* the other side has ended properly; reading only */
        GRPC_LINK_BROKEN,
        GRPC_LINK_TLS_FAILED, /* reading only: flush what TLS has to say about it, then close */
};

struct grpc_link {
        int fd;                            /* owned */
        struct grpc_link_buffers *buffers; /* borrowed */
        const struct grpc_tls_ops *tls_ops;
        struct grpc_tls_conn *tls; /* owned; NULL: cleartext */
        uint8_t *unsent;           /* owned; NULL: nothing */
        size_t unsent_len, unsent_sent;
        const uint8_t *in; /* cleartext that was received and not fetched */
        size_t in_len;
};

/* @fd is taken over, also on failure (-1: no memory). @tls may be NULL. */
int grpc_link_init_consume(struct grpc_link *l, struct grpc_link_buffers *buffers, int fd,
                           const struct grpc_tls *tls);
/* Closes; TLS says so (close_notify) when the socket takes it. */
void grpc_link_done(struct grpc_link *l);

/* One read of the socket. OK: bytes have come; fetch or forget all of them, and flush, in this turn. */
enum grpc_link_result grpc_link_receive(struct grpc_link *l);
void grpc_link_forget(struct grpc_link *l);
/* The next of those bytes, borrowed until the next call. BLOCKED: there are no more. */
enum grpc_link_result grpc_link_fetch(struct grpc_link *l, const uint8_t **ret, size_t *ret_len);

/*
 * Send what is left from before: bytes kept, and what TLS has to say by itself. *ret_sent tells
 * whether the socket took anything.
 */
enum grpc_link_result grpc_link_flush(struct grpc_link *l, bool *ret_sent);
/* At most GRPC_LINK_BUFFER bytes, and only after grpc_link_flush said OK; all of it is taken. */
enum grpc_link_result grpc_link_send(struct grpc_link *l, const uint8_t *data, size_t len);
/* Nothing follows from our side. What that needs to say may be kept, or lost when the socket is full. */
void grpc_link_shutdown(struct grpc_link *l);

/* After GRPC_LINK_TLS_FAILED, for people. */
const char *grpc_link_reason(const struct grpc_link *l);

/* The other side has proved who it is, where TLS is used. */
static inline bool grpc_link_ready(const struct grpc_link *l)
{
        return !l->tls || l->tls_ops->established(l->tls);
}
