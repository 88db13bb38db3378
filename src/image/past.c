/* SPDX-License-Identifier: Apache-2.0 */
#include "image/past.h"

#include <stdlib.h>

#include "util/json.h"
#include "util/ledger.h"
#include "util/mem.h"

void image_past_done(struct image_past *p)
{
        free(p->id);
        free(p->name);
        free(p->version);
        *p = IMAGE_PAST_NULL;
}

static int get_text(struct json_object *o, const char *key, char **ret, struct err *e)
{
        const char *s;

        if (json_get_string_opt(o, key, &s, e) < 0)
                return -1;
        *ret = s && s[0] != '\0' ? xstrdup(s) : NULL;
        return 0;
}

static int parse_image(struct json_object *o, struct image_past *p, struct err *e)
{
        const char *id, *format;
        int64_t size = 0;

        if (json_get_string(o, "id", &id, e) < 0)
                return -1;
        if (!image_id_is_valid(id))
                return err_set(e, ERR_BAD_DATA, 0, "\"id\" is no id of an image");
        p->id = xstrdup(id);
        if (get_text(o, "name", &p->name, e) < 0 || get_text(o, "version", &p->version, e) < 0 ||
            json_get_string_opt(o, "format", &format, e) < 0 ||
            json_get_int_opt(o, "size", 0, INT64_MAX, &size, e) < 0 ||
            json_get_int_opt(o, "imported_at", 0, INT64_MAX, &p->imported_at, e) < 0 ||
            json_get_int_opt(o, "removed_at", 0, INT64_MAX, &p->removed_at, e) < 0)
                return -1;
        p->size = (uint64_t)size;
        if (format && appc_format_parse(format, &p->format) < 0)
                p->format = APPC_FORMAT_NONE; /* of a carob that knows more of them */
        return 0;
}

int image_past_parse(const void *data, size_t len, struct image_past *ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        AUTO(image_past_done) struct image_past p = IMAGE_PAST_NULL;

        if (json_parse(data, len, LEDGER_LINE_MAX, &o, e) < 0 || parse_image(o, &p, e) < 0)
                return -1;
        *ret = p;
        p = IMAGE_PAST_NULL;
        return 0;
}

static void add_number(struct json_object *o, const char *key, int64_t n)
{
        if (n > 0)
                json_add_int(o, key, n);
}

int image_past_print(const struct image_past *p, struct buf *out)
{
        AUTO_JSON struct json_object *o = json_object_new_object();

        json_add_string(o, "id", p->id);
        json_add_string(o, "name", p->name);
        json_add_string(o, "version", p->version);
        if (p->format != APPC_FORMAT_NONE)
                json_add_string(o, "format", appc_format_name(p->format));
        add_number(o, "size", p->size <= INT64_MAX ? (int64_t)p->size : 0);
        add_number(o, "imported_at", p->imported_at);
        add_number(o, "removed_at", p->removed_at);
        return json_print(o, false, out);
}
