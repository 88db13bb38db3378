/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log_format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/auto.h"

static const char *const level_names[] = {
        [LOG_LEVEL_ERROR] = "error",
        [LOG_LEVEL_WARNING] = "warning",
        [LOG_LEVEL_INFO] = "info",
        [LOG_LEVEL_DEBUG] = "debug",
};
static const char *const format_names[] = {
        [LOG_FORMAT_TEXT] = "text",
        [LOG_FORMAT_JSON] = "json",
};

static int find_name(const char *const *names, size_t n, const char *s)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(s, names[i]) == 0)
                        return (int)i;
        return -EINVAL;
}

int log_level_parse(const char *s, enum log_level *ret)
{
        int i = find_name(level_names, ARRAY_LEN(level_names), s);

        if (i < 0)
                return i;
        *ret = (enum log_level)i;
        return 0;
}

int log_format_parse(const char *s, enum log_format *ret)
{
        int i = find_name(format_names, ARRAY_LEN(format_names), s);

        if (i < 0)
                return i;
        *ret = (enum log_format)i;
        return 0;
}

/* A line that is being written. Each put is done wholly or not at all, and says which. */
struct line {
        char *data;
        size_t len;
        size_t size; /* what is left for the end of the line is not counted */
};

static bool put(struct line *l, const char *s, size_t n)
{
        if (n > l->size - l->len)
                return false;
        memcpy(l->data + l->len, s, n);
        l->len += n;
        return true;
}

static bool puts_line(struct line *l, const char *s)
{
        return put(l, s, strlen(s));
}

