/* SPDX-License-Identifier: Apache-2.0 */
#include "util/json.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "util/auto.h"
#include "util/utf8.h"

static void tokener_freep(struct json_tokener **tok)
{
        if (*tok)
                json_tokener_free(*tok);
}

/*
 * What json-c's strict mode still lets through and RFC 8259 does not: keys in apostrophes, NaN and
 * Infinity, raw control characters in strings, and, although it was asked to look, UTF-8 that is
 * overlong, a surrogate's or past U+10FFFF. Returns the offset of the first offender, or @len.
 */
static size_t lax_syntax(const uint8_t *s, size_t len)
{
        bool in_string = false;

        for (size_t i = 0; i < len; i++) {
                if (in_string) {
                        if (s[i] < 0x20)
                                return i;
                        if (s[i] >= 0x80) {
                                size_t n = utf8_length(s + i, len - i);

                                if (n == 0)
                                        return i;
                                i += n - 1;
                        } else if (s[i] == '\\') {
                                i++;
                        } else if (s[i] == '"') {
                                in_string = false;
                        }
                } else if (s[i] == '"') {
                        in_string = true;
                } else if (s[i] == '\'' || s[i] == 'N' || s[i] == 'I') {
                        return i;
                }
        }
        return len;
}

int json_parse(const void *data, size_t len, size_t max, struct json_object **ret, struct err *e)
{
        AUTO(tokener_freep) struct json_tokener *tok = NULL;
        AUTO_JSON struct json_object *o = NULL;
        enum json_tokener_error r;
        size_t end;

        if (len > max || len > INT_MAX)
                return err_set(e, ERR_LIMIT, 0, "JSON of %zu bytes is over the limit of %zu", len,
                               max);
        if (lax_syntax(data, len) < len)
                return err_set(e, ERR_BAD_DATA, 0, "JSON at byte %zu: unexpected character",
                               lax_syntax(data, len));
        tok = json_tokener_new_ex(JSON_DEPTH_MAX);
        if (!tok)
                return err_set(e, ERR_INTERNAL, 0, "no memory for a JSON parser");
        json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
                                            JSON_TOKENER_ALLOW_TRAILING_CHARS);
        o = json_tokener_parse_ex(tok, data, (int)len);
        r = json_tokener_get_error(tok);
        /* A bare number at the end of input waits for its next digit: a NUL says there is none. */
        end = json_tokener_get_parse_end(tok);
        if (r == json_tokener_continue) {
                o = json_tokener_parse_ex(tok, "", 1);
                r = json_tokener_get_error(tok);
                end = len;
        }
        if (r != json_tokener_success)
                return err_set(e, ERR_BAD_DATA, 0, "JSON at byte %zu: %s", end,
                               json_tokener_error_desc(r));
        for (size_t i = end; i < len; i++)
                if (!strchr(" \t\r\n", ((const char *)data)[i]) || ((const char *)data)[i] == '\0')
                        return err_set(e, ERR_BAD_DATA, 0, "JSON at byte %zu: text after the value",
                                       i);
        *ret = TAKE_PTR(o);
        return 0;
}

static int member(struct json_object *o, const char *key, enum json_type type,
                  struct json_object **ret, struct err *e)
{
        struct json_object *v = NULL;

        if (!json_object_is_type(o, json_type_object))
                return err_set(e, ERR_BAD_DATA, 0, "expected an object around \"%s\", found %s",
                               key, json_type_to_name(json_object_get_type(o)));
        if (!json_object_object_get_ex(o, key, &v) || !v) {
                *ret = NULL;
                return 0;
        }
        if (!json_object_is_type(v, type))
                return err_set(e, ERR_BAD_DATA, 0, "\"%s\" must be %s %s, found %s", key,
                               type == json_type_array || type == json_type_int ||
                                               type == json_type_object
                                       ? "an"
                                       : "a",
                               json_type_to_name(type), json_type_to_name(json_object_get_type(v)));
        *ret = v;
        return 0;
}

