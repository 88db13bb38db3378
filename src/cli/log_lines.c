/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/log_lines.h"

#include <stdio.h>
#include <string.h>

#include "grpc/utf8.h"
#include "util/json.h"
#include "util/mem.h"
#include "util/time.h"

#define SGR_RED "\033[31m"
#define SGR_OFF "\033[0m"

void log_lines_end(struct log_lines *l)
{
        if (l->begun)
                (void)putchar('\n');
        l->begun = false;
}

/* Colours that can be told apart on dark and light ground; red is for stderr. */
static const char *app_colour(const struct log_lines *l, const char *app)
{
        static const char *const colours[] = { "\033[36m", "\033[33m", "\033[35m",
                                               "\033[32m", "\033[34m", "\033[96m" };

        for (size_t i = 0; i < l->n_apps; i++)
                if (strcmp(l->apps[i], app) == 0)
                        return colours[i % ARRAY_LEN(colours)];
        return "";
}

static void put_head(const struct log_lines *l, const struct logs_line *line)
{
        char when[TIME_TEXT_MAX];

        if (l->timestamps) {
                time_format_rfc3339(line->time, when);
                (void)printf("%s ", when);
        }
        if (l->app && l->colour)
                (void)printf("%s%s:" SGR_OFF " ", app_colour(l, line->app), line->app);
        else if (l->app)
                (void)printf("%s: ", line->app);
}

static void put_json(const struct logs_line *line)
{
        AUTO_JSON struct json_object *o = json_object_new_object();
        AUTO_FREE char *text = grpc_utf8_clean(line->text, line->len);
        AUTO(buf_done) struct buf out = BUF_NULL(8 * LOGS_LINE_MAX + 1024);
        char when[TIME_TEXT_MAX];

        time_format_rfc3339(line->time, when);
        json_add_string(o, "time", when);
        json_add_string(o, "app", line->app);
        json_add_string(o, "stream", logs_stream_name(line->stream));
        json_add_string(o, "text", text);
        if (line->partial)
                json_add_bool(o, "partial", true);
        if (json_print(o, false, &out) == 0) /* fits: a byte becomes at most six characters */
                (void)puts(buf_str(&out));
}

void log_lines_put(struct log_lines *l, const struct logs_line *line)
{
        bool red = l->colour && line->stream == LOGS_STDERR;

        if (l->json) {
                put_json(line);
                return;
        }
        if (!l->begun || l->begun_stream != line->stream || strcmp(l->begun_app, line->app) != 0) {
                log_lines_end(l);
                put_head(l, line);
        }
        if (red)
                (void)fputs(SGR_RED, stdout);
        (void)fwrite(line->text, 1, line->len, stdout);
        if (red)
                (void)fputs(SGR_OFF, stdout);
        l->begun = true;
        l->begun_app = line->app;
        l->begun_stream = line->stream;
        if (!line->partial)
                log_lines_end(l);
}