/* The length of the UTF-8 sequence at @s, 0 when it is none (RFC 3629 section 4). */
static size_t utf8_sequence(const unsigned char *s)
{
        size_t n = s[0] < 0x80   ? 1
                   : s[0] < 0xc2 ? 0
                   : s[0] < 0xe0 ? 2
                   : s[0] < 0xf0 ? 3
                   : s[0] < 0xf5 ? 4
                                 : 0;

        for (size_t i = 1; i < n; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
            (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
                return 0;
        return n;
}

/* C0, DEL and C1: what could steer a terminal. */
static bool is_control(const unsigned char *s, size_t n)
{
        return s[0] < 0x20 || s[0] == 0x7f || (n == 2 && s[0] == 0xc2 && s[1] < 0xa0);
}

/* One character of a string, escaped. Returns its length at @s; 0: no room. */
static size_t put_char(struct line *l, const char *at, bool json)
{
        const unsigned char *s = (const unsigned char *)at;
        size_t n = utf8_sequence(s);
        char code[8];

        if (n == 0 || is_control(s, n)) {
                unsigned value = n == 2 ? s[1] : s[0]; /* C1: U+0080 to U+009F are C2 80 to C2 9F */

                if (json && n == 0)
                        (void)snprintf(code, sizeof(code), "\\ufffd");
                else
                        (void)snprintf(code, sizeof(code), json ? "\\u%04x" : "\\x%02x", value);
                return puts_line(l, code) ? (n == 0 ? 1 : n) : 0;
        }
        if (*s == '"' || *s == '\\')
                return put(l, (char[]){ '\\', (char)*s }, 2) ? 1 : 0;
        return put(l, at, n) ? n : 0;
}

/* In quotes. At most @max bytes of @s; the rest, and what there is no room for, is cut. False: no room for even "". */
static bool put_quoted(struct line *l, const char *s, size_t max, bool json)
{
        const char *end = s + strnlen(s, max);

        if (l->size - l->len < 2)
                return false;
        l->size--; /* for the closing quote */
        (void)put(l, "\"", 1);
        while (s < end) {
                size_t n = put_char(l, s, json);

                if (n == 0 || n > (size_t)(end - s))
                        break;
                s += n;
        }
        l->size++;
        return put(l, "\"", 1);
}

/* A value that reads as one word stands as it is. */
static bool is_plain(const char *s)
{
        if (*s == '\0' || strlen(s) > LOG_FIELD_MAX)
                return false;
        for (; *s; s++)
                if (*s <= ' ' || *s >= 0x7f || *s == '"' || *s == '\\' || *s == '=')
                        return false;
        return true;
}

/* Microseconds are enough. */
static void seconds_text(nsec t, char *to, size_t size)
{
        uint64_t usec = (t < 0 ? -(uint64_t)t : (uint64_t)t) / (uint64_t)NSEC_PER_USEC;

        (void)snprintf(to, size, "%s%" PRIu64 ".%06" PRIu64, t < 0 ? "-" : "", usec / 1000000,
                       usec % 1000000);
}

static bool put_value(struct line *l, const struct log_field *field, bool json)
{
        char text[40];

        if (field->kind == LOG_FIELD_TEXT && !json && is_plain(field->text))
                return puts_line(l, field->text);
        if (field->kind == LOG_FIELD_TEXT)
                return put_quoted(l, field->text, LOG_FIELD_MAX, json);
        if (field->kind == LOG_FIELD_NUMBER)
                (void)snprintf(text, sizeof(text), "%" PRId64, field->number);
        else
                seconds_text(field->number, text, sizeof(text));
        return puts_line(l, text);
}

/* One that does not fit leaves nothing behind: half a field would be a wrong one. */
static void put_field(struct line *l, const struct log_field *field, bool json)
{
        size_t before = l->len;

        if (field->kind == LOG_FIELD_TEXT && !field->text)
                return;
        if (!puts_line(l, json ? ",\"" : " ") || !puts_line(l, field->key) ||
            !puts_line(l, json ? "\":" : "=") || !put_value(l, field, json))
                l->len = before;
}

static void put_time(const struct log_record *record, char ret[static TIME_TEXT_MAX])
{
        time_format_rfc3339(record->time, ret);
        memcpy(ret + 26, "Z", 2); /* microseconds are enough for a log */
}

/*
 * The message of a line for people. Control characters become '?', bytes from 0x80 on are left as they are, UTF-8 or
 * not: the text may name a file, and that is how the file is called.
 */
static void put_message(struct line *l, const char *s)
{
        size_t n = strlen(s);

        if (n > l->size - l->len)
                n = l->size - l->len;
        for (size_t i = 0; i < n; i++) {
                char c = s[i];

                l->data[l->len++] = ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f ? '?' : c;
        }
}

static void format_text(const struct log_record *r, struct line *l)
{
        char when[TIME_TEXT_MAX];

        put_message(l, r->name);
        (void)puts_line(l, r->level == LOG_LEVEL_WARNING ? ": warning: " : ": ");
        put_message(l, r->message);
        if (r->timed) {
                put_time(r, when);
                put_field(l, &LOG_TEXT("time", when), false);
        }
        for (size_t i = 0; i < r->n_fields; i++)
                put_field(l, &r->fields[i], false);
}

static void format_json(const struct log_record *r, struct line *l)
{
        char when[TIME_TEXT_MAX];

        put_time(r, when);
        l->size--; /* for the closing brace */
        (void)puts_line(l, "{\"time\":\"");
        (void)puts_line(l, when);
        (void)puts_line(l, "\",\"level\":\"");
        (void)puts_line(l, level_names[r->level]);
        (void)puts_line(l, "\",\"name\":");
        (void)put_quoted(l, r->name, LOG_FIELD_MAX, true);
        (void)puts_line(l, ",\"msg\":");
        (void)put_quoted(l, r->message, LOG_LINE_MAX, true);
        for (size_t i = 0; i < r->n_fields; i++)
                put_field(l, &r->fields[i], true);
        l->size++;
        (void)put(l, "}", 1);
}

size_t log_format_line(enum log_format format, const struct log_record *record,
                       char ret[static LOG_LINE_MAX])
{
        struct line l = { .data = ret, .size = LOG_LINE_MAX - 1 };

        if (format == LOG_FORMAT_JSON)
                format_json(record, &l);
        else
                format_text(record, &l);
        l.data[l.len++] = '\n';
        return l.len;
}
