/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pod or image as it goes over the wire, kept: an element of a list reply (field 1, with tag and length). The reply
 * of an Inspect call has its message in field 1 too, so it is the same bytes. Two forms share one block of memory: the
 * detailed one is all of it; the brief one is brief_head and what surrounds the manifest.
 *
 *   data:  head | fields before the manifest | manifest (tag, length, bytes) | fields after it
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/view.h"
#include "pod/view.h"
#include "util/uuid.h"
#include "v1alpha/api.pb-c.h"

enum { ENCODED_HEAD_MAX = 6 }; /* tag, and a length of 32 bits */

struct encoded {
        uint8_t *data;         /* owned; one allocation */
        uint32_t len;          /* of the detailed form */
        uint32_t manifest_at;  /* where the field of the manifest begins, */
        uint32_t manifest_len; /* and how long it is; 0: there is none */
        uint8_t head_len;
        uint8_t brief_head_len;
        uint8_t brief_head[ENCODED_HEAD_MAX];
};

#define ENCODED_NULL ((struct encoded){ 0 })

/* What encode.h makes of the view, packed. *ret need not be initialized; release it with encoded_done. */
void encoded_init_pod(struct encoded *ret, const struct pod_view *view);
/* A pod that cannot be read at all: its id, and no state. */
void encoded_init_unreadable_pod(struct encoded *ret, const struct uuid *uuid);
void encoded_init_image(struct encoded *ret, const struct image_view *view);
/* What both of them do, for messages from elsewhere. */
void encoded_init_pod_message(struct encoded *ret, const V1alpha__Pod *pod);
void encoded_init_image_message(struct encoded *ret, const V1alpha__Image *image);
void encoded_done(struct encoded *e); /* usable as ENCODED_NULL afterwards */

/* Bytes of the form, 0 for ENCODED_NULL. */
static inline size_t encoded_len(const struct encoded *e, bool detail)
{
        return detail ? e->len : (size_t)e->len - e->head_len + e->brief_head_len - e->manifest_len;
}

/* Copy the form to @to, which has room for encoded_len bytes. Returns the end of what was written. */
uint8_t *encoded_copy(const struct encoded *e, bool detail, uint8_t *to);

/* Do both tell the same? */
bool encoded_equal(const struct encoded *a, const struct encoded *b);

/*
 * The fields of a message one after the other, as they lie there: for who asks for two of them and has no use for a
 * tree of allocations. Only for our own encodings: bytes from outside go through grpc/wire_check.h.
 */
struct encoded_walk {
        const uint8_t *at, *end; /* borrowed */
};

struct encoded_field {
        uint32_t number;
        const uint8_t *data; /* of a string, bytes or message; NULL for numbers */
        size_t len;
        uint64_t value; /* of a number; sint types are as the wire has them, in zigzag */
};

/* The pod or image itself, without its manifest: first what is before it, then what is after it. */
struct encoded_walk encoded_before_manifest(const struct encoded *e);
struct encoded_walk encoded_after_manifest(const struct encoded *e);
/* A message within: the value of a field. */
struct encoded_walk encoded_within(const struct encoded_field *field);
/* False at the end. */
bool encoded_next(struct encoded_walk *walk, struct encoded_field *ret);
