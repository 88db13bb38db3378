/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON becomes wire bytes first, and those a message: protobuf-c then does all the building in
 * memory, lists and oneofs included, as it does for every message from outside.
 */
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "grpc/base64.h"
#include "grpc/json.h"
#include "grpc/wire_check.h"
#include "util/auto.h"
#include "util/json.h"
#include "util/limits.h"
#include "util/parse.h"

struct decoder {
        struct buf path; /* of the value being decoded, for errors */
        struct err *e;
};

static int fail(struct decoder *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct decoder *d, const char *fmt, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        if (d->path.len == 0)
                return err_set(d->e, ERR_BAD_DATA, 0, "%s", text);
        return err_set(d->e, ERR_BAD_DATA, 0, "%s: %s", buf_str(&d->path), text);
}

static int check_room(struct decoder *d, int r)
{
        return r < 0 ? err_set(d->e, ERR_LIMIT, 0, "the message is over the limit of %u bytes",
                               LIMIT_GRPC_MESSAGE_BYTES)
                     : 0;
}

static int put_varint(struct decoder *d, uint64_t v, struct buf *out)
{
        uint8_t bytes[10];
        size_t n = 0;

        for (; v >= 0x80; v >>= 7)
                bytes[n++] = (uint8_t)(v | 0x80);
        bytes[n++] = (uint8_t)v;
        return check_room(d, buf_append(out, bytes, n));
}

static int put_fixed(struct decoder *d, uint64_t v, size_t width, struct buf *out)
{
        uint8_t bytes[8];

        for (size_t i = 0; i < width; i++)
                bytes[i] = (uint8_t)(v >> (8 * i));
        return check_room(d, buf_append(out, bytes, width));
}

static int put_block(struct decoder *d, const void *data, size_t len, struct buf *out)
{
        if (put_varint(d, len, out) < 0)
                return -1;
        return check_room(d, buf_append(out, data, len));
}

/* An integer as number or as string; "1.0" and 1e3 are integers too. */
static int get_int(struct decoder *d, struct json_object *o, int64_t min, int64_t max, int64_t *ret)
{
        const char *text;
        double real = 0;
        int r;

        if (json_object_is_type(o, json_type_double)) {
                real = json_object_get_double(o);
                if (!(real >= -0x1p62 && real <= 0x1p62) || real != floor(real))
                        return fail(d, "%s is no integer of this size", json_object_get_string(o));
                *ret = (int64_t)real;
                if (*ret < min || *ret > max)
                        return fail(d, "%s is out of range", json_object_get_string(o));
                return 0;
        }
        if (!json_object_is_type(o, json_type_int) && !json_object_is_type(o, json_type_string))
                return fail(d, "expected an integer, found %s",
                            json_type_to_name(json_object_get_type(o)));
        text = json_object_get_string(o); /* of a number: its digits, however large */
        r = parse_i64(text, min, max, ret);
        if (r == -ERANGE)
                return fail(d, "%s is out of range", text);
        return r < 0 ? fail(d, "\"%s\" is no integer", text) : 0;
}

static int get_uint(struct decoder *d, struct json_object *o, uint64_t max, uint64_t *ret)
{
        const char *text = json_object_get_string(o);
        int64_t n;
        int r;

        if (json_object_is_type(o, json_type_int) || json_object_is_type(o, json_type_string)) {
                r = parse_u64(text, 0, max, ret);
                if (r == -ERANGE)
                        return fail(d, "%s is out of range", text);
                if (r == 0)
                        return 0;
        }
        if (get_int(d, o, 0, max > INT64_MAX ? INT64_MAX : (int64_t)max, &n) < 0)
                return -1;
        *ret = (uint64_t)n;
        return 0;
}

static int get_enum(struct decoder *d, const ProtobufCEnumDescriptor *type, struct json_object *o,
                    int64_t *ret)
{
        const ProtobufCEnumValue *value;

        if (!json_object_is_type(o, json_type_string))
                return get_int(d, o, INT32_MIN, INT32_MAX, ret);
        value = protobuf_c_enum_descriptor_get_value_by_name(type, json_object_get_string(o));
        if (!value)
                return fail(d, "unknown value \"%s\" of %s", json_object_get_string(o),
                            type->short_name);
        *ret = value->value;
        return 0;
}

static int get_double(struct decoder *d, struct json_object *o, double *ret)
{
        const char *text = json_object_get_string(o);

        if (json_object_is_type(o, json_type_double) || json_object_is_type(o, json_type_int)) {
                *ret = json_object_get_double(o);
                return 0;
        }
        if (!json_object_is_type(o, json_type_string))
                return fail(d, "expected a number, found %s",
                            json_type_to_name(json_object_get_type(o)));
        if (strcmp(text, "NaN") == 0)
                *ret = NAN;
        else if (strcmp(text, "Infinity") == 0)
                *ret = INFINITY;
        else if (strcmp(text, "-Infinity") == 0)
                *ret = -INFINITY;
        else
                return fail(d, "\"%s\" is no number", text);
        return 0;
}

