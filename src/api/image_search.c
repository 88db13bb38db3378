/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters that name ids, names or base names are answered by look-ups: what is found is matched against its own filter
 * only, and put in order. All else goes through the images in their order.
 */
#include "api/image_search.h"

#include <stdlib.h>
#include <string.h>

#include "api/filter.h"
#include "api/list_reply.h"
#include "util/auto.h"
#include "util/buf.h"
#include "util/limits.h"
#include "util/mem.h"

enum {
        LOOK_UPS_MAX = 1024, /* more than so many are not cheaper than to go through all */
        /* Images times filters and keywords; each takes some 100 ns. */
        MATCHES_AT_ONCE = 10000,
        MATCHES_PER_STEP = 2500,
        /* What is copied counts too: so many bytes as one. */
        BYTES_PER_MATCH = 1024,
};

struct image_search {
        struct job job; /* first: the job is this object */
        struct jobs *jobs;
        struct image_index *images;
        struct grpc_call *call;                   /* borrowed until it is finished or cancelled */
        const V1alpha__ListImagesRequest *wanted; /* borrowed from the call */
        size_t per_image;                         /* matches that one image takes */
        struct image_filters *filters;            /* owned; NULL before the first step */
        nsec last_imported;                       /* the image looked at last: its import, */
        char last_id[IMAGE_ID_LEN + 1];           /* and its id; empty: none */
        struct buf reply;
};

static void search_done(struct image_search *s)
{
        image_filters_free(s->filters);
        buf_done(&s->reply);
}

static int begin(struct image_search *s, struct err *e)
{
        return image_filters_new(s->wanted->filters, s->wanted->n_filters, &s->filters, e);
}

/* --- by look-ups */

/* Images found by what filter @filter of the request names; some more than once. */
struct found {
        struct image_search *search;
        size_t filter;
        const struct image_entry **v; /* owned */
        size_t n;
        size_t cap;
};

static void add_if_matching(struct found *f, const struct image_entry *image)
{
        if (!image || !image_filters_match_one(f->search->filters, f->filter, &image->encoded))
                return;
        ARRAY_GROW(f->v, f->n, f->cap);
        f->v[f->n++] = image;
}

typedef const struct lookup_node *(*by_text_fn)(const struct image_index *i, struct text text,
                                                size_t *ret_n);

static void add_by(struct found *f, char *const *texts, size_t n, by_text_fn by_text)
{
        for (size_t k = 0; k < n; k++) {
                const struct lookup_node *node =
                        by_text(f->search->images, text_of(texts[k]), NULL);

                for (; node; node = node->next)
                        add_if_matching(f, node->item);
        }
}

/* How many images a filter makes us look at; more than LOOK_UPS_MAX when it names nothing. */
static size_t cost_by(const struct image_index *images, char *const *texts, size_t n,
                      by_text_fn by_text)
{
        size_t cost = n, have;

        for (size_t k = 0; k < n && cost <= LOOK_UPS_MAX; k++) {
                (void)by_text(images, text_of(texts[k]), &have);
                cost += have;
        }
        return cost;
}

static size_t cost(const struct image_index *images, const V1alpha__ImageFilter *w)
{
        if (w->n_ids > 0)
                return w->n_ids;
        if (w->n_full_names > 0)
                return cost_by(images, w->full_names, w->n_full_names, image_index_by_name);
        if (w->n_base_names > 0)
                return cost_by(images, w->base_names, w->n_base_names, image_index_by_base_name);
        return LOOK_UPS_MAX + 1;
}

static void find(struct found *f, const V1alpha__ImageFilter *w)
{
        if (w->n_ids > 0)
                for (size_t k = 0; k < w->n_ids; k++)
                        add_if_matching(f, image_index_get(f->search->images, w->ids[k]));
        else if (w->n_full_names > 0)
                add_by(f, w->full_names, w->n_full_names, image_index_by_name);
        else
                add_by(f, w->base_names, w->n_base_names, image_index_by_base_name);
}

static bool is_narrow(const struct image_search *s)
{
        size_t sum = 0;

        for (size_t k = 0; k < s->wanted->n_filters && sum <= LOOK_UPS_MAX; k++)
                sum += cost(s->images, s->wanted->filters[k]);
        return sum <= LOOK_UPS_MAX;
}

