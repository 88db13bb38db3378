/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FileDescriptorSets that are part of the program, asked by name. Nothing is copied or decoded: a
 * file is a piece of the set, and a question walks its bytes. What is malformed is not found.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a descriptor; not terminated when they are text. */
struct grpc_span {
        const uint8_t *p;
        size_t len;
};

struct grpc_descriptor_file {
        struct grpc_span data; /* FileDescriptorProto */
        struct grpc_span name, package;
};

struct grpc_descriptors {
        struct grpc_descriptor_file *files; /* owned; what they point at is borrowed */
        size_t n_files;
        size_t cap;
};

/* The files of @set, but those of a name that is known already. @set is borrowed for the life of @d. */
void grpc_descriptors_add(struct grpc_descriptors *d, const void *set, size_t len);
void grpc_descriptors_done(struct grpc_descriptors *d);

/* All return the index of a file, or -1. Names are exact: "pkg/file.proto", "pkg.Service.Method". */
int grpc_descriptors_by_name(const struct grpc_descriptors *d, struct grpc_span name);
/*
 * The file that declares a message, field, oneof, enum, value, service, method or extension. The
 * values of an enum are its siblings, as in C++ ("pkg.Message.VALUE").
 */
int grpc_descriptors_by_symbol(const struct grpc_descriptors *d, const char *symbol);
/* The file that declares the extension of message @type with this number. */
int grpc_descriptors_by_extension(const struct grpc_descriptors *d, const char *type,
                                  int32_t number);
/*
 * The numbers of the extensions of @type, all of them: returns how many, writes at most @max. Use 0
 * and NULL to count.
 */
size_t grpc_descriptors_extensions(const struct grpc_descriptors *d, const char *type, int32_t *ret,
                                   size_t max);
/*
 * @file and all it imports, directly or not, @file first. @ret has room for d->n_files. Returns how
 * many.
 */
size_t grpc_descriptors_closure(const struct grpc_descriptors *d, int file, struct grpc_span *ret);
