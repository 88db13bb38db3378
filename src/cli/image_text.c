/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/image_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/auto.h"
#include "util/json.h"

enum { SHORT_ID_LEN = 7 + 12 };

void image_text_name(const char *name, const char *version, char ret[static 1024])
{
        (void)snprintf(ret, 1024, "%s%s%s", name ? name : "-", version ? ":" : "",
                       version ? version : "");
}

void image_text_size(uint64_t bytes, char ret[static 32])
{
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        double v = (double)bytes;
        size_t u = 0;

        for (; v >= 1024 && u + 1 < ARRAY_LEN(units); u++)
                v /= 1024;
        /* humanize rounds to the digit it shows, and shows one fraction digit below ten. */
        if (u == 0)
                (void)snprintf(ret, 32, "%lluB", (unsigned long long)bytes);
        else
                (void)snprintf(ret, 32, v < 9.95 ? "%.1f%s" : "%.0f%s", v, units[u]);
}

typedef void (*cell_fn)(struct columns *c, const struct image_view *v, bool full, nsec now);
typedef int (*compare_fn)(const struct image_view *a, const struct image_view *b);

static void cell_id(struct columns *c, const struct image_view *v, bool full, nsec now)
{
        (void)now;
        columns_cellf(c, "%.*s", full ? IMAGE_ID_LEN : SHORT_ID_LEN, v->record.id);
}

static void cell_name(struct columns *c, const struct image_view *v, bool full, nsec now)
{
        char text[1024];

        (void)full;
        (void)now;
        image_text_name(v->record.name, v->record.version, text);
        columns_cell(c, text);
}

static void cell_size(struct columns *c, const struct image_view *v, bool full, nsec now)
{
        char text[32];

        (void)now;
        image_text_size(v->record.size, text);
        if (full)
                columns_cellf(c, "%llu", (unsigned long long)v->record.size);
        else
                columns_cell(c, text);
}

static void cell_time(struct columns *c, nsec t, bool full, nsec now)
{
        char text[TIME_TEXT_MAX];

        if (full)
                time_format_go(t, NSEC_PER_MSEC, text);
        else
                time_format_ago(t, now, text);
        columns_cell(c, text);
}

static void cell_imported(struct columns *c, const struct image_view *v, bool full, nsec now)
{
        cell_time(c, v->record.imported_at, full, now);
}

static void cell_used(struct columns *c, const struct image_view *v, bool full, nsec now)
{
        cell_time(c, v->last_used, full, now);
}

static int by_id(const struct image_view *a, const struct image_view *b)
{
        return strcmp(a->record.id, b->record.id);
}

static int by_name(const struct image_view *a, const struct image_view *b)
{
        return strcmp(a->record.name, b->record.name);
}

static int by_size(const struct image_view *a, const struct image_view *b)
{
        return (a->record.size > b->record.size) - (a->record.size < b->record.size);
}

static int by_imported(const struct image_view *a, const struct image_view *b)
{
        return (a->record.imported_at > b->record.imported_at) -
               (a->record.imported_at < b->record.imported_at);
}

static int by_used(const struct image_view *a, const struct image_view *b)
{
        return (a->last_used > b->last_used) - (a->last_used < b->last_used);
}

static const struct field {
        const char *name, *title;
        cell_fn cell;
        compare_fn compare;
} known[] = {
        { "id", "ID", cell_id, by_id },
        { "name", "NAME", cell_name, by_name },
        { "size", "SIZE", cell_size, by_size },
        { "importtime", "IMPORT TIME", cell_imported, by_imported },
        { "lastused", "LAST USED", cell_used, by_used },
};

static const struct field *find_field(const char *name, size_t len)
{
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (strlen(known[i].name) == len && strncmp(known[i].name, name, len) == 0)
                        return &known[i];
        return NULL;
}

/* The next field of a list that image_text_header has checked; advances @p. NULL at the end. */
static const struct field *next_field(const char **p)
{
        size_t len = strcspn(*p, ",");
        const struct field *f = find_field(*p, len);

        *p += len + ((*p)[len] == ',');
        return f;
}

int image_text_header(struct columns *c, const char *fields, bool print, struct err *e)
{
        for (const char *p = fields; *p;) {
                const char *at = p;
                const struct field *f = next_field(&p);

                if (!f)
                        return err_set(e, ERR_USAGE, 0, "--fields: no column \"%.*s\"",
                                       (int)strcspn(at, ","), at);
                if (print)
                        columns_cell(c, f->title);
        }
        if (print)
                columns_end_row(c);
        return 0;
}

void image_text_row(struct columns *c, const char *fields, const struct image_view *v, bool full,
                    nsec now)
{
        const struct field *f;

        for (const char *p = fields; *p && (f = next_field(&p));)
                f->cell(c, v, full, now);
        columns_end_row(c);
}

static int compare(const void *a, const void *b, void *arg)
{
        const struct image_view *const *x = a, *const *y = b;
        const struct field *f = arg;
        int r = f->compare(*x, *y);

        return r ? r : by_id(*x, *y);
}

int image_text_sort(const struct image_view **v, size_t n, const char *by, const char *order,
                    struct err *e)
{
        const struct field *f = find_field(by, strlen(by));
        struct field copy;

        if (!f)
                return err_set(e, ERR_USAGE, 0, "--sort: no column \"%s\"", by);
        if (strcmp(order, "asc") != 0 && strcmp(order, "desc") != 0)
                return err_set(e, ERR_USAGE, 0, "--order: \"%s\" is neither asc nor desc", order);
        copy = *f;
        qsort_r(v, n, sizeof(*v), compare, &copy);
        for (size_t i = 0; order[0] == 'd' && i < n / 2; i++) {
                const struct image_view *keep = v[i];

                v[i] = v[n - 1 - i];
                v[n - 1 - i] = keep;
        }
        return 0;
}

struct json_object *image_text_json(const struct image_view *v)
{
        struct json_object *o = json_object_new_object();
        char name[1024];

        image_text_name(v->record.name, v->record.version, name);
        json_add_string(o, "id", v->record.id);
        json_add_string(o, "name", name);
        json_add_int(o, "import_time", v->record.imported_at);
        json_add_int(o, "last_used_time", v->last_used);
        json_add_int(o, "size", (int64_t)v->record.size);
        json_add_string(o, "format", appc_format_name(v->record.format));
        return o;
}
