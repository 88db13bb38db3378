/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gRPC server on a libuv loop: listeners, connections, and a session (grpc/session.h) for each.
 * Cleartext HTTP/2 with prior knowledge. Nothing here blocks; everything runs on the loop's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "grpc/service.h"
#include "util/err.h"
#include "util/time.h"

struct grpc_server;

struct grpc_server_config {
        size_t max_connections;   /* more are closed at once; 0: what limits allow */
        nsec handshake_timeout;   /* from accept to the client's first SETTINGS; 0: 10 s */
        nsec write_stall_timeout; /* the client takes no byte for so long; 0: 60 s */
        size_t max_message_bytes; /* of a request; 0: LIMIT_GRPC_MESSAGE_BYTES */
};

/* @config may be NULL for the defaults. @loop is borrowed. */
struct grpc_server *grpc_server_new(uv_loop_t *loop, const struct grpc_server_config *config);
/*
 * Close everything now, cancelling calls. Memory is released when the loop has turned once more
 * (uv_run); @server must not be used again. Returns NULL.
 */
struct grpc_server *grpc_server_free(struct grpc_server *server);

/*
 * Before the first client comes, that is before the loop runs. Both are borrowed for the server's
 * life.
 */
void grpc_server_add_service(struct grpc_server *server, const struct grpc_service *service,
                             void *ctx);

/*
 * Listen at "host:port", "[v6]:port" or "unix:/path". Every address a name resolves to is taken
 * ("localhost": both families; it is enough when one works). Port 0 takes a free one, the same for
 * all. A stale socket file is replaced, a live one is ERR_BUSY; the file is made with mode 0660.
 * Errors: ERR_USAGE for text that is none of these, ERR_BUSY when the address is taken,
 * ERR_PERMISSION, ERR_UNAVAILABLE when the name does not resolve, ERR_INTERNAL.
 */
int grpc_server_listen(struct grpc_server *server, const char *address, struct err *e);
/* A socket that listens already (socket activation). Takes over @fd, also on failure. */
int grpc_server_listen_fd_consume(struct grpc_server *server, int fd, struct err *e);
/* Port of the last TCP listener, 0 when there is none. */
unsigned grpc_server_port(const struct grpc_server *server);

size_t grpc_server_connections(const struct grpc_server *server);

/*
 * Stop gracefully: no new connections, GOAWAY to clients, running calls may end within @grace, the
 * rest is cancelled. @on_stopped (may be NULL) runs once nothing is left; the server may be freed
 * in it or later. A second call only changes the time.
 */
void grpc_server_stop(struct grpc_server *server, nsec grace, void (*on_stopped)(void *arg),
                      void *arg);
