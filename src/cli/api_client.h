/* SPDX-License-Identifier: Apache-2.0 */
/* The API service that a command asks: one that runs, or one of our own (cli/own_service.h). */
#pragma once

#include <stdbool.h>

#include "cli/own_service.h"
#include "grpc/client.h"
#include "util/err.h"
#include "util/strv.h"

#define API_CLIENT_ADDRESS "localhost:15441"
#define API_CLIENT_OWN     "none" /* as an address: no service that runs, but one of our own */

struct api_client_options {
        /*
         * NULL: whoever listens at API_CLIENT_ADDRESS and serves --dir, else a service of our own. Otherwise this one and no
         * other.
         */
        const char *address;
        struct strv own; /* options for a service of our own */
        struct grpc_client_options grpc;
};

struct api_client {
        struct grpc_client *grpc; /* owned */
        struct own_service own;
        const char *address; /* borrowed; NULL: our own */
};

#define API_CLIENT_NULL ((struct api_client){ .own = OWN_SERVICE_NULL })

/*
 * @c: API_CLIENT_NULL, or one that is closed. Errors: those of grpc_client_connect, with a text that names the remedy when
 * nobody listens, and of own_service_start.
 */
int api_client_open(struct api_client *c, const struct api_client_options *o, struct err *e);
/* Closes; a service of our own has ended afterwards. */
void api_client_done(struct api_client *c);

/* Whether it serves --dir. Asks it; must not be called within a call. False when it does not answer, too. */
bool api_client_serves_dir(struct api_client *c);

/*
 * A call has failed with @e: puts its name and code before the text; if our own service has ended, says that instead.
 * Returns -1.
 */
int api_client_failed(struct api_client *c, const char *call, struct err *e);
