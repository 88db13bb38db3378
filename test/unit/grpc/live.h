/* SPDX-License-Identifier: Apache-2.0 */
/* A grpc_server with the test service (peer.h) in a child process, for tests with real sockets. */
#pragma once

#include <sys/types.h>

#include "grpc/client.h"
#include "grpc/server.h"
#include "peer.h"
#include "test.h"

struct live {
        pid_t pid;
        unsigned port;      /* of localhost */
        char tcp[64];       /* "localhost:PORT" */
        char unix_addr[96]; /* "unix:PATH" */
        struct test_dir dir;
        const struct grpc_tls_config
                *tls; /* of TCP; to be set before live_start; NULL: cleartext */
        int activated
                [2]; /* listening sockets for the server, of its own listeners beside; 0: none */
        int pair[2]; /* of a connection: the server has the second end, and ends with it; 0: none */
        struct grpc_server_stats *stats; /* after live_stop: what was counted until the stop */
};

/* @config may be NULL. @max_fds, if not 0, becomes the child's RLIMIT_NOFILE. */
void live_start(struct live *l, const struct grpc_server_config *config, unsigned max_fds);
/*
 * SIGTERM; the child must end by itself, with nothing left open, within some seconds. Returns its
 * exit status.
 */
int live_stop(struct live *l);
/* The same without the signal: it has a reason to end. */
int live_wait(struct live *l);
/* For AUTO: stops what a failed test has left. */
void live_done(struct live *l);
#define AUTO_LIVE AUTO(live_done)

struct grpc_client *live_connect(const char *address);
/* One Echo call; fails the test unless it succeeds. */
void live_echo(struct grpc_client *c);
int raw_connect(const struct live *l); /* a plain TCP connection */
