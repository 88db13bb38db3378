/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field numbers are those of google/protobuf/descriptor.proto. A symbol is looked for scope by
 * scope, so that only what its first words lead to is walked.
 */
#include "grpc/descriptor.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

enum {
        SET_FILE = 1,
        FILE_NAME = 1,
        FILE_PACKAGE = 2,
        FILE_DEPENDENCY = 3,
        FILE_MESSAGE = 4,
        FILE_ENUM = 5,
        FILE_SERVICE = 6,
        FILE_EXTENSION = 7,
        ANY_NAME = 1, /* of messages, fields, enums, values, services, methods, oneofs */
        MESSAGE_FIELD = 2,
        MESSAGE_NESTED = 3,
        MESSAGE_ENUM = 4,
        MESSAGE_EXTENSION = 6,
        MESSAGE_ONEOF = 8,
        ENUM_VALUE = 2,
        SERVICE_METHOD = 2,
        FIELD_EXTENDEE = 2,
        FIELD_NUMBER = 3,
};

struct field {
        uint32_t number;
        uint64_t value;       /* of a varint */
        struct grpc_span sub; /* of the length-delimited */
};

static bool take_varint(struct grpc_span *s, uint64_t *ret)
{
        uint64_t v = 0;

        for (unsigned i = 0; i < 10 && i < s->len; i++) {
                v |= (uint64_t)(s->p[i] & 0x7f) << (7 * i);
                if (s->p[i] & 0x80)
                        continue;
                s->p += i + 1;
                s->len -= i + 1;
                *ret = v;
                return true;
        }
        return false;
}

/* The next field of a message; false at its end. */
static bool next_field(struct grpc_span *s, struct field *ret)
{
        uint64_t tag, len;

        if (!take_varint(s, &tag) || tag >> 32)
                return false;
        *ret = (struct field){ .number = (uint32_t)tag >> 3 };
        switch (tag & 7) { /* descriptors have no other wire types */
        case 0:
                return take_varint(s, &ret->value);
        case 2:
                if (!take_varint(s, &len) || len > s->len)
                        return false;
                ret->sub = (struct grpc_span){ s->p, (size_t)len };
                s->p += len;
                s->len -= (size_t)len;
                return true;
        default:
                return false;
        }
}

/* The first field of this number; empty when there is none. */
static struct grpc_span sub_of(struct grpc_span message, uint32_t number)
{
        struct field f;

        while (next_field(&message, &f))
                if (f.number == number)
                        return f.sub;
        return (struct grpc_span){ 0 };
}

