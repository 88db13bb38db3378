/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appc/doc_priv.h"
#include "appc/names.h"
#include "util/buf.h"
#include "util/limits.h"
#include "util/mem.h"

enum { PATH_TEXT_MAX = 512 };

static bool is_abs_path(const char *s)
{
        return s[0] == '/';
}

static bool is_not_empty(const char *s)
{
        return s[0] != '\0';
}

static bool is_anything(const char *s)
{
        (void)s;
        return true;
}

const struct doc_rule doc_identifier = { appc_identifier_is_valid, "is not an AC Identifier" };
const struct doc_rule doc_name = { appc_name_is_valid, "is not an AC Name" };
const struct doc_rule doc_env_name = { appc_env_name_is_valid,
                                       "is no name of an environment variable" };
const struct doc_rule doc_image_id = { appc_image_id_is_valid, "is not an image id (sha512-...)" };
const struct doc_rule doc_abs_path = { is_abs_path, "is not an absolute path" };
const struct doc_rule doc_not_empty = { is_not_empty, "must not be empty" };
const struct doc_rule doc_anything = { is_anything, "" };

/* Keys of maps come from the document: cut, so that the complaint after the path survives. */
static void put_path(const struct doc *d, struct buf *out)
{
        if (!d->up)
                return;
        put_path(d->up, out);
        if (d->key)
                (void)buf_printf(out, "%s%.80s", out->len > 0 ? "." : "", d->key);
        else
                (void)buf_printf(out, "[%zu]", d->index);
}

static int complain(const struct doc *d, enum err_kind kind, struct err *e, const char *fmt,
                    va_list ap) __attribute__((format(printf, 4, 0)));
static int complain(const struct doc *d, enum err_kind kind, struct err *e, const char *fmt,
                    va_list ap)
{
        struct buf path = BUF_NULL(PATH_TEXT_MAX);
        char text[256];

        put_path(d, &path);
        (void)vsnprintf(text, sizeof(text), fmt, ap);
        (void)err_set(e, kind, 0, "%s%s%s", buf_str(&path), path.len > 0 ? ": " : "", text);
        buf_done(&path);
        return -1;
}

int doc_err(const struct doc *d, struct err *e, enum err_kind kind, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        (void)complain(d, kind, e, fmt, ap);
        va_end(ap);
        return -1;
}

int doc_err_at(const struct doc *d, const char *key, struct err *e, const char *fmt, ...)
{
        struct doc at = { .up = d, .key = key };
        va_list ap;

        va_start(ap, fmt);
        (void)complain(&at, ERR_BAD_DATA, e, fmt, ap);
        va_end(ap);
        return -1;
}

static const char *type_name(enum json_type type)
{
        switch (type) {
        case json_type_null:
                return "null";
        case json_type_boolean:
                return "a boolean";
        case json_type_double:
                return "a fraction";
        case json_type_int:
                return "an integer";
        case json_type_object:
                return "an object";
        case json_type_array:
                return "an array";
        case json_type_string:
                return "a string";
        }
        return "unknown";
}

int doc_expect(const struct doc *d, enum json_type type, struct err *e)
{
        if (json_object_is_type(d->o, type))
                return 0;
        return doc_err(d, e, ERR_BAD_DATA, "must be %s, not %s", type_name(type),
                       type_name(json_object_get_type(d->o)));
}

/* @d is an object: every caller came here through doc_object or doc_expect. */
static int member(const struct doc *d, const char *key, enum json_type type, struct doc *ret,
                  struct err *e)
{
        struct doc at = { .up = d, .key = key };

        if (!json_object_object_get_ex(d->o, key, &at.o) || !at.o)
                return 0;
        if (doc_expect(&at, type, e) < 0)
                return -1;
        *ret = at;
        return 1;
}

int doc_object(const struct doc *d, const char *key, struct doc *ret, struct err *e)
{
        return member(d, key, json_type_object, ret, e);
}

int doc_array(const struct doc *d, const char *key, size_t max, struct doc *ret, struct err *e)
{
        struct doc at;
        int r = member(d, key, json_type_array, &at, e);

        if (r <= 0)
                return r;
        if (doc_len(&at) > max)
                return doc_err(&at, e, ERR_LIMIT, "%zu elements are over the limit of %zu",
                               doc_len(&at), max);
        *ret = at;
        return 1;
}

size_t doc_len(const struct doc *array)
{
        return json_object_array_length(array->o);
}

struct doc doc_item(const struct doc *array, size_t i)
{
        return (struct doc){ .o = json_object_array_get_idx(array->o, i), .up = array, .index = i };
}

int doc_text(const struct doc *d, const char **ret, struct err *e)
{
        const char *s;

        if (doc_expect(d, json_type_string, e) < 0)
                return -1;
        s = json_object_get_string(d->o);
        if (strlen(s) != (size_t)json_object_get_string_len(d->o))
                return doc_err(d, e, ERR_BAD_DATA, "holds a NUL character");
        *ret = s;
        return 0;
}