static uint64_t zigzag(int64_t n)
{
        return ((uint64_t)n << 1) ^ (n < 0 ? UINT64_MAX : 0);
}

static int put_real(struct decoder *d, ProtobufCType type, struct json_object *o, struct buf *out)
{
        double real = 0;
        float single;
        uint64_t bits = 0;
        uint32_t bits32;

        if (get_double(d, o, &real) < 0)
                return -1;
        if (type == PROTOBUF_C_TYPE_DOUBLE) {
                memcpy(&bits, &real, sizeof(bits));
                return put_fixed(d, bits, 8, out);
        }
        single = (float)real;
        memcpy(&bits32, &single, sizeof(bits32));
        return put_fixed(d, bits32, 4, out);
}

static int put_text(struct decoder *d, ProtobufCType type, struct json_object *o, struct buf *out)
{
        AUTO(buf_done) struct buf bytes = BUF_NULL(LIMIT_GRPC_MESSAGE_BYTES);
        const char *text;
        size_t len;
        int r;

        if (!json_object_is_type(o, json_type_string))
                return fail(d, "expected a string, found %s",
                            json_type_to_name(json_object_get_type(o)));
        text = json_object_get_string(o);
        len = (size_t)json_object_get_string_len(o);
        if (type == PROTOBUF_C_TYPE_STRING) {
                if (memchr(text, '\0', len))
                        return fail(d, "NUL character in a string");
                return put_block(d, text, len, out);
        }
        r = base64_decode(text, len, &bytes);
        if (r == -EINVAL)
                return fail(d, "not base64");
        if (r < 0)
                return check_room(d, r);
        return put_block(d, buf_str(&bytes), bytes.len, out);
}

static int put_message(struct decoder *d, const ProtobufCMessageDescriptor *type,
                       struct json_object *o, struct buf *out);

enum int_form { FORM_NONE, FORM_VARINT, FORM_ZIGZAG, FORM_FIXED32, FORM_FIXED64 };

/* Unsigned types have unsigned_max, the others min and max. */
static const struct int_type {
        enum int_form form;
        int64_t min, max;
        uint64_t unsigned_max;
} int_types[PROTOBUF_C_TYPE_MESSAGE + 1] = {
        [PROTOBUF_C_TYPE_INT32] = { FORM_VARINT, INT32_MIN, INT32_MAX, 0 },
        [PROTOBUF_C_TYPE_SINT32] = { FORM_ZIGZAG, INT32_MIN, INT32_MAX, 0 },
        [PROTOBUF_C_TYPE_SFIXED32] = { FORM_FIXED32, INT32_MIN, INT32_MAX, 0 },
        [PROTOBUF_C_TYPE_INT64] = { FORM_VARINT, INT64_MIN, INT64_MAX, 0 },
        [PROTOBUF_C_TYPE_SINT64] = { FORM_ZIGZAG, INT64_MIN, INT64_MAX, 0 },
        [PROTOBUF_C_TYPE_SFIXED64] = { FORM_FIXED64, INT64_MIN, INT64_MAX, 0 },
        [PROTOBUF_C_TYPE_UINT32] = { FORM_VARINT, 0, 0, UINT32_MAX },
        [PROTOBUF_C_TYPE_FIXED32] = { FORM_FIXED32, 0, 0, UINT32_MAX },
        [PROTOBUF_C_TYPE_UINT64] = { FORM_VARINT, 0, 0, UINT64_MAX },
        [PROTOBUF_C_TYPE_FIXED64] = { FORM_FIXED64, 0, 0, UINT64_MAX },
};

static int put_integer(struct decoder *d, const struct int_type *type, struct json_object *o,
                       struct buf *out)
{
        uint64_t bits;
        int64_t n;

        if (type->unsigned_max > 0) {
                if (get_uint(d, o, type->unsigned_max, &bits) < 0)
                        return -1;
        } else {
                if (get_int(d, o, type->min, type->max, &n) < 0)
                        return -1;
                bits = type->form == FORM_ZIGZAG ? zigzag(n) : (uint64_t)n;
        }
        if (type->form == FORM_FIXED32 || type->form == FORM_FIXED64)
                return put_fixed(d, bits, type->form == FORM_FIXED32 ? 4 : 8, out);
        return put_varint(d, bits, out);
}

static int put_value(struct decoder *d, const ProtobufCFieldDescriptor *field,
                     struct json_object *o, struct buf *out)
{
        int64_t n;

