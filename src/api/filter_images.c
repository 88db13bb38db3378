/* SPDX-License-Identifier: Apache-2.0 */
#include "api/filter.h"

#include <stdlib.h>

#include "api/filter_priv.h"
#include "util/mem.h"

struct image_filter {
        const V1alpha__ImageFilter *wanted; /* borrowed from the request */
        struct text_set ids, full_names, base_names, prefixes, keywords;
        struct pairs labels, annotations;
};

struct image_filters {
        size_t n;
        struct image_filter filters[];
};

struct facts {
        struct text id, name;
        int64_t imported;          /* seconds */
        struct encoded_walk after; /* annotations and labels */
};

static void facts_read(struct facts *ret, const struct encoded *image)
{
        struct encoded_walk walk = encoded_before_manifest(image);
        struct encoded_field f;

        *ret = (struct facts){ .after = encoded_after_manifest(image) };
        while (encoded_next(&walk, &f)) {
                if (f.number == IMAGE_ID)
                        ret->id = field_text(&f);
                else if (f.number == IMAGE_NAME)
                        ret->name = field_text(&f);
                else if (f.number == IMAGE_IMPORT_TIMESTAMP)
                        ret->imported = (int64_t)f.value;
        }
}

struct text image_encoded_name(const struct encoded *image)
{
        return message_text(encoded_before_manifest(image), IMAGE_NAME);
}

struct text image_base_name(struct text name)
{
        size_t start;

        while (name.len > 0 && name.s[name.len - 1] == '/')
                name.len--;
        for (start = name.len; start > 0 && name.s[start - 1] != '/'; start--)
                continue;
        return (struct text){ name.len ? name.s + start : NULL, name.len - start };
}

/* Each beginning of the name is looked up: names are short, prefixes may be many. */
static bool prefix_passes(const struct text_set *prefixes, struct text name)
{
        for (size_t len = 0; prefixes->n > 0 && len <= name.len; len++)
                if (text_set_find(prefixes, (struct text){ name.s, len }) < prefixes->n)
                        return true;
        return prefixes->n == 0;
}

/* The shortest come first. */
static bool keyword_passes(const struct text_set *keywords, struct text name)
{
        for (size_t i = 0; i < keywords->n && keywords->v[i].len <= name.len; i++) {
                const struct text *k = &keywords->v[i];

                if (k->len == 0 || memmem(name.s, name.len, k->s, k->len))
                        return true;
        }
        return keywords->n == 0;
}

static bool time_passes(const V1alpha__ImageFilter *f, int64_t imported)
{
        if (f->imported_after > 0 && imported <= f->imported_after)
                return false;
        return f->imported_before <= 0 || imported < f->imported_before;
}

static bool passes(struct image_filter *f, const struct facts *image)
{
        const V1alpha__ImageFilter *w = f->wanted;

        return text_set_passes(&f->ids, image->id) && time_passes(w, image->imported) &&
               text_set_passes(&f->full_names, image->name) &&
               text_set_passes(&f->base_names, image_base_name(image->name)) &&
               prefix_passes(&f->prefixes, image->name) &&
               keyword_passes(&f->keywords, image->name) &&
               pairs_pass(&f->labels, image->after, IMAGE_LABELS) &&
               pairs_pass(&f->annotations, image->after, IMAGE_ANNOTATIONS);
}

bool image_filters_match(struct image_filters *filters, const struct encoded *image)
{
        struct facts facts;

        if (filters->n == 0)
                return true;
        facts_read(&facts, image);
        for (size_t i = 0; i < filters->n; i++)
                if (passes(&filters->filters[i], &facts))
                        return true;
        return false;
}

bool image_filters_match_one(struct image_filters *filters, size_t i, const struct encoded *image)
{
        struct facts facts;

        facts_read(&facts, image);
        return passes(&filters->filters[i], &facts);
}

static void filter_init(struct image_filter *f, const V1alpha__ImageFilter *wanted)
{
        f->wanted = wanted;
        text_set_init(&f->ids, wanted->ids, wanted->n_ids);
        text_set_init(&f->full_names, wanted->full_names, wanted->n_full_names);
        text_set_init(&f->prefixes, wanted->prefixes, wanted->n_prefixes);
        text_set_init(&f->keywords, wanted->keywords, wanted->n_keywords);
        text_set_init(&f->base_names, wanted->base_names, wanted->n_base_names);
        pairs_init(&f->labels, wanted->labels, wanted->n_labels);
        pairs_init(&f->annotations, wanted->annotations, wanted->n_annotations);
}

int image_filters_new(V1alpha__ImageFilter *const *filters, size_t n, struct image_filters **ret,
                      struct err *e)
{
        size_t values = n;
        struct image_filters *out;

        for (size_t i = 0; i < n; i++) {
                const V1alpha__ImageFilter *f = filters[i];

                values += f->n_ids + f->n_prefixes + f->n_base_names + f->n_keywords + f->n_labels +
                          f->n_annotations + f->n_full_names;
        }
        if (filter_check_values(values, e) < 0)
                return -1;
        out = xcalloc(1, sizeof(*out) + n * sizeof(out->filters[0]));
        out->n = n;
        for (size_t i = 0; i < n; i++)
                filter_init(&out->filters[i], filters[i]);
        *ret = out;
        return 0;
}

struct image_filters *image_filters_free(struct image_filters *filters)
{
        for (size_t i = 0; filters && i < filters->n; i++) {
                struct image_filter *f = &filters->filters[i];

                text_set_done(&f->ids);
                text_set_done(&f->full_names);
                text_set_done(&f->base_names);
                text_set_done(&f->prefixes);
                text_set_done(&f->keywords);
                pairs_done(&f->labels);
                pairs_done(&f->annotations);
        }
        free(filters);
        return NULL;
}
