/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/wire_check.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/utf8.h"
#include "util/limits.h"

enum {
        MALLOC_OVERHEAD = 16, /* of each piece of memory, about */
};

/*
 * protobuf.dev, "Encoding": Message Structure. Groups (3, 4) are not proto3, and protobuf-c cannot
 * skip them.
 */
enum wire_type { WIRE_VARINT = 0, WIRE_I64 = 1, WIRE_LEN = 2, WIRE_I32 = 5 };

struct span {
        const uint8_t *p;
        size_t left;
};

struct checker {
        size_t fields_left;
        struct err *e;
};

/* Up to @max bytes, as protobuf-c reads them; bits past 64 are dropped. */
static bool take_varint(struct span *s, size_t max, uint64_t *ret)
{
        uint64_t v = 0;

        for (size_t i = 0; i < max && i < s->left; i++) {
                if (i < 10)
                        v |= (uint64_t)(s->p[i] & 0x7f) << (7 * i);
                if (s->p[i] & 0x80)
                        continue;
                s->p += i + 1;
                s->left -= i + 1;
                *ret = v;
                return true;
        }
        return false;
}

static bool take_bytes(struct span *s, uint64_t n, struct span *ret)
{
        if (n > s->left)
                return false;
        *ret = (struct span){ s->p, (size_t)n };
        s->p += n;
        s->left -= (size_t)n;
        return true;
}

static int expected_wire_type(ProtobufCType type)
{
        switch (type) {
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_SINT32:
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_BOOL:
        case PROTOBUF_C_TYPE_ENUM:
                return WIRE_VARINT;
        case PROTOBUF_C_TYPE_SFIXED32:
        case PROTOBUF_C_TYPE_FIXED32:
        case PROTOBUF_C_TYPE_FLOAT:
                return WIRE_I32;
        case PROTOBUF_C_TYPE_SFIXED64:
        case PROTOBUF_C_TYPE_FIXED64:
        case PROTOBUF_C_TYPE_DOUBLE:
                return WIRE_I64;
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_BYTES:
        case PROTOBUF_C_TYPE_MESSAGE:
                break;
        }
        return WIRE_LEN;
}

static int count_field(struct checker *c, const ProtobufCMessageDescriptor *type)
{
        if (c->fields_left == 0)
                return err_set(c->e, ERR_LIMIT, 0, "%s: too many fields in one message",
                               type->name);
        c->fields_left--;
        return 0;
}

static int bad_field(struct checker *c, const ProtobufCMessageDescriptor *type,
                     const ProtobufCFieldDescriptor *field, const char *why)
{
        return err_set(c->e, ERR_BAD_DATA, 0, "%s.%s: %s", type->short_name,
                       field ? field->name : "?", why);
}

static int check_packed(struct checker *c, const ProtobufCMessageDescriptor *type,
                        const ProtobufCFieldDescriptor *field, struct span s)
{
        int wire = expected_wire_type(field->type);
        size_t width = wire == WIRE_I64 ? 8 : 4;
        uint64_t value;

        if (wire != WIRE_VARINT) {
                if (s.left % width != 0)
                        return bad_field(c, type, field, "truncated element in a packed list");
                if (s.left / width > c->fields_left) {
                        c->fields_left = 0;
                        return count_field(c, type);
                }
                c->fields_left -= s.left / width;
                return 0;
        }
        while (s.left > 0) {
                if (count_field(c, type) < 0)
                        return -1;
                if (!take_varint(&s, 10, &value))
                        return bad_field(c, type, field, "truncated element in a packed list");
        }
        return 0;
}

static int check_message(struct checker *c, const ProtobufCMessageDescriptor *type, struct span s,
                         unsigned depth);

static int check_payload(struct checker *c, const ProtobufCMessageDescriptor *type,
                         const ProtobufCFieldDescriptor *field, struct span payload, unsigned depth)
{
        if (field->type == PROTOBUF_C_TYPE_STRING) {
                if (memchr(payload.p, '\0', payload.left))
                        return bad_field(c, type, field, "NUL character in a string");
                if (!grpc_utf8_valid(payload.p, payload.left))
                        return bad_field(c, type, field, "string is not UTF-8");
                return 0;
        }
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
                return check_message(c, field->descriptor, payload, depth + 1);
        if (field->type == PROTOBUF_C_TYPE_BYTES)
                return 0;
        return check_packed(c, type, field, payload);
}

static int check_field(struct checker *c, const ProtobufCMessageDescriptor *type, struct span *s,
                       unsigned depth)
{
        const ProtobufCFieldDescriptor *field;
        struct span payload = { 0 };
        uint64_t tag, value;
        bool whole = true;
        bool packed;
        unsigned wire;

        /* protobuf-c reads at most five bytes of a tag and ignores what does not fit 32 bits. */
        if (!take_varint(s, 5, &tag) || tag >> 32 || tag >> 3 == 0)
                return err_set(c->e, ERR_BAD_DATA, 0, "%s: malformed field tag", type->short_name);
        wire = tag & 7;
        field = protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
        if (wire == WIRE_VARINT) {
                whole = take_varint(s, 10, &value);
        } else if (wire == WIRE_LEN) {
                whole = take_varint(s, 5, &value) && take_bytes(s, value, &payload);
        } else if (wire == WIRE_I32 || wire == WIRE_I64) {
                whole = take_bytes(s, wire == WIRE_I32 ? 4 : 8, &payload);
        } else {
                return bad_field(c, type, field, "wire type that proto3 does not have");
        }
        if (!whole)
                return bad_field(c, type, field, "truncated");
        if (!field)
                return 0;
        packed = field->label == PROTOBUF_C_LABEL_REPEATED && wire == WIRE_LEN;
        if ((int)wire != expected_wire_type(field->type) && !packed)
                return bad_field(c, type, field, "wire type of another type");
        return wire == WIRE_LEN ? check_payload(c, type, field, payload, depth) : 0;
}

static int check_message(struct checker *c, const ProtobufCMessageDescriptor *type, struct span s,
                         unsigned depth)
{
        if (depth > LIMIT_GRPC_DEPTH)
                return err_set(c->e, ERR_LIMIT, 0, "%s: nested too deeply", type->name);
        while (s.left > 0) {
                if (count_field(c, type) < 0 || check_field(c, type, &s, depth) < 0)
                        return -1;
        }
        return 0;
}

int grpc_wire_check(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                    size_t max_fields, struct err *e)
{
        struct checker c = { .fields_left = max_fields, .e = e };

        return check_message(&c, type, (struct span){ data, len }, 1);
}

static void *counted_alloc(void *held, size_t size)
{
        *(size_t *)held += size + MALLOC_OVERHEAD;
        return malloc(size);
}

static void counted_free(void *held, void *p)
{
        (void)held;
        free(p);
}

int grpc_wire_unpack_held(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                          size_t max_fields, ProtobufCMessage **ret, size_t *ret_held,
                          struct err *e)
{
        size_t held = 0;
        ProtobufCAllocator allocator = { counted_alloc, counted_free, &held };
        ProtobufCMessage *m;

        if (grpc_wire_check(type, data, len, max_fields, e) < 0)
                return -1;
        m = protobuf_c_message_unpack(type, &allocator, len, data);
        if (!m)
                return err_set(e, ERR_INTERNAL, 0, "cannot unpack a %s", type->name);
        *ret = m;
        *ret_held = held;
        return 0;
}

int grpc_wire_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                     size_t max_fields, ProtobufCMessage **ret, struct err *e)
{
        size_t held;

        return grpc_wire_unpack_held(type, data, len, max_fields, ret, &held, e);
}