int json_string_value(struct json_object *o, const char *what, const char **ret, struct err *e)
{
        const char *s;

        if (!json_object_is_type(o, json_type_string))
                return err_set(e, ERR_BAD_DATA, 0, "%s must be a string", what);
        s = json_object_get_string(o);
        if (strlen(s) != (size_t)json_object_get_string_len(o))
                return err_set(e, ERR_BAD_DATA, 0, "%s holds a NUL character", what);
        *ret = s;
        return 0;
}

int json_get_string_opt(struct json_object *o, const char *key, const char **ret, struct err *e)
{
        struct json_object *v;

        if (member(o, key, json_type_string, &v, e) < 0)
                return -1;
        if (!v) {
                *ret = NULL;
                return 0;
        }
        return json_string_value(v, key, ret, e);
}

int json_get_string(struct json_object *o, const char *key, const char **ret, struct err *e)
{
        const char *s;

        if (json_get_string_opt(o, key, &s, e) < 0)
                return -1;
        if (!s)
                return err_set(e, ERR_BAD_DATA, 0, "\"%s\" is missing", key);
        *ret = s;
        return 0;
}

int json_get_bool_opt(struct json_object *o, const char *key, bool *ret, struct err *e)
{
        struct json_object *v;

        if (member(o, key, json_type_boolean, &v, e) < 0)
                return -1;
        if (v)
                *ret = json_object_get_boolean(v);
        return 0;
}

int json_get_int_opt(struct json_object *o, const char *key, int64_t min, int64_t max, int64_t *ret,
                     struct err *e)
{
        struct json_object *v;
        int64_t n;

        if (member(o, key, json_type_int, &v, e) < 0)
                return -1;
        if (!v)
                return 0;
        n = json_object_get_int64(v);
        if (n < min || n > max)
                return err_set(e, ERR_BAD_DATA, 0,
                               "\"%s\" is %" PRId64 ", outside %" PRId64 " to %" PRId64, key, n,
                               min, max);
        *ret = n;
        return 0;
}

int json_get_object_opt(struct json_object *o, const char *key, struct json_object **ret,
                        struct err *e)
{
        return member(o, key, json_type_object, ret, e);
}

int json_get_array_opt(struct json_object *o, const char *key, size_t max, struct json_object **ret,
                       struct err *e)
{
        struct json_object *v;

        if (member(o, key, json_type_array, &v, e) < 0)
                return -1;
        if (v && json_object_array_length(v) > max)
                return err_set(e, ERR_LIMIT, 0, "\"%s\" has %zu elements, over the limit of %zu",
                               key, json_object_array_length(v), max);
        *ret = v;
        return 0;
}

int json_get_strings_opt(struct json_object *o, const char *key, size_t max, struct strv *ret,
                         struct err *e)
{
        struct json_object *v;

        if (json_get_array_opt(o, key, max, &v, e) < 0)
                return -1;
        for (size_t i = 0; v && i < json_object_array_length(v); i++) {
                const char *s;

                if (json_string_value(json_object_array_get_idx(v, i), key, &s, e) < 0)
                        return -1;
                strv_add(ret, s);
        }
        return 0;
}

void json_add_string(struct json_object *o, const char *key, const char *value)
{
        if (value)
                json_object_object_add(o, key, json_object_new_string(value));
}

void json_add_int(struct json_object *o, const char *key, int64_t value)
{
        json_object_object_add(o, key, json_object_new_int64(value));
}

void json_add_bool(struct json_object *o, const char *key, bool value)
{
        json_object_object_add(o, key, json_object_new_boolean(value));
}

struct json_object *json_add_object(struct json_object *o, const char *key)
{
        struct json_object *child = json_object_new_object();

        json_object_object_add(o, key, child);
        return child;
}

