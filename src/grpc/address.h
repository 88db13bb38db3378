/* SPDX-License-Identifier: Apache-2.0 */
/* "host:port", "[v6]:port" and "unix:/path" for servers and clients. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util/err.h"

struct grpc_address {
        bool is_unix;
        struct sockaddr_un un; /* of a unix address */
        char host[256];        /* of the others: without brackets; "": every address of the host */
        char port[6];
};

/* ERR_USAGE for text that is none of the three forms. */
int grpc_address_parse(const char *text, struct grpc_address *ret, struct err *e);

struct grpc_sockaddr {
        struct sockaddr_storage addr;
        socklen_t len;
};

enum { GRPC_SOCKADDRS_MAX = 8 };

/*
 * Numeric addresses, at most GRPC_SOCKADDRS_MAX. "localhost" is 127.0.0.1 and ::1, whatever the
 * resolver thinks. Blocks while other names are looked up. ERR_UNAVAILABLE when a name does not
 * resolve.
 */
int grpc_address_resolve(const struct grpc_address *a, bool passive,
                         struct grpc_sockaddr ret[static GRPC_SOCKADDRS_MAX], size_t *ret_n,
                         struct err *e);

/* Loopback (127/8, ::1, also as ::ffff:127.x) or a unix socket: no other host can reach it. */
bool grpc_sockaddr_is_local(const struct grpc_sockaddr *a);
/*
 * Whether all addresses that @text stands for are local. Blocks and fails as grpc_address_parse and
 * _resolve.
 */
int grpc_address_is_local(const char *text, bool *ret, struct err *e);