static bool equal(struct grpc_span a, struct grpc_span b)
{
        return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static struct grpc_span span_of(const char *text)
{
        return (struct grpc_span){ (const uint8_t *)text, strlen(text) };
}

/* Strips "@scope." from @name; false when it does not begin so. */
static bool enter(struct grpc_span *name, struct grpc_span scope)
{
        if (scope.len == 0 || name->len <= scope.len || name->p[scope.len] != '.' ||
            memcmp(name->p, scope.p, scope.len) != 0)
                return false;
        name->p += scope.len + 1;
        name->len -= scope.len + 1;
        return true;
}

static bool is_named(struct grpc_span thing, struct grpc_span name)
{
        return equal(sub_of(thing, ANY_NAME), name);
}

/* One of the things in fields @number of @parent is called @name. */
static bool has_child(struct grpc_span parent, uint32_t number, struct grpc_span name)
{
        struct field f;

        while (next_field(&parent, &f))
                if (f.number == number && is_named(f.sub, name))
                        return true;
        return false;
}

static bool enum_declares(struct grpc_span e, struct grpc_span name)
{
        return is_named(e, name) || has_child(e, ENUM_VALUE, name);
}

static bool service_declares(struct grpc_span service, struct grpc_span name)
{
        return is_named(service, name) || (enter(&name, sub_of(service, ANY_NAME)) &&
                                           has_child(service, SERVICE_METHOD, name));
}

static bool message_declares(struct grpc_span message, struct grpc_span name)
{
        struct field f;

        if (is_named(message, name))
                return true;
        if (!enter(&name, sub_of(message, ANY_NAME)))
                return false;
        while (next_field(&message, &f)) {
                bool found = false;

                if (f.number == MESSAGE_FIELD || f.number == MESSAGE_EXTENSION ||
                    f.number == MESSAGE_ONEOF)
                        found = is_named(f.sub, name);
                else if (f.number == MESSAGE_NESTED)
                        found = message_declares(f.sub, name);
                else if (f.number == MESSAGE_ENUM)
                        found = enum_declares(f.sub, name);
                if (found)
                        return true;
        }
        return false;
}

static bool file_declares(const struct grpc_descriptor_file *file, struct grpc_span name)
{
        struct grpc_span rest = file->data;
        struct field f;

        if (file->package.len > 0 && !enter(&name, file->package))
                return false;
        while (next_field(&rest, &f)) {
                bool found = false;

                if (f.number == FILE_MESSAGE)
                        found = message_declares(f.sub, name);
                else if (f.number == FILE_ENUM)
                        found = enum_declares(f.sub, name);
                else if (f.number == FILE_SERVICE)
                        found = service_declares(f.sub, name);
                else if (f.number == FILE_EXTENSION)
                        found = is_named(f.sub, name);
                if (found)
                        return true;
        }
        return false;
}

void grpc_descriptors_add(struct grpc_descriptors *d, const void *set, size_t len)
{
        struct grpc_span rest = { set, len };
        struct field f;

        while (next_field(&rest, &f)) {
                struct grpc_span name = sub_of(f.sub, FILE_NAME);

                if (f.number != SET_FILE || grpc_descriptors_by_name(d, name) >= 0)
                        continue;
                ARRAY_GROW(d->files, d->n_files, d->cap);
                d->files[d->n_files++] = (struct grpc_descriptor_file){
                        .data = f.sub, .name = name, .package = sub_of(f.sub, FILE_PACKAGE)
                };
        }
}

void grpc_descriptors_done(struct grpc_descriptors *d)
{
        free(d->files);
        *d = (struct grpc_descriptors){ 0 };
}

int grpc_descriptors_by_name(const struct grpc_descriptors *d, struct grpc_span name)
{
        for (size_t i = 0; i < d->n_files; i++)
                if (equal(d->files[i].name, name))
                        return (int)i;
        return -1;
}

int grpc_descriptors_by_symbol(const struct grpc_descriptors *d, const char *symbol)
{
        for (size_t i = 0; i < d->n_files; i++)
                if (file_declares(&d->files[i], span_of(symbol)))
                        return (int)i;
        return -1;
}

struct extensions {
        struct grpc_span type;
        int32_t *numbers;
        size_t n, max;
};

static void note_extension(struct extensions *x, struct grpc_span field)
{
        struct grpc_span extendee = { 0 };
        int32_t number = 0;
        struct field f;

        while (next_field(&field, &f)) {
                if (f.number == FIELD_EXTENDEE)
                        extendee = f.sub; /* ".pkg.Type" */
                else if (f.number == FIELD_NUMBER)
                        number = (int32_t)f.value;
        }
        if (extendee.len == 0 ||
            !equal((struct grpc_span){ extendee.p + 1, extendee.len - 1 }, x->type))
                return;
        if (x->n < x->max)
                x->numbers[x->n] = number;
        x->n++;
}

/* @nested, @extension: where a file or message has its messages and extensions. */
static void find_extensions(struct extensions *x, struct grpc_span scope, uint32_t nested,
                            uint32_t extension)
{
        struct field f;

        while (next_field(&scope, &f)) {
                if (f.number == extension)
                        note_extension(x, f.sub);
                else if (f.number == nested)
                        find_extensions(x, f.sub, MESSAGE_NESTED, MESSAGE_EXTENSION);
        }
}

size_t grpc_descriptors_extensions(const struct grpc_descriptors *d, const char *type, int32_t *ret,
                                   size_t max)
{
        struct extensions x = { span_of(type), ret, 0, max };

        for (size_t i = 0; i < d->n_files; i++)
                find_extensions(&x, d->files[i].data, FILE_MESSAGE, FILE_EXTENSION);
        return x.n;
}

int grpc_descriptors_by_extension(const struct grpc_descriptors *d, const char *type,
                                  int32_t number)
{
        for (size_t i = 0; i < d->n_files; i++) {
                struct grpc_descriptors one = { &d->files[i], 1, 1 };
                size_t n = grpc_descriptors_extensions(&one, type, NULL, 0);
                int32_t *numbers = xreallocarray(NULL, n + 1, sizeof(*numbers));
                bool found = false;

                (void)grpc_descriptors_extensions(&one, type, numbers, n);
                for (size_t k = 0; k < n; k++)
                        found = found || numbers[k] == number;
                free(numbers);
                if (found)
                        return (int)i;
        }
        return -1;
}

static bool holds(const struct grpc_span *list, size_t n, struct grpc_span one)
{
        for (size_t i = 0; i < n; i++)
                if (list[i].p == one.p)
                        return true;
        return false;
}

size_t grpc_descriptors_closure(const struct grpc_descriptors *d, int file, struct grpc_span *ret)
{
        size_t n = 1;

        ret[0] = d->files[file].data;
        for (size_t i = 0; i < n; i++) {
                struct grpc_span rest = ret[i];
                struct field f;

                while (next_field(&rest, &f)) {
                        int import = f.number == FILE_DEPENDENCY
                                             ? grpc_descriptors_by_name(d, f.sub)
                                             : -1;

                        if (import >= 0 && !holds(ret, n, d->files[import].data))
                                ret[n++] = d->files[import].data;
                }
        }
        return n;
}
