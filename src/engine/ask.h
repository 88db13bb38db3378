/* SPDX-License-Identifier: Apache-2.0 */
/* One question to a running pod's supervisor over its control socket. */
#pragma once

#include "pod/store.h"
#include "pod/wire.h"
#include "util/err.h"
#include "util/time.h"

/*
 * Connect to the supervisor of @p, send, and wait for the reply until @deadline (time_monotonic()). A refusal by the
 * supervisor (ok false) is success here. Errors: ERR_UNAVAILABLE when nobody listens, ERR_TIMEOUT when it does not
 * answer, ERR_BAD_DATA, ERR_INTERNAL.
 */
int engine_ask(const struct pod *p, const struct pod_request *req, nsec deadline,
               struct pod_reply *ret, struct err *e);
