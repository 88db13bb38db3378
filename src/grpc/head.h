/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server must know of a request's header block, collected field by field. Knows nothing of
 * nghttp2.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc/status.h"
#include "util/limits.h"
#include "util/time.h"

enum grpc_encoding {
        GRPC_ENCODING_IDENTITY,
        GRPC_ENCODING_GZIP,    /* RFC 1952 */
        GRPC_ENCODING_DEFLATE, /* RFC 1950: in HTTP and gRPC this is the name of zlib's format */
        GRPC_ENCODING_UNKNOWN,
};

/* What we take, as a value of grpc-accept-encoding. */
#define GRPC_ENCODINGS "identity,deflate,gzip"

enum grpc_timeout_kind { GRPC_TIMEOUT_NONE, GRPC_TIMEOUT_SET, GRPC_TIMEOUT_MALFORMED };

struct grpc_head {
        size_t bytes; /* name + value + 32 each, RFC 9113 section 6.5.2 */
        uint16_t path_len;
        uint8_t hosts;
        bool post;
        bool is_head; /* the method HEAD: the answer has no body */
        bool content_type_ok;
        bool path_too_long;
        bool accepts_gzip;           /* replies may be compressed */
        enum grpc_encoding encoding; /* of the request's compressed messages */
        enum grpc_timeout_kind timeout_kind;
        nsec timeout;
        char path[LIMIT_GRPC_PATH_BYTES];
};

void grpc_head_init(struct grpc_head *h);
/* Names are lower case (RFC 9113 section 8.2.1), pseudo-headers come first (section 8.3). */
void grpc_head_add(struct grpc_head *h, const char *name, size_t name_len, const char *value,
                   size_t value_len);

/*
 * The verdict on a complete block. Returns 200 when it is a gRPC request (*ret_code then GRPC_OK,
 * or why the call must be refused with *ret_text), else the HTTP status with *ret_text as body.
 * *ret_text is static.
 */
unsigned grpc_head_check(const struct grpc_head *h, enum grpc_code *ret_code,
                         const char **ret_text);

/*
 * "100m" and so on: at most eight digits and a unit (PROTOCOL-HTTP2.md, "Timeout"). False when
 * malformed.
 */
bool grpc_timeout_parse(const char *value, size_t len, nsec *ret);
enum { GRPC_TIMEOUT_TEXT = 24 };
/* The inverse, rounded up to what eight digits can say. */
void grpc_timeout_print(nsec timeout, char ret[static GRPC_TIMEOUT_TEXT]);
