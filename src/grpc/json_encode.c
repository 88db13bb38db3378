/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "grpc/base64.h"
#include "grpc/utf8.h"
#include "util/auto.h"
#include "util/json.h"

enum { BYTES_MAX = 64 * 1024 * 1024 };

int grpc_json_name(const char *name, struct buf *out)
{
        bool upper = false;

        for (; *name; name++) {
                int r = 0;

                if (*name != '_')
                        r = buf_putc(out, upper && *name >= 'a' && *name <= 'z'
                                                  ? (char)(*name - 'a' + 'A')
                                                  : *name);
                upper = *name == '_';
                if (r < 0)
                        return r;
        }
        return 0;
}

static size_t element_size(ProtobufCType type)
{
        switch (type) {
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_SINT32:
        case PROTOBUF_C_TYPE_SFIXED32:
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_FIXED32:
                return sizeof(uint32_t);
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_SFIXED64:
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_FIXED64:
                return sizeof(uint64_t);
        case PROTOBUF_C_TYPE_FLOAT:
                return sizeof(float);
        case PROTOBUF_C_TYPE_DOUBLE:
                return sizeof(double);
        case PROTOBUF_C_TYPE_BOOL:
                return sizeof(protobuf_c_boolean);
        case PROTOBUF_C_TYPE_ENUM:
                return sizeof(uint32_t);
        case PROTOBUF_C_TYPE_BYTES:
                return sizeof(ProtobufCBinaryData);
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_MESSAGE:
                break;
        }
        return sizeof(void *);
}

/* proto3's notion: zero, empty, absent. */
static bool is_default(const ProtobufCFieldDescriptor *field, const uint8_t *at)
{
        static const uint8_t zero[sizeof(ProtobufCBinaryData)];
        const char *text;

        if (field->type == PROTOBUF_C_TYPE_STRING) {
                memcpy(&text, at, sizeof(text));
                return !text || !*text;
        }
        if (field->type == PROTOBUF_C_TYPE_BYTES) {
                ProtobufCBinaryData bytes;

                memcpy(&bytes, at, sizeof(bytes));
                return bytes.len == 0;
        }
        return memcmp(at, zero, element_size(field->type)) == 0;
}

static struct json_object *from_double(double d)
{
        if (isnan(d))
                return json_object_new_string("NaN");
        if (isinf(d))
                return json_object_new_string(d > 0 ? "Infinity" : "-Infinity");
        return json_object_new_double(d);
}

static struct json_object *from_int64(bool is_signed, const uint8_t *at)
{
        char text[24];
        uint64_t n;

        memcpy(&n, at, sizeof(n));
        if (is_signed)
                (void)snprintf(text, sizeof(text), "%" PRId64, (int64_t)n);
        else
                (void)snprintf(text, sizeof(text), "%" PRIu64, n);
        return json_object_new_string(text);
}

static struct json_object *from_enum(const ProtobufCEnumDescriptor *type, int number)
{
        const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, number);

        return value ? json_object_new_string(value->name) : json_object_new_int(number);
}

static int from_string(const ProtobufCFieldDescriptor *field, const uint8_t *at,
                       struct json_object **ret, struct err *e)
{
        const char *text;

        memcpy(&text, at, sizeof(text));
        text = text ? text : "";
        if (!grpc_utf8_valid((const uint8_t *)text, strlen(text)))
                return err_set(e, ERR_BAD_DATA, 0, "%s: string is not UTF-8", field->name);
        *ret = json_object_new_string(text);
        return 0;
}

static int from_bytes(const ProtobufCFieldDescriptor *field, const uint8_t *at,
                      struct json_object **ret, struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(BYTES_MAX);
        ProtobufCBinaryData bytes;

        memcpy(&bytes, at, sizeof(bytes));
        if (base64_encode(bytes.data, bytes.len, &text) < 0)
                return err_set(e, ERR_LIMIT, 0, "%s: too large", field->name);
        *ret = json_object_new_string_len(buf_str(&text), (int)text.len);
        return 0;
}

static int from_message(const uint8_t *at, bool defaults, struct json_object **ret, struct err *e)
{
        const ProtobufCMessage *m;

        memcpy(&m, at, sizeof(m));
        if (!m)
                return err_set(e, ERR_BAD_DATA, 0, "a message in a list is missing");
        return grpc_json_encode(m, defaults, ret, e);
}

