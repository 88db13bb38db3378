/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a connection is worth keeping: pings of ours, pings of the client's, idleness and age.
 * Decides only; times come in as arguments, grpc/session.c acts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/time.h"

#define GRPC_NEVER INT64_MAX

/* 0 stands for the default, GRPC_NEVER for never; grpc/grpc, doc/keepalive.md. */
struct grpc_keepalive_config {
        nsec ping_after;   /* nothing was heard for so long: ping. 2 h; at least 1 s */
        nsec ping_timeout; /* nothing was heard since our ping: close. 20 s */
        /*
         * Clients may ping no more often than this while they have calls, else only every two hours
         * unless @pings_without_calls; more than two too many without an answer of ours between
         * them end the connection. 5 min; GRPC_PINGS_ANY: as often as they like.
         */
        nsec min_client_ping;
        bool pings_without_calls;
        nsec max_idle;         /* no call for so long: the connection is ended politely. Never */
        nsec max_age;          /* likewise, when so old; spread by 10 %. Never */
        nsec max_age_grace;    /* calls that run then may go on for so long. For ever */
        nsec settings_timeout; /* for the answer to our SETTINGS. 20 s */
};

#define GRPC_PINGS_ANY ((nsec)-1)
