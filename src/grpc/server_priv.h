/* SPDX-License-Identifier: Apache-2.0 */
/* What server.c (listeners, life) and conn.c (one client) share. */
#pragma once

#include "grpc/link.h"
#include "grpc/server.h"
#include "grpc/session.h"

struct grpc_conn {
        struct grpc_server *server;                /* borrowed */
        struct grpc_conn *prev, *next;             /* in server->conns */
        struct grpc_conn *dirty_prev, *dirty_next; /* in server->dirty, when is_dirty */
        struct grpc_link link;
        struct grpc_peer peer;
        uv_poll_t poll;
        uv_timer_t timer;
        struct grpc_session *session; /* owned; NULL once the connection is over */
        nsec handshake_by;            /* INT64_MAX once established */
        nsec stalled_by;              /* INT64_MAX while the socket takes all */
        nsec linger_by;               /* INT64_MAX until we have said our last */
        nsec timer_at;                /* what the timer is set to; INT64_MAX when stopped */
        int events;                   /* what is polled for */
        int handles;                  /* not closed yet: memory must stay until they are */
        enum grpc_end end;            /* why it lingers, once it does */
        bool is_dirty;
        bool secured;    /* the TLS handshake is over */
        bool tls_failed; /* TLS has said why, nothing follows */
        bool drain_due;  /* GOAWAY, after what handlers have said up to now */
        bool more_due;   /* its turn ended before its words did */
        bool closed;
};

struct grpc_listener {
        struct grpc_listener *next;
        struct grpc_server *server; /* borrowed */
        uv_poll_t poll;
        int fd;          /* owned */
        char *unix_path; /* owned; removed at the end; NULL when it is not ours */
        dev_t dev;       /* of the file at unix_path */
        ino_t ino;
        struct grpc_tls *tls; /* a reference; NULL: cleartext */
};

struct grpc_server {
        uv_loop_t *loop; /* borrowed */
        struct grpc_server_config config;
        struct grpc_router router;
        struct grpc_memory memory;
        struct grpc_call_counters counters;
        struct grpc_listener *listeners; /* owned */
        struct grpc_conn *conns;         /* owned */
        struct grpc_conn *dirty;         /* have output that no event of theirs announces */
        size_t n_conns;
        unsigned port;
        uv_prepare_t flush; /* writes for the dirty ones before the loop sleeps */
        uv_timer_t retry;   /* accepting again after descriptors ran out */
        uv_timer_t stop_timer;
        int handles; /* of server, listeners and connections, not closed yet */
        bool accept_paused;
        bool stopping;
        bool freed;
        void (*on_stopped)(void *arg);
        void *on_stopped_arg;
        struct grpc_server_stats stats; /* what is counted as it happens */
        uint64_t shed_for;              /* counters.refused_memory, when it was last looked at */
        nsec shed_next;                 /* not before */
        uint32_t random;
        struct grpc_link_buffers buffers;
};

/* conn.c */
struct sockaddr_storage;
/* A client from @from; @tls as its listener says, NULL: cleartext. -1: it could not be served. */
int grpc_conn_new_consume(struct grpc_server *server, const struct grpc_tls *tls, int fd,
                          const struct sockaddr_storage *from);
/* Now; cancels its calls; memory goes when the loop has turned. */
void grpc_conn_close(struct grpc_conn *c, enum grpc_end why);
void grpc_conn_drain(struct grpc_conn *c); /* may close it */
void grpc_conn_flush(struct grpc_conn *c); /* may close it */
void grpc_conn_flush_soon(struct grpc_conn *c);

/* peer.c */
void grpc_peer_fill(struct grpc_peer *peer, int fd, const struct sockaddr_storage *from);

/* server.c */
void grpc_server_conn_gone(struct grpc_server *server);  /* it has left server->conns */
void grpc_server_flush_soon(struct grpc_server *server); /* there are dirty connections */
/* A call was refused for want of memory: take it from those that only sit on theirs. */
void grpc_server_shed(struct grpc_server *server);
void grpc_server_handle_closed(struct grpc_server *server);
