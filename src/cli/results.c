/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/results.h"

#include <stdio.h>

#include "util/json.h"
#include "util/log.h"

void results_done(struct results *r)
{
        json_object_put(r->list);
        r->list = NULL;
}

static struct json_object *add_entry(struct results *r, const char *id, const char *result)
{
        struct json_object *o = json_object_new_object();

        if (!r->list)
                r->list = json_object_new_array();
        json_add_string(o, r->key, id);
        json_add_string(o, "result", result);
        json_object_array_add(r->list, o);
        return o;
}

void results_add(struct results *r, const char *id, const char *result, const char *line)
{
        if (r->format != OUTPUT_TEXT)
                (void)add_entry(r, id, result);
        else if (line)
                (void)printf("%s\n", line);
}

void results_fail(struct results *r, const char *id, const struct err *e)
{
        r->failed++;
        log_error("%s", e->text);
        if (r->format != OUTPUT_TEXT)
                json_add_string(add_entry(r, id, err_kind_name(e->kind)), "error", e->text);
}

int results_end(struct results *r, const char *what, struct err *e)
{
        if (r->format != OUTPUT_TEXT) {
                if (!r->list)
                        r->list = json_object_new_array();
                if (output_json(r->list, r->format, e) < 0)
                        return -1;
        }
        if (r->failed > 0)
                return err_set(e, ERR_INTERNAL, 0, "%zu %s", r->failed, what);
        return 0;
}
