/* SPDX-License-Identifier: Apache-2.0 */
/* A list reply that is put together of kept encodings, piece by piece. */
#pragma once

#include <stdbool.h>

#include "api/encoded.h"
#include "grpc/call.h"
#include "util/buf.h"
#include "util/err.h"

/* ERR_LIMIT: the list is over LIMIT_API_REPLY_BYTES; the text says what to do. Returns -1. */
int list_reply_too_long(bool detail, struct err *e);
/* Append @item to @reply, whose maximum is LIMIT_API_REPLY_BYTES. Errors: that of list_reply_too_long. */
int list_reply_add(struct buf *reply, const struct encoded *item, bool detail, struct err *e);
/* End the call: with @reply, or when @r is negative with @e. */
void list_reply_send(struct grpc_call *call, const struct buf *reply, int r, const struct err *e);
