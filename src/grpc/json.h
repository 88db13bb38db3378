/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf messages as proto3 JSON, by descriptor (protobuf.dev, "ProtoJSON Format"):
 * lowerCamelCase names as protoc computes json_name (a capital first letter stays: `Key`), 64-bit
 * integers as strings, bytes as base64, enums by name. Well-known types, maps and extensions are
 * not needed here and not known.
 */
#pragma once

#include <json-c/json.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/err.h"

/*
 * *ret is a new object (json_object_put). With @defaults, fields that hold their default are
 * written too (messages that are absent as null are left out all the same). Errors: ERR_BAD_DATA
 * when a list or string in @m is inconsistent.
 */
int grpc_json_encode(const ProtobufCMessage *m, bool defaults, struct json_object **ret,
                     struct err *e);

/*
 * Names may be JSON names or those of the .proto file; enums names or numbers; 64-bit integers
 * numbers or strings; null is the default. *ret is released with
 * protobuf_c_message_free_unpacked(m, NULL). Errors: ERR_BAD_DATA naming the path
 * ("filters[0].states[1]: unknown value \"RUNING\" of PodState"), for unknown names, wrong types,
 * and numbers out of range; ERR_LIMIT when it is too large.
 */
int grpc_json_decode(const ProtobufCMessageDescriptor *type, struct json_object *o,
                     ProtobufCMessage **ret, struct err *e);

/*
 * protoc's json_name of a field name: "gc_marked_at" -> "gcMarkedAt". -ENOBUFS when @out is full.
 */
int grpc_json_name(const char *name, struct buf *out);
