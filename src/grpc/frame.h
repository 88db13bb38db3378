/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Length-prefixed messages (PROTOCOL-HTTP2.md): one flag byte, four bytes of length, the message;
 * in pieces that do not care about those borders. A message that arrives whole is handed out where
 * it lies; otherwise it is collected in memory that grows with what has arrived, never with what
 * the length claims.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GRPC_FRAME_HEAD = 5 };

enum grpc_frame_result {
        GRPC_FRAME_MORE,      /* the input is used up */
        GRPC_FRAME_MESSAGE,   /* one message; there may be more input */
        GRPC_FRAME_TOO_LARGE, /* ret->len says how large it claims to be; the reader is stuck */
        GRPC_FRAME_BAD_FLAG,  /* neither 0 nor 1; the reader is stuck */
};

struct grpc_frame {
        bool compressed;
        const uint8_t *data; /* borrowed from the input or the reader, until the next feed */
        size_t len;
};

struct grpc_frame_reader {
        size_t max; /* of one message */
        uint8_t head[GRPC_FRAME_HEAD];
        uint8_t head_len;
        uint8_t *data; /* owned */
        size_t len;
        size_t cap;
};

/* Consumes from *p, *left. */
enum grpc_frame_result grpc_frame_feed(struct grpc_frame_reader *r, const uint8_t **p, size_t *left,
                                       struct grpc_frame *ret);
/* In the middle of a message: the stream must not end here. */
bool grpc_frame_partial(const struct grpc_frame_reader *r);
void grpc_frame_done(
        struct grpc_frame_reader *r); /* releases memory; usable afterwards with the same max */

/* The five bytes before a message of @len. */
void grpc_frame_head(uint8_t to[static GRPC_FRAME_HEAD], bool compressed, uint32_t len);
