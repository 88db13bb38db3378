/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics.h"

#include <stdlib.h>

#include "util/mem.h"

/* From a call that is answered from memory to one that somebody waits for. */
const nsec metrics_bounds[METRICS_BUCKETS] = {
        50 * NSEC_PER_USEC,  100 * NSEC_PER_USEC,  250 * NSEC_PER_USEC,  500 * NSEC_PER_USEC,
        1 * NSEC_PER_MSEC,   2500 * NSEC_PER_USEC, 5 * NSEC_PER_MSEC,    10 * NSEC_PER_MSEC,
        25 * NSEC_PER_MSEC,  50 * NSEC_PER_MSEC,   100 * NSEC_PER_MSEC,  250 * NSEC_PER_MSEC,
        500 * NSEC_PER_MSEC, 1 * NSEC_PER_SEC,     2500 * NSEC_PER_MSEC, 5 * NSEC_PER_SEC,
        10 * NSEC_PER_SEC,
};

void metrics_init(struct metrics *m)
{
        *m = (struct metrics){ .rows = xcalloc(1, sizeof(struct metrics_row)), .n_rows = 1 };
}

void metrics_done(struct metrics *m)
{
        free(m->rows);
        free(m->services);
        *m = (struct metrics){ .rows = NULL };
}

void metrics_add_service(struct metrics *m, const struct grpc_service *service)
{
        m->services = xreallocarray(m->services, m->n_services + 1, sizeof(*m->services));
        m->services[m->n_services++] =
                (struct metrics_service){ .service = service, .first = m->n_rows };
        m->rows = xreallocarray(m->rows, m->n_rows + service->n_methods, sizeof(*m->rows));
        for (size_t i = 0; i < service->n_methods; i++)
                m->rows[m->n_rows++] = (struct metrics_row){
                        .service = service,
                        .method = &service->methods[i],
                };
}

/* There are few services, and their methods are arrays: no hash would be faster. */
static struct metrics_row *find(struct metrics *m, const struct grpc_call_summary *s)
{
        if (s->service && s->method)
                for (size_t i = 0; i < m->n_services; i++)
                        if (m->services[i].service == s->service)
                                return &m->rows[m->services[i].first +
                                                (size_t)(s->method - s->service->methods)];
        return &m->rows[0];
}

void metrics_call_start(struct metrics *m, const struct grpc_call_summary *s)
{
        find(m, s)->started++;
}

static size_t bucket_of(nsec duration)
{
        size_t i = 0;

        while (i < METRICS_BUCKETS && duration > metrics_bounds[i])
                i++;
        return i;
}

void metrics_call_end(struct metrics *m, const struct grpc_call_summary *s)
{
        struct metrics_row *row = find(m, s);

        row->ended[s->code < GRPC_CODE_MAX ? s->code : GRPC_UNKNOWN]++;
        row->buckets[bucket_of(s->duration)]++;
        row->duration += s->duration;
        row->messages_in += s->messages_in;
        row->messages_out += s->messages_out;
        row->bytes_in += s->bytes_in;
        row->bytes_out += s->bytes_out;
}