/* One value of the field's type at @at. */
static int from_value(const ProtobufCFieldDescriptor *field, const uint8_t *at, bool defaults,
                      struct json_object **ret, struct err *e)
{
        int32_t n = 0;
        float f;
        double d;

        if (element_size(field->type) == sizeof(n))
                memcpy(&n, at, sizeof(n));
        switch (field->type) {
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_SINT32:
        case PROTOBUF_C_TYPE_SFIXED32:
                *ret = json_object_new_int64(n);
                return 0;
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_FIXED32:
                *ret = json_object_new_int64((uint32_t)n);
                return 0;
        case PROTOBUF_C_TYPE_ENUM:
                *ret = from_enum(field->descriptor, n);
                return 0;
        case PROTOBUF_C_TYPE_BOOL:
                *ret = json_object_new_boolean(n);
                return 0;
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_SFIXED64:
                *ret = from_int64(true, at);
                return 0;
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_FIXED64:
                *ret = from_int64(false, at);
                return 0;
        case PROTOBUF_C_TYPE_FLOAT:
                memcpy(&f, at, sizeof(f));
                *ret = from_double((double)f);
                return 0;
        case PROTOBUF_C_TYPE_DOUBLE:
                memcpy(&d, at, sizeof(d));
                *ret = from_double(d);
                return 0;
        case PROTOBUF_C_TYPE_STRING:
                return from_string(field, at, ret, e);
        case PROTOBUF_C_TYPE_BYTES:
                return from_bytes(field, at, ret, e);
        case PROTOBUF_C_TYPE_MESSAGE:
                break;
        }
        return from_message(at, defaults, ret, e);
}

static int from_list(const ProtobufCFieldDescriptor *field, const uint8_t *base, bool defaults,
                     struct json_object **ret, struct err *e)
{
        AUTO_JSON struct json_object *list = json_object_new_array();
        const uint8_t *elements;
        size_t n;

        memcpy(&n, base + field->quantifier_offset, sizeof(n));
        memcpy(&elements, base + field->offset, sizeof(elements));
        if (n > 0 && !elements)
                return err_set(e, ERR_BAD_DATA, 0, "%s: a list without elements", field->name);
        for (size_t i = 0; i < n; i++) {
                struct json_object *value;

                if (from_value(field, elements + i * element_size(field->type), defaults, &value,
                               e) < 0)
                        return -1;
                json_object_array_add(list, value);
        }
        *ret = TAKE_PTR(list);
        return 0;
}

/* Whether the field has a value to show. */
static bool present(const ProtobufCFieldDescriptor *field, const uint8_t *base, bool defaults)
{
        const uint8_t *at = base + field->offset;
        uint32_t which;
        size_t n;

        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
                memcpy(&n, base + field->quantifier_offset, sizeof(n));
                return n > 0 || defaults;
        }
        if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
                memcpy(&which, base + field->quantifier_offset, sizeof(which));
                return which == field->id;
        }
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
                return !is_default(field, at);
        return defaults || !is_default(field, at);
}

int grpc_json_encode(const ProtobufCMessage *m, bool defaults, struct json_object **ret,
                     struct err *e)
{
        AUTO_JSON struct json_object *o = json_object_new_object();
        const uint8_t *base = (const uint8_t *)m;

        for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
                const ProtobufCFieldDescriptor *field = &m->descriptor->fields[i];
                AUTO(buf_done) struct buf name = BUF_NULL(1024);
                struct json_object *value;
                int r;

                if (!present(field, base, defaults))
                        continue;
                r = field->label == PROTOBUF_C_LABEL_REPEATED
                            ? from_list(field, base, defaults, &value, e)
                            : from_value(field, base + field->offset, defaults, &value, e);
                if (r < 0)
                        return -1;
                if (grpc_json_name(field->name, &name) < 0) {
                        json_object_put(value);
                        return err_set(e, ERR_INTERNAL, 0, "%s: the name is too long", field->name);
                }
                json_object_object_add(o, buf_str(&name), value);
        }
        *ret = TAKE_PTR(o);
        return 0;
}
