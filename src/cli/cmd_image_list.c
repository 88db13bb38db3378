/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/image_text.h"
#include "cli/output.h"
#include "cli/podref.h"
#include "image/view.h"
#include "util/auto.h"
#include "util/json.h"
#include "util/log.h"

static bool full, no_legend;
static enum output_format format;
static const char *fields = "id,name,size,importtime,lastused";
static const char *sort_by = "importtime", *order = "asc";

static const struct image_view **sorted(const struct image_view_list *l, struct err *e)
{
        const struct image_view **v = calloc(l->n + 1, sizeof(*v));

        if (!v) {
                (void)err_set(e, ERR_INTERNAL, errno, "memory");
                return NULL;
        }
        for (size_t i = 0; i < l->n; i++)
                v[i] = &l->v[i];
        if (image_text_sort(v, l->n, sort_by, order, e) == 0)
                return v;
        free(v);
        return NULL;
}

static int print_text(const struct image_view **v, size_t n, struct err *e)
{
        AUTO(columns_done) struct columns c = COLUMNS_NULL;
        nsec now = time_now();

        if (image_text_header(&c, fields, !no_legend, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++)
                image_text_row(&c, fields, v[i], full, now);
        return output_columns(&c, e);
}

static int print_json(const struct image_view **v, size_t n, struct err *e)
{
        AUTO_JSON struct json_object *list = json_object_new_array();

        for (size_t i = 0; i < n; i++)
                json_object_array_add(list, image_text_json(v[i]));
        return output_json(list, format, e);
}

static int list_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(image_view_list_done) struct image_view_list list = IMAGE_VIEW_LIST_NULL;
        AUTO_FREE const struct image_view **v = NULL;

        (void)args;
        (void)n;
        if (podref_open(&eng, ENGINE_READ, e) < 0)
                return -1;
        if (eng.data_fd >= 0 && image_view_list(eng.data_fd, &list, e) < 0)
                return -1;
        for (size_t i = 0; i < list.problems.n; i++)
                log_warning("%s", list.problems.v[i]);
        v = sorted(&list, e);
        if (!v)
                return -1;
        return format == OUTPUT_TEXT ? print_text(v, list.n, e) : print_json(v, list.n, e);
}

static const struct opt list_opts[] = {
        { OPT_TEXT, 0, "fields", "id,name,size,importtime,lastused", "columns, in this order",
          &fields, NULL, NULL },
        { OPT_TEXT, 0, "sort", "importtime", "column to sort by", &sort_by, NULL, NULL },
        { OPT_TEXT, 0, "order", "asc", "asc or desc", &order, NULL, NULL },
        { OPT_FLAG, 0, "full", "[=false]", "ids, times and sizes in full", &full, NULL, NULL },
        { OPT_FLAG, 0, "no-legend", "[=false]", "leave out the heading", &no_legend, NULL, NULL },
        OUTPUT_FORMAT_OPT(&format),
        { .type = OPT_END },
};

const struct cmd cmd_image_list = {
        .name = "image list",
        .usage = "",
        .summary = "List images in the local store",
        .opts = list_opts,
        .main = list_main,
};
