/* SPDX-License-Identifier: Apache-2.0 */
#include "api/pod_search.h"

#include <stdlib.h>

#include "api/encoded.h"
#include "api/filter.h"
#include "api/list_reply.h"
#include "api/pod_narrow.h"
#include "util/auto.h"
#include "util/buf.h"
#include "util/limits.h"
#include "util/mem.h"

enum {
        /* Pods times filters; each takes some 50 ns. */
        MATCHES_AT_ONCE = 20000,
        MATCHES_PER_STEP = 5000,
        /* What is copied counts too: so many bytes as one. */
        BYTES_PER_MATCH = 512,
};

struct pod_search {
        struct job job; /* first: the job is this object */
        struct jobs *jobs;
        struct pod_index *pods;
        struct grpc_call *call;                 /* borrowed until it is finished or cancelled */
        const V1alpha__ListPodsRequest *wanted; /* borrowed from the call */
        struct pod_filters *filters;            /* owned; NULL before the first step */
        struct uuid last;                       /* the pod looked at last; empty: none */
        struct buf reply;
};

static void search_done(struct pod_search *s)
{
        pod_filters_free(s->filters);
        buf_done(&s->reply);
}

/* The first pod after the one looked at last. */
static size_t next_place(const struct pod_search *s)
{
        size_t at = s->last.text[0] == '\0' ? 0 : pod_index_from(s->pods, s->last.text), after = at;
        const struct pod_record *r = pod_index_next(s->pods, &after);

        return r && strcmp(r->uuid.text, s->last.text) == 0 ? after : at;
}

/* 1: there is more, 0: that was all, -1 with e. */
static int look_at_some(struct pod_search *s, size_t matches, struct err *e)
{
        size_t at = next_place(s);

        if (!s->filters &&
            pod_filters_new(s->wanted->filters, s->wanted->n_filters, &s->filters, e) < 0)
                return -1;
        for (size_t work = 0; work < matches; work += s->wanted->n_filters) {
                const struct pod_record *r = pod_index_next(s->pods, &at);

                if (!r)
                        return 0;
                s->last = r->uuid;
                if (!pod_filters_match(s->filters, &r->encoded))
                        continue;
                if (list_reply_add(&s->reply, &r->encoded, s->wanted->detail, e) < 0)
                        return -1;
                work += encoded_len(&r->encoded, s->wanted->detail) / BYTES_PER_MATCH;
        }
        return 1;
}

/* At once: what is found is put together in one piece that nobody has to copy again. */
static void answer_with(struct pod_search *s, const struct pod_record *const *v, size_t n)
{
        AUTO(grpc_blob_unrefp) struct grpc_blob *reply = NULL;
        size_t len = 0;
        uint8_t *to;

        for (size_t i = 0; i < n; i++)
                len += encoded_len(&v[i]->encoded, s->wanted->detail);
        if (len > LIMIT_API_REPLY_BYTES) {
                struct err e;

                (void)list_reply_too_long(s->wanted->detail, &e);
                grpc_call_finish_err(s->call, &e);
                return;
        }
        reply = grpc_blob_new(len);
        to = reply->data;
        for (size_t i = 0; i < n; i++)
                to = encoded_copy(&v[i]->encoded, s->wanted->detail, to);
        grpc_call_reply_shared(s->call, reply);
}

/* All that match, in the order of ids; *ret is to be freed. */
static size_t match_all(struct pod_search *s, const struct pod_record ***ret)
{
        const struct pod_record **v = xcalloc(pod_index_count(s->pods) + 1, sizeof(*v)), *r;
        size_t n = 0;

        for (size_t at = 0; (r = pod_index_next(s->pods, &at));)
                if (pod_filters_match(s->filters, &r->encoded))
                        v[n++] = r;
        *ret = v;
        return n;
}

static void search_at_once(struct pod_search *s, bool narrow)
{
        AUTO_FREE const struct pod_record **v = NULL;
        struct err e;
        size_t n;

        if (pod_filters_new(s->wanted->filters, s->wanted->n_filters, &s->filters, &e) < 0) {
                grpc_call_finish_err(s->call, &e);
                return;
        }
        n = narrow ? pod_narrow_find(s->pods, s->wanted, s->filters, &v) : match_all(s, &v);
        answer_with(s, v, n);
}

static bool search_step(struct job *job)
{
        struct pod_search *s = (struct pod_search *)job;
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
        struct pod_search *s = arg;

        (void)call;
        jobs_end(s->jobs, &s->job);
        search_done(s);
        free(s);
}

void pod_search(struct pod_index *pods, struct jobs *jobs, struct grpc_call *call,
                const V1alpha__ListPodsRequest *wanted)
{
        static const struct grpc_call_watch watch = { .on_cancel = search_cancelled };
        AUTO(search_done)
        struct pod_search s = {
                .job = { .step = search_step, .heavy = true },
                .jobs = jobs,
                .pods = pods,
                .call = call,
                .wanted = wanted,
                .reply = BUF_NULL(LIMIT_API_REPLY_BYTES),
        };
        bool narrow = pod_narrow_is_cheap(pods, wanted);
        struct pod_search *later;

        if (narrow || wanted->n_filters * pod_index_count(pods) <= MATCHES_AT_ONCE) {
                search_at_once(&s, narrow);
                return;
        }
        later = xmemdup(&s, sizeof(s));
        grpc_call_watch(call, &watch, later);
        jobs_add(jobs, &later->job);
}
