/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/guard.h"

#include <string.h>

void grpc_guard_init(struct grpc_guard *g)
{
        *g = (struct grpc_guard){ .resets_left = GRPC_GUARD_RESETS, .highest = -1 };
}

bool grpc_guard_reset(struct grpc_guard *g, nsec now)
{
        nsec seconds = (now - g->resets_at) / NSEC_PER_SEC;

        if (seconds > 0) {
                /* The bucket is full long before the product could overflow. */
                uint64_t gained = seconds > GRPC_GUARD_RESETS
                                          ? GRPC_GUARD_RESETS
                                          : (uint64_t)seconds * GRPC_GUARD_RESET_RATE;

                g->resets_left = gained > GRPC_GUARD_RESETS - g->resets_left
                                         ? GRPC_GUARD_RESETS
                                         : g->resets_left + gained;
                g->resets_at = now;
        }
        if (g->resets_left == 0)
                return false;
        g->resets_left--;
        return true;
}

bool grpc_guard_stream(struct grpc_guard *g, int32_t id)
{
        if (id <= g->highest) {
                for (size_t i = 0; i < g->n_gaps; i++)
                        if (id >= g->gaps[i].from && id <= g->gaps[i].to)
                                return false;
                return true;
        }
        if (id - 2 > g->highest) {
                if (g->n_gaps < GRPC_GUARD_GAPS)
                        g->n_gaps++;
                memmove(g->gaps + 1, g->gaps, (g->n_gaps - 1u) * sizeof(g->gaps[0]));
                g->gaps[0].from = g->highest + 2;
                g->gaps[0].to = id - 2;
        }
        g->highest = id;
        return true;
}
