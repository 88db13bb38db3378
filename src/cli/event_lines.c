/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/event_lines.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/event_types.h"
#include "grpc/utf8.h"
#include "util/auto.h"
#include "util/json.h"
#include "util/limits.h"
#include "util/parse.h"

#define TIME_KEY "time_ns"

nsec event_time(const V1alpha__Event *event)
{
        int64_t t;

        for (size_t i = 0; i < event->n_data; i++)
                if (strcmp(event->data[i]->key, TIME_KEY) == 0 &&
                    parse_i64(event->data[i]->value, 0, INT64_MAX, &t) == 0)
                        return t;
        return __builtin_mul_overflow(event->time, NSEC_PER_SEC, &t) ? 0 : t;
}

/* Bytes of the character at @s that may stand as it is; 0: none. C1 controls steer terminals too. */
static size_t plain_char(const char *s)
{
        const uint8_t *p = (const uint8_t *)s;
        size_t n = grpc_utf8_char(p, strlen(s));

        if (*p < 0x20 || *p == 0x7f || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0))
                return 0;
        return n;
}

static bool is_plain(const char *s)
{
        if (*s == '\0')
                return false;
        while (*s) {
                size_t n = plain_char(s);

                if (n == 0 || strchr(" \"\\=", *s))
                        return false;
                s += n;
        }
        return true;
}

static int put_word(struct buf *out, const char *s)
{
        int r = 0;

        if (is_plain(s))
                return buf_puts(out, s);
        (void)buf_putc(out, '"');
        while (*s && r == 0) {
                size_t n = plain_char(s);

                if (n == 0)
                        r = buf_printf(out, "\\x%02x", (unsigned char)*s);
                else if (*s == '"' || *s == '\\')
                        r = buf_printf(out, "\\%c", *s);
                else
                        r = buf_append(out, s, n);
                s += n ? n : 1;
        }
        return r < 0 ? r : buf_putc(out, '"');
}

int event_line_text(const V1alpha__Event *event, struct buf *ret)
{
        char when[TIME_TEXT_MAX], type[EVENT_TYPE_NAME_MAX];

        buf_reset(ret);
        time_format_rfc3339(event_time(event), when);
        event_type_name(event->type, type);
        (void)buf_printf(ret, "%s %-*s ", when, (int)event_type_width(), type);
        (void)put_word(ret, event->id);
        (void)buf_putc(ret, ' ');
        (void)put_word(ret, strcmp(event->from, event->id) == 0 ? "-" : event->from);
        for (size_t i = 0; i < event->n_data; i++) {
                const V1alpha__KeyValue *d = event->data[i];

                if (strcmp(d->key, TIME_KEY) == 0)
                        continue;
                (void)buf_putc(ret, ' ');
                (void)put_word(ret, d->key);
                (void)buf_putc(ret, '=');
                (void)put_word(ret, d->value);
        }
        return buf_putc(ret, '\n') < 0 ? -ENOBUFS : 0;
}

struct json_object *event_json(const V1alpha__Event *event)
{
        struct json_object *o = json_object_new_object(), *data;
        char when[TIME_TEXT_MAX], type[EVENT_TYPE_NAME_MAX];

        time_format_rfc3339(event_time(event), when);
        event_type_name(event->type, type);
        json_add_string(o, "type", type);
        json_add_string(o, "id", event->id);
        json_add_string(o, "from", event->from);
        json_add_string(o, "time", when);
        json_add_int(o, TIME_KEY, event_time(event));
        data = json_add_object(o, "data");
        for (size_t i = 0; i < event->n_data; i++)
                if (strcmp(event->data[i]->key, TIME_KEY) != 0)
                        json_add_string(data, event->data[i]->key, event->data[i]->value);
        return o;
}

int event_print(const V1alpha__Event *event, enum output_format format, struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(LIMIT_GRPC_MESSAGE_BYTES);
        AUTO_JSON struct json_object *o = NULL;

        if (format != OUTPUT_TEXT) {
                o = event_json(event);
                return output_json(o, format, e);
        }
        if (event_line_text(event, &text) < 0)
                return err_set(e, ERR_LIMIT, 0, "an event is too large to be printed");
        if (fwrite(text.data, 1, text.len, stdout) != text.len)
                return err_set(e, ERR_INTERNAL, errno, "cannot write the output");
        return 0;
}
