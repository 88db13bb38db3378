/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC status codes, and the percent-encoding of grpc-message (PROTOCOL-HTTP2.md, "Responses"). */
#pragma once

#include <stddef.h>

#include "util/buf.h"
#include "util/err.h"

/* Numbers are the wire's (grpc/grpc, doc/statuscodes.md). */
enum grpc_code {
        GRPC_OK = 0,
        GRPC_CANCELLED = 1,
        GRPC_UNKNOWN = 2,
        GRPC_INVALID_ARGUMENT = 3,
        GRPC_DEADLINE_EXCEEDED = 4,
        GRPC_NOT_FOUND = 5,
        GRPC_ALREADY_EXISTS = 6,
        GRPC_PERMISSION_DENIED = 7,
        GRPC_RESOURCE_EXHAUSTED = 8,
        GRPC_FAILED_PRECONDITION = 9,
        GRPC_ABORTED = 10,
        GRPC_OUT_OF_RANGE = 11,
        GRPC_UNIMPLEMENTED = 12,
        GRPC_INTERNAL = 13,
        GRPC_UNAVAILABLE = 14,
        GRPC_DATA_LOSS = 15,
        GRPC_UNAUTHENTICATED = 16,
        GRPC_CODE_MAX,
};

/* "NOT_FOUND" ...; "UNKNOWN" for numbers that are not in the table. Never NULL. */
const char *grpc_code_name(enum grpc_code code);

/* The one table from error kinds to codes; the error's text is the status message. */
enum grpc_code grpc_code_from_err(enum err_kind kind);
/* And back, for clients: what a caller of ours would have seen had the function been local. */
enum err_kind grpc_code_to_err(enum grpc_code code);

/*
 * Append @text as it goes into grpc-message: 0x20 to 0x7e except '%' verbatim, all else %XX. A text
 * that does not fit @out is cut, never within an escape. Bytes that are not UTF-8 become U+FFFD:
 * clients decode strictly.
 */
void grpc_message_encode(const char *text, struct buf *out);
/*
 * Never fails: a '%' that starts no escape stands for itself. NUL bytes become '?'. Cut like above.
 */
void grpc_message_decode(const char *data, size_t len, struct buf *out);

/* Something about an error that programs can read; see grpc_call_finish_details. */
struct grpc_detail {
        const char *type; /* full name of the message: "google.rpc.ResourceInfo" */
        const void *data; /* its encoding */
        size_t len;
};
/*
 * Append google.rpc.Status { code, message, repeated Any details }: what grpc-status-details-bin holds.
 * Bytes of @text that are not UTF-8 become U+FFFD. -ENOBUFS when it does not fit.
 */
int grpc_status_encode(enum grpc_code code, const char *text, const struct grpc_detail *details,
                       size_t n, struct buf *out);
