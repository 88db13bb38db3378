/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gRPC server on a libuv loop: listeners, connections, and a session (grpc/session.h) for each.
 * Cleartext HTTP/2 with prior knowledge, or TLS (grpc/tls.h), as each listener says. Nothing here
 * blocks; everything runs on the loop's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

#include "grpc/call.h"
#include "grpc/keepalive.h"
#include "grpc/observer.h"
#include "grpc/peer.h"
#include "grpc/service.h"
#include "grpc/stats.h"
#include "grpc/tls.h"
#include "util/err.h"
#include "util/time.h"

struct grpc_server;

struct grpc_server_config {
        size_t max_connections;   /* more are closed at once; 0: what limits allow */
        nsec handshake_timeout;   /* from accept, by way of TLS, to the first SETTINGS; 0: 10 s */
        nsec write_stall_timeout; /* the client takes no byte for so long; 0: 60 s */
        /*
         * Between accepted bytes of a request that is not complete: after that the call is refused.
         * Client streams may pause between messages for as long as they like. 0: 60 s.
         */
        nsec request_stall_timeout;
        size_t max_memory_bytes;  /* requests and replies in flight; 0: LIMIT_GRPC_MEMORY_BYTES */
        size_t max_message_bytes; /* of a request; 0: LIMIT_GRPC_MESSAGE_BYTES */
        struct grpc_keepalive_config keepalive; /* unix clients may ping as they like */
        enum grpc_compression compression;      /* of replies, unless their handler decides */
        const struct grpc_observer *observer;   /* of all calls; borrowed; NULL: none */
        /*
         * A client and we could not agree upon TLS; @reason is for people: "certificate has
         * expired". Whoever can connect can cause it, as often as they like. NULL: nobody is told.
         */
        void (*on_tls_failure)(const struct grpc_peer *peer, const char *reason, void *arg);
        void *on_tls_failure_arg;
};

/* All zero: the defaults. */
struct grpc_listen_options {
        mode_t unix_mode;  /* of the socket file; 0: 0660 */
        bool unix_gid_set; /* give the socket file to group unix_gid */
        gid_t unix_gid;    /* else it has the group of the process */
        bool unix_keep;    /* let the file lie at the end, for who may not remove files by then */
        struct grpc_tls *tls; /* NULL: cleartext. The listener takes a reference of its own. */
        /* Refuse (ERR_STATE) what other hosts may reach: all addresses must be loopback or unix. */
        bool local_only;
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
 * all. A stale socket file is replaced, a live one is ERR_BUSY; the file is never open to more than
 * its mode allows, not even for a moment. @options may be NULL for the defaults.
 * Errors: ERR_USAGE for text that is none of these, ERR_BUSY when the address is taken,
 * ERR_PERMISSION, ERR_STATE for options->local_only, ERR_UNAVAILABLE when the name does not
 * resolve, ERR_INTERNAL.
 */
int grpc_server_listen(struct grpc_server *server, const char *address,
                       const struct grpc_listen_options *options, struct err *e);
/*
 * A stream socket, of any family, that listens already (socket activation). Takes over @fd, also on
 * failure. Of @options (may be NULL) tls and local_only count; mode and group are its maker's.
 */
int grpc_server_listen_fd_consume(struct grpc_server *server, int fd,
                                  const struct grpc_listen_options *options, struct err *e);
/*
 * A stream socket, of any family, that is connected to a client already (Accept=yes of systemd.socket(5), one end of
 * a socketpair). Takes over @fd, also on failure. @options as above; max_connections does not matter. Errors:
 * ERR_USAGE for what is no such socket, ERR_STATE for options->local_only, ERR_INTERNAL.
 */
int grpc_server_adopt_fd_consume(struct grpc_server *server, int fd,
                                 const struct grpc_listen_options *options, struct err *e);
/* Whether further clients can come. */
bool grpc_server_listens(const struct grpc_server *server);
/* Port of the last TCP listener, 0 when there is none. */
unsigned grpc_server_port(const struct grpc_server *server);

size_t grpc_server_connections(const struct grpc_server *server);
void grpc_server_stats(const struct grpc_server *server, struct grpc_server_stats *ret);

/*
 * Stop gracefully: no new connections, GOAWAY to clients, running calls may end within @grace, the
 * rest is cancelled. @on_stopped (may be NULL) runs once nothing is left; the server may be freed
 * in it or later. A second call only changes the time.
 */
void grpc_server_stop(struct grpc_server *server, nsec grace, void (*on_stopped)(void *arg),
                      void *arg);
/*
 * No new connections; @on_stopped (as above) runs once the clients that are there have gone by themselves, in a turn of
 * its own if there are none. grpc_server_stop may still shorten that.
 */
void grpc_server_stop_when_left(struct grpc_server *server, void (*on_stopped)(void *arg),
                                void *arg);
