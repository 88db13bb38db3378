/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a connection. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum { GRPC_PEER_TEXT = 64 };

struct grpc_peer {
        char address[GRPC_PEER_TEXT]; /* "127.0.0.1:4711", "[::1]:4711", "unix:" */
        bool is_unix;
        /* Of a unix client, as the kernel says (SO_PEERCRED); (uid_t)-1 and so on for others. */
        uid_t uid;
        gid_t gid;
        pid_t pid; /* 0 for others */
        bool tls;
        /*
         * Of a client with a verified certificate: the name it was let in by, else the first of its
         * alternative names, else its common name. NULL for others. Borrowed from the connection.
         */
        const char *identity;
};
