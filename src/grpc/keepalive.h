/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a connection is worth keeping: pings of ours, pings of the client's, idleness and age
 * (grpc/grpc, doc/keepalive.md; gRFC A8 and A9). Decides only: times come in as arguments, what is
 * to be done goes out, and grpc/session.c does it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/time.h"

#define GRPC_NEVER     INT64_MAX
#define GRPC_PINGS_ANY ((nsec)-1)

/* 0 stands for the default, GRPC_NEVER for never. */
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

/* @config with the defaults put in. */
struct grpc_keepalive_config grpc_keepalive_defaults(const struct grpc_keepalive_config *config);

enum grpc_keepalive_action {
        GRPC_KEEPALIVE_NOTHING,
        GRPC_KEEPALIVE_PING,       /* send one */
        GRPC_KEEPALIVE_DRAIN_IDLE, /* end politely; likewise for the age */
        GRPC_KEEPALIVE_DRAIN_AGE,
        GRPC_KEEPALIVE_CLOSE_SILENT,  /* now: the client does not answer */
        GRPC_KEEPALIVE_CLOSE_AGE,     /* now: its calls had their time */
        GRPC_KEEPALIVE_CLOSE_SETTINGS /* SETTINGS_TIMEOUT, RFC 9113 section 6.5.3 */
};

struct grpc_keepalive {
        const struct grpc_keepalive_config *config; /* borrowed, without zeros */
        bool any_pings;
        bool answered; /* we have sent headers or data since the client's last ping */
        unsigned strikes;
        nsec client_pinged; /* its last ping, 0 before the first */
        nsec heard;         /* bytes came last */
        /* INT64_MAX while they are not running. */
        nsec answer_by; /* to our ping */
        nsec idle_by;
        nsec age_by;
        nsec grace_by;
        nsec settings_by;
};

/*
 * The connection begins, and has sent its SETTINGS. @any_pings: whatever config says (unix sockets).
 * @spread: any number; chosen at random for each connection.
 */
void grpc_keepalive_init(struct grpc_keepalive *k, const struct grpc_keepalive_config *config,
                         bool any_pings, uint32_t spread, nsec now);
static inline void grpc_keepalive_heard(struct grpc_keepalive *k, nsec now)
{
        k->heard = now;
        k->answer_by = INT64_MAX;
}
void grpc_keepalive_settings_acked(struct grpc_keepalive *k);
void grpc_keepalive_calls(struct grpc_keepalive *k, size_t n_calls, nsec now); /* 0, or not 0 */
static inline void grpc_keepalive_answered(struct grpc_keepalive *k)
{
        k->answered = true;
}
/* The client pings. False: that was once too often. */
bool grpc_keepalive_client_ping(struct grpc_keepalive *k, size_t n_calls, nsec now);

/* When grpc_keepalive_tick is due. */
nsec grpc_keepalive_deadline(const struct grpc_keepalive *k);
/* One thing that is due; call again until it is NOTHING. */
enum grpc_keepalive_action grpc_keepalive_tick(struct grpc_keepalive *k, nsec now);
