/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/keepalive.h"

enum { STRIKES_MAX = 2 }; /* gRFC A8: GOAWAY when there are more */

/* gRFC A8: pings without calls, where they are not welcome. */
static const nsec ping_without_calls_min = 7200 * NSEC_PER_SEC;

static nsec or_default(nsec value, nsec normal)
{
        return value == 0 ? normal : value;
}

struct grpc_keepalive_config grpc_keepalive_defaults(const struct grpc_keepalive_config *config)
{
        struct grpc_keepalive_config c = *config;

        c.ping_after = or_default(c.ping_after, 7200 * NSEC_PER_SEC);
        if (c.ping_after < NSEC_PER_SEC)
                c.ping_after = NSEC_PER_SEC;
        c.ping_timeout = or_default(c.ping_timeout, 20 * NSEC_PER_SEC);
        c.min_client_ping = or_default(c.min_client_ping, 300 * NSEC_PER_SEC);
        c.max_idle = or_default(c.max_idle, GRPC_NEVER);
        c.max_age = or_default(c.max_age, GRPC_NEVER);
        c.max_age_grace = or_default(c.max_age_grace, GRPC_NEVER);
        c.settings_timeout = or_default(c.settings_timeout, 20 * NSEC_PER_SEC);
        return c;
}

static nsec after(nsec now, nsec span)
{
        return span > INT64_MAX - now ? INT64_MAX : now + span;
}

void grpc_keepalive_init(struct grpc_keepalive *k, const struct grpc_keepalive_config *config,
                         bool any_pings, uint32_t spread, nsec now)
{
        nsec age = config->max_age;

        *k = (struct grpc_keepalive){
                .config = config,
                .any_pings = any_pings || config->min_client_ping == GRPC_PINGS_ANY,
                .heard = now,
                .answer_by = INT64_MAX,
                .idle_by = after(now, config->max_idle),
                .grace_by = INT64_MAX,
                .settings_by = after(now, config->settings_timeout),
        };
        /* Else clients that came together, after a restart, would go and come together for ever. */
        if (age != GRPC_NEVER)
                age += age / 1000 * ((nsec)(spread % 201) - 100);
        k->age_by = after(now, age);
}

void grpc_keepalive_settings_acked(struct grpc_keepalive *k)
{
        k->settings_by = INT64_MAX;
}

void grpc_keepalive_calls(struct grpc_keepalive *k, size_t n_calls, nsec now)
{
        k->idle_by = n_calls > 0 ? INT64_MAX : after(now, k->config->max_idle);
}

bool grpc_keepalive_client_ping(struct grpc_keepalive *k, size_t n_calls, nsec now)
{
        nsec distance = n_calls > 0 || k->config->pings_without_calls ? k->config->min_client_ping
                                                                      : ping_without_calls_min;
        bool early = k->client_pinged != 0 && now - k->client_pinged < distance;

        k->client_pinged = now;
        if (k->any_pings)
                return true;
        if (k->answered) {
                /* It may have measured the way for what we sent: that is what pings are for. */
                k->answered = false;
                k->strikes = 0;
                return true;
        }
        k->strikes += early;
        return k->strikes <= STRIKES_MAX;
}

static nsec ping_at(const struct grpc_keepalive *k)
{
        return k->answer_by == INT64_MAX ? after(k->heard, k->config->ping_after) : INT64_MAX;
}

static nsec earliest(nsec a, nsec b)
{
        return a < b ? a : b;
}

nsec grpc_keepalive_deadline(const struct grpc_keepalive *k)
{
        nsec at = earliest(earliest(k->answer_by, k->idle_by), earliest(k->age_by, k->grace_by));

        return earliest(earliest(at, k->settings_by), ping_at(k));
}

enum grpc_keepalive_action grpc_keepalive_tick(struct grpc_keepalive *k, nsec now)
{
        if (k->answer_by <= now) {
                k->answer_by = INT64_MAX;
                return GRPC_KEEPALIVE_CLOSE_SILENT;
        }
        if (k->settings_by <= now) {
                k->settings_by = INT64_MAX;
                return GRPC_KEEPALIVE_CLOSE_SETTINGS;
        }
        if (k->grace_by <= now) {
                k->grace_by = INT64_MAX;
                return GRPC_KEEPALIVE_CLOSE_AGE;
        }
        if (k->age_by <= now) {
                k->age_by = INT64_MAX;
                k->grace_by = after(now, k->config->max_age_grace);
                return GRPC_KEEPALIVE_DRAIN_AGE;
        }
        if (k->idle_by <= now) {
                k->idle_by = INT64_MAX;
                return GRPC_KEEPALIVE_DRAIN_IDLE;
        }
        if (ping_at(k) <= now) {
                k->answer_by = after(now, k->config->ping_timeout);
                return GRPC_KEEPALIVE_PING;
        }
        return GRPC_KEEPALIVE_NOTHING;
}
