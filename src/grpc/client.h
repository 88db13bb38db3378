/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small gRPC client for people and scripts: one connection, one call at a time, every function
 * blocks until it has its answer, the deadline passes, or the connection fails.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "grpc/status.h"
#include "util/err.h"
#include "util/time.h"

struct grpc_client;

struct grpc_client_options {
        nsec connect_timeout;     /* 0: 5 s */
        size_t max_message_bytes; /* of one reply; 0: 64 MiB */
        /*
         * Of replies that nobody has asked for yet; 0: 1 MiB. What fits the socket's buffer (64 KiB does) leaves a slow
         * reader's stream to the server to deal with, instead of blocking the whole connection.
         */
        uint32_t window_bytes;
        /*
         * Where the replies go (not owned; 0: nowhere): when nobody reads there any more, waiting for the next one makes no
         * sense, and fails with ERR_CANCELLED.
         */
        int output_fd;
        /* Sent with each call; borrowed for the client's life, in lower case and in ASCII; NULL: none. */
        const char *metadata_key, *metadata_value;
};

/*
 * Connect to "host:port", "[v6]:port" or "unix:/path", each address of a name in turn. @options may
 * be NULL. Errors: ERR_USAGE for a malformed address, ERR_UNAVAILABLE when nobody answers there,
 * ERR_TIMEOUT.
 */
int grpc_client_connect(struct grpc_client **ret, const char *address,
                        const struct grpc_client_options *options, struct err *e);
/* The same on a stream socket that is connected already, which is taken over, also on failure. ERR_USAGE. */
int grpc_client_adopt_fd_consume(struct grpc_client **ret, int fd,
                                 const struct grpc_client_options *options, struct err *e);
struct grpc_client *
grpc_client_free(struct grpc_client *c); /* closes; NULL is fine; returns NULL */
static inline void grpc_client_freep(struct grpc_client **c)
{
        (void)grpc_client_free(*c);
}

/*
 * One request, one reply. @path is "/v1alpha.PublicAPI/GetInfo". @timeout 0: none; otherwise also
 * told to the server. *ret (type @output) is released with protobuf_c_message_free_unpacked.
 * Errors: the server's status as kind (grpc_code_to_err) with its message as text; ERR_TIMEOUT;
 * ERR_UNAVAILABLE when the connection fails; ERR_LIMIT for a reply that is too large; ERR_BAD_DATA
 * for one that is not a message of this type.
 */
int grpc_client_unary(struct grpc_client *c, const char *path, const ProtobufCMessage *request,
                      const ProtobufCMessageDescriptor *output, nsec timeout,
                      ProtobufCMessage **ret, struct err *e);

/*
 * Start a call whose replies are fetched with grpc_client_next. A call in progress is cancelled
 * first.
 */
int grpc_client_start(struct grpc_client *c, const char *path, const ProtobufCMessage *request,
                      nsec timeout, struct err *e);
/*
 * The next reply. Returns 1 with *ret owned by the caller; 0 when the call has ended with OK; -1 on
 * failure, with the errors of grpc_client_unary.
 */
int grpc_client_next(struct grpc_client *c, const ProtobufCMessageDescriptor *output,
                     ProtobufCMessage **ret, struct err *e);
/* Forget the call in progress, if there is one. */
void grpc_client_cancel(struct grpc_client *c);

/*
 * Status of the last call that ended, as the server sent it; GRPC_UNAVAILABLE when the connection
 * failed before.
 */
enum grpc_code grpc_client_status(const struct grpc_client *c);
/* Its message, percent-decoded; borrowed until the next call; "" when there is none. */
const char *grpc_client_message(const struct grpc_client *c);
