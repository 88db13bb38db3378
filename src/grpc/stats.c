/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/stats.h"

#include <assert.h>

#include "util/auto.h"

static const char *const end_names[] = {
        "client",         "stop",      "idle",          "age",       "protocol", "pings",  "flood",
        "handshake_time", "handshake", "settings_time", "keepalive", "stalled",  "system",
};
static_assert(ARRAY_LEN(end_names) == GRPC_END_MAX, "one name for each");

const char *grpc_end_name(enum grpc_end end)
{
        return end_names[end];
}