struct json_object *json_add_array(struct json_object *o, const char *key)
{
        struct json_object *child = json_object_new_array();

        json_object_object_add(o, key, child);
        return child;
}

void json_append_string(struct json_object *array, const char *value)
{
        json_object_array_add(array, json_object_new_string(value));
}

/* What is no UTF-8 becomes U+FFFD, as in Go: whoever reads it must be able to parse the rest. */
static int print_character(const unsigned char *s, size_t len, size_t *ret_used, struct buf *out)
{
        size_t n = utf8_length(s, len);

        *ret_used = n > 0 ? n : 1;
        if (n == 0)
                return buf_puts(out, "\\ufffd");
        if (s[0] == '"' || s[0] == '\\')
                return buf_printf(out, "\\%c", s[0]);
        if (s[0] == '\n' || s[0] == '\r' || s[0] == '\t')
                return buf_puts(out, s[0] == '\n' ? "\\n" : s[0] == '\r' ? "\\r" : "\\t");
        if (s[0] < 0x20 || s[0] == '<' || s[0] == '>' || s[0] == '&')
                return buf_printf(out, "\\u%04x", s[0]);
        if (n == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] & 0xfe) == 0xa8)
                return buf_printf(out, "\\u202%x", s[2] & 0xf);
        return buf_append(out, s, n);
}

static int print_string(const char *s, size_t len, struct buf *out)
{
        int r = buf_putc(out, '"');

        for (size_t i = 0, used; i < len && r == 0; i += used)
                r = print_character((const unsigned char *)s + i, len - i, &used, out);
        return r == 0 ? buf_putc(out, '"') : r;
}

static int print_break(bool pretty, int depth, struct buf *out)
{
        int r = pretty ? buf_putc(out, '\n') : 0;

        for (int i = 0; pretty && i < depth && r == 0; i++)
                r = buf_putc(out, '\t');
        return r;
}

static int print_value(struct json_object *o, bool pretty, int depth, struct buf *out);

static int print_array(struct json_object *o, bool pretty, int depth, struct buf *out)
{
        size_t n = json_object_array_length(o);
        int r = buf_putc(out, '[');

        for (size_t i = 0; i < n && r == 0; i++) {
                r = i > 0 ? buf_putc(out, ',') : 0;
                r = r ? r : print_break(pretty, depth + 1, out);
                r = r ? r : print_value(json_object_array_get_idx(o, i), pretty, depth + 1, out);
        }
        if (r == 0 && n > 0)
                r = print_break(pretty, depth, out);
        return r == 0 ? buf_putc(out, ']') : r;
}

static int print_object(struct json_object *o, bool pretty, int depth, struct buf *out)
{
        int r = buf_putc(out, '{');
        bool first = true;

        json_object_object_foreach (o, key, value) {
                r = r || first ? r : buf_putc(out, ',');
                r = r ? r : print_break(pretty, depth + 1, out);
                r = r ? r : print_string(key, strlen(key), out);
                r = r ? r : buf_puts(out, pretty ? ": " : ":");
                r = r ? r : print_value(value, pretty, depth + 1, out);
                first = false;
        }
        if (r == 0 && !first)
                r = print_break(pretty, depth, out);
        return r == 0 ? buf_putc(out, '}') : r;
}

static int print_value(struct json_object *o, bool pretty, int depth, struct buf *out)
{
        switch (json_object_get_type(o)) {
        case json_type_object:
                return print_object(o, pretty, depth, out);
        case json_type_array:
                return print_array(o, pretty, depth, out);
        case json_type_string:
                return print_string(json_object_get_string(o),
                                    (size_t)json_object_get_string_len(o), out);
        case json_type_null:
        case json_type_boolean:
        case json_type_double:
        case json_type_int:
                break;
        }
        return buf_puts(out, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
}

int json_print(struct json_object *o, bool pretty, struct buf *out)
{
        return print_value(o, pretty, 0, out);
}