static int compare_found(const void *a, const void *b)
{
        const struct image_entry *x = *(struct image_entry *const *)a;
        const struct image_entry *y = *(struct image_entry *const *)b;

        return image_index_compare(x, y);
}

static int look_up(struct image_search *s, struct err *e)
{
        struct found f = { .search = s };
        int r = begin(s, e);

        for (; r == 0 && f.filter < s->wanted->n_filters; f.filter++)
                find(&f, s->wanted->filters[f.filter]);
        if (f.n > 0)
                qsort(f.v, f.n, sizeof(f.v[0]), compare_found);
        for (size_t k = 0; r == 0 && k < f.n; k++)
                if (k == 0 || f.v[k] != f.v[k - 1])
                        r = list_reply_add(&s->reply, &f.v[k]->encoded, s->wanted->detail, e);
        free(f.v);
        return r;
}

/* --- one after the other */

/* The first image after the one looked at last. */
static size_t next_place(const struct image_search *s)
{
        size_t at;

        if (s->last_id[0] == '\0')
                return 0;
        at = image_index_before(s->images, s->last_imported, s->last_id);
        if (at < image_index_count(s->images) &&
            strcmp(image_index_at(s->images, at)->id, s->last_id) == 0)
                at++;
        return at;
}

/* 1: there is more, 0: that was all, -1 with e. */
static int look_at_some(struct image_search *s, size_t matches, struct err *e)
{
        size_t at = next_place(s);

        if (!s->filters && begin(s, e) < 0)
                return -1;
        for (size_t work = 0; work < matches; work += s->per_image, at++) {
                const struct image_entry *image;

                if (at == image_index_count(s->images))
                        return 0;
                image = image_index_at(s->images, at);
                s->last_imported = image->imported_at;
                memcpy(s->last_id, image->id, sizeof(s->last_id));
                if (!image_filters_match(s->filters, &image->encoded))
                        continue;
                if (list_reply_add(&s->reply, &image->encoded, s->wanted->detail, e) < 0)
                        return -1;
                work += encoded_len(&image->encoded, s->wanted->detail) / BYTES_PER_MATCH;
        }
        return 1;
}

static bool search_step(struct job *job)
{
        struct image_search *s = (struct image_search *)job;
        struct err e;
        int r = look_at_some(s, MATCHES_PER_STEP, &e);

        if (r > 0)
                return true;
        jobs_end(s->jobs, &s->job);
        list_reply_send(s->call, &s->reply, r, &e);
        search_done(s);
        free(s);
        return false;
}

static void search_cancelled(struct grpc_call *call, void *arg)
{
        struct image_search *s = arg;

        (void)call;
        jobs_end(s->jobs, &s->job);
        search_done(s);
        free(s);
}

void image_search(struct image_index *images, struct jobs *jobs, struct grpc_call *call,
                  const V1alpha__ListImagesRequest *wanted)
{
        static const struct grpc_call_watch watch = { .on_cancel = search_cancelled };
        AUTO(search_done)
        struct image_search s = {
                .job = { .step = search_step, .heavy = true },
                .jobs = jobs,
                .images = images,
                .call = call,
                .wanted = wanted,
                .reply = BUF_NULL(LIMIT_API_REPLY_BYTES),
        };
        struct image_search *later;
        struct err e;
        int r;

        s.per_image = wanted->n_filters;
        for (size_t i = 0; i < wanted->n_filters; i++)
                s.per_image += wanted->filters[i]->n_keywords;
        if (is_narrow(&s)) {
                r = look_up(&s, &e);
                list_reply_send(call, &s.reply, r, &e);
                return;
        }
        if (s.per_image * image_index_count(images) <= MATCHES_AT_ONCE) {
                r = look_at_some(&s, SIZE_MAX, &e);
                list_reply_send(call, &s.reply, r, &e);
                return;
        }
        later = xmemdup(&s, sizeof(s));
        grpc_call_watch(call, &watch, later);
        jobs_add(jobs, &later->job);
}