int doc_string(const struct doc *d, const char *key, const char **ret, struct err *e)
{
        struct doc at;
        int r = member(d, key, json_type_string, &at, e);

        if (r <= 0)
                return r;
        return doc_text(&at, ret, e) < 0 ? -1 : 1;
}

int doc_bool(const struct doc *d, const char *key, bool *ret, struct err *e)
{
        struct doc at;
        int r = member(d, key, json_type_boolean, &at, e);

        if (r > 0)
                *ret = json_object_get_boolean(at.o);
        return r;
}

int doc_int(const struct doc *d, const char *key, int64_t min, int64_t max, int64_t *ret,
            struct err *e)
{
        struct doc at;
        int64_t v;
        int r = member(d, key, json_type_int, &at, e);

        if (r <= 0)
                return r;
        v = json_object_get_int64(at.o);
        if (v < min || v > max)
                return doc_err(&at, e, ERR_BAD_DATA, "%lld is outside %lld to %lld", (long long)v,
                               (long long)min, (long long)max);
        *ret = v;
        return 1;
}

static int check(const struct doc *d, const char *s, const struct doc_rule *rule, struct err *e)
{
        if (rule->fits(s))
                return 0;
        return doc_err(d, e, ERR_BAD_DATA, "\"%.80s\" %s", s, rule->complaint);
}

int doc_dup_opt(const struct doc *d, const char *key, const struct doc_rule *rule, char **ret,
                struct err *e)
{
        struct doc at = { .up = d, .key = key };
        const char *s;
        int r = doc_string(d, key, &s, e);

        if (r <= 0) {
                *ret = r == 0 ? NULL : *ret;
                return r;
        }
        if (check(&at, s, rule, e) < 0)
                return -1;
        *ret = xstrdup(s);
        return 1;
}

int doc_dup(const struct doc *d, const char *key, const struct doc_rule *rule, char **ret,
            struct err *e)
{
        int r = doc_dup_opt(d, key, rule, ret, e);

        if (r == 0)
                return doc_err_at(d, key, e, "is missing");
        return r < 0 ? -1 : 0;
}

int doc_strv(const struct doc *d, const char *key, const struct doc_rule *rule, struct strv *ret,
             struct err *e)
{
        return doc_strv_max(d, key, rule, LIMIT_LIST_ENTRIES, ret, e);
}

int doc_strv_max(const struct doc *d, const char *key, const struct doc_rule *rule, size_t max,
                 struct strv *ret, struct err *e)
{
        struct doc array;
        int r = doc_array(d, key, max, &array, e);

        for (size_t i = 0; r > 0 && i < doc_len(&array); i++) {
                struct doc at = doc_item(&array, i);
                const char *s;

                if (doc_text(&at, &s, e) < 0 || check(&at, s, rule, e) < 0)
                        return -1;
                strv_add(ret, s);
        }
        return r < 0 ? -1 : 0;
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int doc_unique(const struct doc *array, const char *const *v, size_t n, struct err *e)
{
        AUTO_FREE const char **sorted = NULL;

        if (n < 2)
                return 0;
        sorted = xmemdup(v, n * sizeof(*v));
        qsort(sorted, n, sizeof(*sorted), compare);
        for (size_t i = 1; i < n; i++)
                if (strcmp(sorted[i - 1], sorted[i]) == 0)
                        return doc_err(array, e, ERR_BAD_DATA, "\"%.80s\" is there twice",
                                       sorted[i]);
        return 0;
}

int doc_kv(const struct doc *d, const char *key, const struct doc_rule *names, size_t max,
           struct kv_list *ret, struct err *e)
{
        AUTO_FREE const char **seen = NULL;
        struct doc array;
        int r = doc_array(d, key, max, &array, e);

        if (r <= 0)
                return r;
        seen = xcalloc(doc_len(&array) + 1, sizeof(*seen));
        for (size_t i = 0; i < doc_len(&array); i++) {
                struct doc at = doc_item(&array, i);
                AUTO_FREE char *name = NULL;
                const char *value = "";

                if (doc_expect(&at, json_type_object, e) < 0 ||
                    doc_dup(&at, "name", names, &name, e) < 0 ||
                    doc_string(&at, "value", &value, e) < 0)
                        return -1;
                kv_list_add(ret, name, value);
                seen[i] = ret->v[ret->n - 1].name;
        }
        return doc_unique(&array, seen, doc_len(&array), e);
}

int doc_map(const struct doc *d, const char *key, struct kv_list *ret, struct err *e)
{
        struct doc map;
        int r = doc_object(d, key, &map, e);

        if (r <= 0)
                return r;
        if ((size_t)json_object_object_length(map.o) > LIMIT_LIST_ENTRIES)
                return doc_err(&map, e, ERR_LIMIT, "%d members are over the limit of %u",
                               json_object_object_length(map.o), LIMIT_LIST_ENTRIES);
        json_object_object_foreach (map.o, name, o) {
                struct doc at = { .o = o, .up = &map, .key = name };
                const char *value;

                if (doc_text(&at, &value, e) < 0)
                        return -1;
                kv_list_add(ret, name, value);
        }
        return 0;
}
