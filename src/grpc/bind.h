/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets for an address (grpc/address.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "grpc/address.h"
#include "util/err.h"

struct grpc_bind_options {
        mode_t mode;     /* of a socket file; 0: 0660 */
        gid_t gid;       /* its group; (gid_t)-1: the process' */
        bool local_only; /* ERR_STATE unless all addresses are local */
};

struct grpc_bound {
        int fds[GRPC_SOCKADDRS_MAX]; /* owned; non-blocking, close-on-exec */
        size_t n;
        unsigned port;   /* of TCP */
        char *unix_path; /* owned; NULL for TCP */
};

/* One socket for each address that this host has. See grpc_server_listen for meaning and errors. */
int grpc_bind(const char *text, const struct grpc_bind_options *o, struct grpc_bound *ret,
              struct err *e);