        if (int_types[field->type].form != FORM_NONE)
                return put_integer(d, &int_types[field->type], o, out);
        if (field->type == PROTOBUF_C_TYPE_FLOAT || field->type == PROTOBUF_C_TYPE_DOUBLE)
                return put_real(d, field->type, o, out);
        if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES)
                return put_text(d, field->type, o, out);
        if (field->type == PROTOBUF_C_TYPE_ENUM) {
                if (get_enum(d, field->descriptor, o, &n) < 0)
                        return -1;
                return put_varint(d, (uint64_t)n, out);
        }
        if (field->type == PROTOBUF_C_TYPE_BOOL) {
                if (!json_object_is_type(o, json_type_boolean))
                        return fail(d, "expected true or false, found %s",
                                    json_type_to_name(json_object_get_type(o)));
                return put_varint(d, json_object_get_boolean(o) ? 1 : 0, out);
        }
        return put_message(d, field->descriptor, o, out);
}

static unsigned wire_type(ProtobufCType type)
{
        if (type == PROTOBUF_C_TYPE_FLOAT || int_types[type].form == FORM_FIXED32)
                return 5;
        if (type == PROTOBUF_C_TYPE_DOUBLE || int_types[type].form == FORM_FIXED64)
                return 1;
        if (type == PROTOBUF_C_TYPE_STRING || type == PROTOBUF_C_TYPE_BYTES ||
            type == PROTOBUF_C_TYPE_MESSAGE)
                return 2;
        return 0;
}

/* Tag and value. Lists are written unpacked, which every decoder takes. */
static int put_field(struct decoder *d, const ProtobufCFieldDescriptor *field,
                     struct json_object *o, struct buf *out)
{
        size_t path_len = d->path.len;
        uint64_t tag = (uint64_t)field->id << 3 | wire_type(field->type);

        if (field->label != PROTOBUF_C_LABEL_REPEATED)
                return put_varint(d, tag, out) < 0 ? -1 : put_value(d, field, o, out);
        if (!json_object_is_type(o, json_type_array))
                return fail(d, "expected a list, found %s",
                            json_type_to_name(json_object_get_type(o)));
        for (size_t i = 0; i < json_object_array_length(o); i++) {
                (void)buf_printf(&d->path, "[%zu]", i);
                if (put_varint(d, tag, out) < 0 ||
                    put_value(d, field, json_object_array_get_idx(o, i), out) < 0)
                        return -1;
                d->path.len = path_len;
        }
        return 0;
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type,
                                                  const char *name)
{
        for (unsigned i = 0; i < type->n_fields; i++) {
                AUTO(buf_done) struct buf json_name = BUF_NULL(1024);

                if (strcmp(type->fields[i].name, name) == 0)
                        return &type->fields[i];
                if (grpc_json_name(type->fields[i].name, &json_name) == 0 &&
                    strcmp(buf_str(&json_name), name) == 0)
                        return &type->fields[i];
        }
        return NULL;
}

/* The fields of @type, without a length in front. */
static int put_fields(struct decoder *d, const ProtobufCMessageDescriptor *type,
                      struct json_object *o, struct buf *out)
{
        size_t path_len = d->path.len;

        if (!json_object_is_type(o, json_type_object))
                return fail(d, "expected an object (%s), found %s", type->short_name,
                            json_type_to_name(json_object_get_type(o)));
        json_object_object_foreach (o, key, value) {
                const ProtobufCFieldDescriptor *field = find_field(type, key);

                if (!field)
                        return fail(d, "%s has no field \"%s\"", type->short_name, key);
                (void)buf_printf(&d->path, "%s%s", path_len > 0 ? "." : "", key);
                if (value && put_field(d, field, value, out) < 0)
                        return -1;
                d->path.len = path_len;
        }
        return 0;
}

static int put_message(struct decoder *d, const ProtobufCMessageDescriptor *type,
                       struct json_object *o, struct buf *out)
{
        AUTO(buf_done) struct buf fields = BUF_NULL(LIMIT_GRPC_MESSAGE_BYTES);

        if (put_fields(d, type, o, &fields) < 0)
                return -1;
        return put_block(d, buf_str(&fields), fields.len, out);
}

int grpc_json_decode(const ProtobufCMessageDescriptor *type, struct json_object *o,
                     ProtobufCMessage **ret, struct err *e)
{
        AUTO(buf_done) struct buf wire = BUF_NULL(LIMIT_GRPC_MESSAGE_BYTES);
        struct decoder d = { .path = BUF_NULL(256), .e = e };
        int r = put_fields(&d, type, o, &wire);

        buf_done(&d.path);
        if (r < 0)
                return -1;
        return grpc_wire_unpack(type, buf_str(&wire), wire.len, LIMIT_GRPC_MESSAGE_BYTES, ret, e);
}
