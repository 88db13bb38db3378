/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf bytes from outside, checked against a descriptor before protobuf-c sees them. protobuf-c
 * 1.4.1 accepts strings that are not UTF-8, cuts them at a NUL, recurses without limit, and
 * allocates a structure for every two bytes; what passes here it decodes faithfully and within
 * known bounds.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/*
 * @max_fields bounds all fields and list elements together, unknown fields too. Errors:
 * ERR_BAD_DATA for malformed bytes (truncated, wrong wire type, bad UTF-8, NUL in a string, groups,
 * field number 0); ERR_LIMIT when nested deeper than LIMIT_GRPC_DEPTH or over @max_fields. The text
 * names the field.
 */
int grpc_wire_check(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                    size_t max_fields, struct err *e);

/*
 * Check and unpack. *ret is released with protobuf_c_message_free_unpacked(m, NULL).
 * Errors: those of grpc_wire_check; ERR_INTERNAL when memory is short.
 */
int grpc_wire_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                     size_t max_fields, ProtobufCMessage **ret, struct err *e);
/*
 * The same; *ret_held is the memory that the message takes, which may be 50 times its encoding: a
 * structure for every two bytes.
 */
int grpc_wire_unpack_held(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                          size_t max_fields, ProtobufCMessage **ret, size_t *ret_held,
                          struct err *e);

static inline void grpc_message_freep(ProtobufCMessage **m)
{
        protobuf_c_message_free_unpacked(*m, NULL);
}
