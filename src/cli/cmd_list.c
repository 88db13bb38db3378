/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/image_text.h"
#include "cli/output.h"
#include "cli/pod_json.h"
#include "cli/podref.h"
#include "util/auto.h"
#include "util/json.h"
#include "util/log.h"

enum { SHORT_UUID_LEN = 8, SHORT_ID_LEN = 7 + 12 };

static bool full, no_legend;
static enum output_format format;

static void header(struct columns *c)
{
        static const char *const titles[] = { "UUID",  "APP",     "IMAGE NAME", "IMAGE ID",
                                              "STATE", "CREATED", "STARTED",    "NETWORKS" };

        for (size_t i = 0; i < ARRAY_LEN(titles); i++)
                if (full || i != 3)
                        columns_cell(c, titles[i]);
        columns_end_row(c);
}

static void time_cell(struct columns *c, nsec t, nsec now)
{
        char text[TIME_TEXT_MAX];

        if (full)
                pod_text_time(t, text);
        else
                time_format_ago(t, now, text);
        columns_cell(c, text);
}

static void app_cells(struct columns *c, const struct pod_view_app *a)
{
        char name[1024];

        if (a)
                image_text_name(a->image_name, a->image_version, name);
        columns_cell(c, a ? a->name : "-");
        columns_cell(c, a ? name : "-");
        if (full)
                columns_cellf(c, "%.*s", SHORT_ID_LEN, a && a->image_id ? a->image_id : "-");
}

static void pod_rows(struct columns *c, const struct pod_view *v, nsec now)
{
        AUTO(buf_done) struct buf networks = BUF_NULL(POD_TEXT_NETWORKS_MAX);

        columns_cellf(c, "%.*s", full ? UUID_TEXT_LEN : SHORT_UUID_LEN, v->uuid.text);
        app_cells(c, v->n_apps > 0 ? &v->apps[0] : NULL);
        columns_cell(c, pod_state_name(v->state));
        time_cell(c, v->created_at, now);
        if (v->started_at)
                time_cell(c, v->started_at, now);
        else
                columns_cell(c, "");
        pod_text_networks(v, &networks);
        columns_cell(c, buf_str(&networks));
        columns_end_row(c);
        for (size_t i = 1; i < v->n_apps; i++) {
                columns_cell(c, "");
                app_cells(c, &v->apps[i]);
                for (int empty = 0; empty < 4; empty++)
                        columns_cell(c, "");
                columns_end_row(c);
        }
}

static int print_text(const struct pod_view_list *l, struct err *e)
{
        AUTO(columns_done) struct columns c = COLUMNS_NULL;
        nsec now = time_now();

        if (!no_legend)
                header(&c);
        for (size_t i = 0; i < l->n; i++)
                pod_rows(&c, l->v[i], now);
        return output_columns(&c, e);
}

static int print_json(struct engine *eng, const struct pod_view_list *l, struct err *e)
{
        AUTO_JSON struct json_object *list = json_object_new_array();

        for (size_t i = 0; i < l->n; i++)
                json_object_array_add(list, pod_json(eng, l->v[i]));
        return output_json(list, format, e);
}

static int list_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_view_list_done) struct pod_view_list list = POD_VIEW_LIST_NULL;
        unsigned want = POD_VIEW_TIMES | POD_VIEW_NETWORKS | POD_VIEW_NAMES;

        (void)args;
        (void)n;
        if (format != OUTPUT_TEXT)
                want = POD_VIEW_ALL;
        if (podref_open(&eng, ENGINE_READ, e) < 0 ||
            (eng.data_fd >= 0 && pod_view_list(&eng.pods, POD_DIRS_ALL, want, &list, e) < 0))
                return -1;
        for (size_t i = 0; i < list.n; i++)
                if (list.v[i]->problem)
                        log_warning("pod %s: %s", list.v[i]->uuid.text, list.v[i]->problem);
        return format == OUTPUT_TEXT ? print_text(&list, e) : print_json(&eng, &list, e);
}

static const struct opt list_opts[] = {
        { OPT_FLAG, 0, "full", "[=false]", "ids and times in full", &full, NULL, NULL },
        { OPT_FLAG, 0, "no-legend", "[=false]", "leave out the heading", &no_legend, NULL, NULL },
        OUTPUT_FORMAT_OPT(&format),
        { .type = OPT_END },
};

const struct cmd cmd_list = {
        .name = "list",
        .usage = "",
        .summary = "List pods",
        .opts = list_opts,
        .main = list_main,
};
