/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON in and out, on json-c. Reading is strict and bounded: UTF-8 checked, depth limited, no trailing
 * bytes, no duplicate surprise (the last one wins, as in Go). Getters name the path in their errors.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/auto.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/strv.h"

enum { JSON_DEPTH_MAX = 64 };

#define AUTO_JSON AUTO(json_putp)
static inline void json_putp(struct json_object **o)
{
        if (*o)
                json_object_put(*o);
}

/* Errors: ERR_BAD_DATA (with byte offset), ERR_LIMIT when @len is over @max. @ret: release with json_object_put. */
int json_parse(const void *data, size_t len, size_t max, struct json_object **ret, struct err *e);

/*
 * Getters for an object's member. @o must be an object (ERR_BAD_DATA otherwise). Absent and null members
 * yield the "nothing" value and success for the _opt forms, ERR_BAD_DATA for the others. A member of
 * another type is always ERR_BAD_DATA. Strings with an embedded NUL are refused. Results are borrowed from @o.
 */
int json_get_string(struct json_object *o, const char *key, const char **ret, struct err *e);
int json_get_string_opt(struct json_object *o, const char *key, const char **ret,
                        struct err *e); /* NULL */
int json_get_bool_opt(struct json_object *o, const char *key, bool *ret,
                      struct err *e); /* keeps *ret */
int json_get_int_opt(struct json_object *o, const char *key, int64_t min, int64_t max, int64_t *ret,
                     struct err *e); /* keeps *ret */
int json_get_object_opt(struct json_object *o, const char *key, struct json_object **ret,
                        struct err *e);
int json_get_array_opt(struct json_object *o, const char *key, size_t max, struct json_object **ret,
                       struct err *e); /* NULL; ERR_LIMIT over @max elements */
/* An array of strings appended to @ret; absent adds nothing. */
int json_get_strings_opt(struct json_object *o, const char *key, size_t max, struct strv *ret,
                         struct err *e);
/* The string value of any json node; ERR_BAD_DATA names @what. */
int json_string_value(struct json_object *o, const char *what, const char **ret, struct err *e);

/* Building: json_object_object_add and friends of json-c, and these. A NULL @value adds nothing. */
void json_add_string(struct json_object *o, const char *key, const char *value);
void json_add_int(struct json_object *o, const char *key, int64_t value);
void json_add_bool(struct json_object *o, const char *key, bool value);
struct json_object *json_add_object(struct json_object *o, const char *key); /* borrowed from @o */
struct json_object *json_add_array(struct json_object *o, const char *key);  /* borrowed from @o */
void json_append_string(struct json_object *array, const char *value);

/*
 * Text as Go's encoding/json writes it, since rkt's users and clients compare it: members in insertion
 * order, <, >, & and U+2028/9 escaped as \u003c ..., no blanks; with @pretty tab-indented, ": " after keys,
 * and no newline at the end. -ENOBUFS when @out is full.
 */
int json_print(struct json_object *o, bool pretty, struct buf *out);
