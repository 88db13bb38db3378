/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a document by its places: each value knows the way to it, so that every error can name
 * it. A place lives on the reader's stack and points at its parent. Functions return 1 when the
 * value is there, 0 when it is absent or null, -1 with e when it breaks the format; *ret is
 * written for 1 only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "appc/kv.h"
#include "util/err.h"
#include "util/json.h"
#include "util/strv.h"

struct doc {
        struct json_object *o; /* borrowed from the whole document */
        const struct doc *up;  /* NULL: the document itself */
        const char *key;       /* the member's name; NULL: an element of an array */
        size_t index;          /* of the element */
};

/* "apps[2].app.ports[0].port: <fmt>"; returns -1. */
int doc_err(const struct doc *d, struct err *e, enum err_kind kind, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
/* The same for member @key of @d, present or not. */
int doc_err_at(const struct doc *d, const char *key, struct err *e, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/* 0 or -1: the value of @d must be of this type. */
int doc_expect(const struct doc *d, enum json_type type, struct err *e);

int doc_object(const struct doc *d, const char *key, struct doc *ret, struct err *e);
int doc_array(const struct doc *d, const char *key, size_t max, struct doc *ret, struct err *e);
size_t doc_len(const struct doc *array);
struct doc doc_item(const struct doc *array, size_t i);

int doc_string(const struct doc *d, const char *key, const char **ret, struct err *e);
int doc_bool(const struct doc *d, const char *key, bool *ret, struct err *e);
int doc_int(const struct doc *d, const char *key, int64_t min, int64_t max, int64_t *ret,
            struct err *e);
/* The value of @d itself, 0 or -1. Borrowed. */
int doc_text(const struct doc *d, const char **ret, struct err *e);

/* A check of a string and what to say when it fails: "is not an AC Name". */
struct doc_rule {
        bool (*fits)(const char *s);
        const char *complaint;
};
extern const struct doc_rule doc_identifier, doc_name, doc_env_name, doc_image_id, doc_abs_path,
        doc_not_empty, doc_anything;

/*
 * A member that must be there (0 or -1) or may be (1, 0 or -1; *ret is NULL for 0); *ret becomes
 * the caller's copy.
 */
int doc_dup(const struct doc *d, const char *key, const struct doc_rule *rule, char **ret,
            struct err *e);
int doc_dup_opt(const struct doc *d, const char *key, const struct doc_rule *rule, char **ret,
                struct err *e);

/* 0 or -1; absent and null are empty. What was read is appended to @ret, also before a failure. */
int doc_strv(const struct doc *d, const char *key, const struct doc_rule *rule, struct strv *ret,
             struct err *e);
int doc_strv_max(const struct doc *d, const char *key, const struct doc_rule *rule, size_t max,
                 struct strv *ret, struct err *e);
/* [{"name", "value"}], names unique; a missing value is "". */
int doc_kv(const struct doc *d, const char *key, const struct doc_rule *names, size_t max,
           struct kv_list *ret, struct err *e);
/* {"name": "value"} */
int doc_map(const struct doc *d, const char *key, struct kv_list *ret, struct err *e);
/* 0, or -1 naming the first string that stands twice in @v. @array: of @n items, for the path. */
int doc_unique(const struct doc *array, const char *const *v, size_t n, struct err *e);
