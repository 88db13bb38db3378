/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <stdio.h>
#include <string.h>

#include "util/auto.h"
#include "util/json.h"

enum { OUTPUT_MAX = 1 << 30 }; /* no list of ours comes near; a bound all the same */

int output_format_call(void *dest, const char *value, struct err *e)
{
        enum output_format *format = dest;

        if (strcmp(value, "json") == 0)
                *format = OUTPUT_JSON;
        else if (strcmp(value, "json-pretty") == 0)
                *format = OUTPUT_JSON_PRETTY;
        else if (*value == '\0' || strcmp(value, "text") == 0)
                *format = OUTPUT_TEXT;
        else
                return err_set(e, ERR_USAGE, 0, "\"%s\" is neither json nor json-pretty", value);
        return 0;
}

static int write_out(const struct buf *text, struct err *e)
{
        if (text->len > 0 && fwrite(text->data, 1, text->len, stdout) != text->len)
                return err_set(e, ERR_INTERNAL, errno, "cannot write the output");
        return 0;
}

int output_json(struct json_object *o, enum output_format format, struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(OUTPUT_MAX);

        if (json_print(o, format == OUTPUT_JSON_PRETTY, &text) < 0 || buf_putc(&text, '\n') < 0)
                return err_set(e, ERR_LIMIT, 0, "the output is too large");
        return write_out(&text, e);
}

int output_columns(const struct columns *c, struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(OUTPUT_MAX);

        if (columns_print(c, &text) < 0)
                return err_set(e, ERR_LIMIT, 0, "the output is too large");
        return write_out(&text, e);
}
