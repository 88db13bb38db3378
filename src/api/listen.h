/* SPDX-License-Identifier: Apache-2.0 */
/* Where the service listens: the words of --listen, and sockets that the service manager opened. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "api/activation.h"
#include "api/options.h"
#include "grpc/server.h"
#include "util/err.h"

/* "HOST:PORT" or "unix:PATH[,mode=MODE][,group=GROUP]", taken apart. */
struct listen_spec {
        char *address; /* owned; what grpc_server_listen takes */
        mode_t mode;   /* of a socket file; 0: not given */
        char *group;   /* owned: name or number; NULL: not given */
};

#define LISTEN_SPEC_NULL ((struct listen_spec){ 0 })

/*
 * A comma begins an option only where "mode=" or "group=" follows, so that other paths with commas
 * can be named. ERR_USAGE; *ret is written on success only.
 */
int listen_spec_parse(const char *text, struct listen_spec *ret, struct err *e);
void listen_spec_done(struct listen_spec *s);
/* A group by name or number. ERR_NOT_FOUND. */
int listen_find_group(const char *name, gid_t *ret, struct err *e);

struct listen_config {
        const struct strv
                *listen; /* empty: API_LISTEN_DEFAULT, unless there are activated sockets */
        const struct activation *activated; /* not touched; may not come with @listen */
        struct grpc_tls *tls;               /* for TCP; NULL: none */
        bool insecure;                      /* plaintext may leave the host */
        bool unix_gid_set;                  /* of socket files without a group of their own */
        gid_t unix_gid;
};

/*
 * Open everything, and log a line "Listening on ..." for each; the activated descriptors are taken
 * over one by one, the others stay with the caller; one that is connected already is a client. Looks up groups. Errors name the address, and
 * say what to do when it is plaintext that could leave the host: those of grpc_server_listen,
 * ERR_NOT_FOUND for a group.
 */
int listen_open_all(struct grpc_server *server, const struct listen_config *config, struct err *e);
