/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When events were told, everybody is looked at once: that is a round. Who has something to be sent and has taken the last
 * response gets one; who has not is only looked at for whether the ring still has what it wants. Between rounds only those
 * are looked at who are hungry: their client has just taken a response, or there is more for them than a step may do.
 */
#include "api/subscribers.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "grpc/blob.h"
#include "util/auto.h"
#include "util/mem.h"

enum {
        SCAN_MAX = 1024,  /* events looked at for one subscriber at a time */
        STEP_WORK = 1024, /* of a step, in events looked at, */
        VISIT_WORK = 8,   /* and what else there is in those */
        SEND_WORK = 64,
        SHARED_SLOTS = 16, /* responses kept until the round is over */
        RETRY_MS = 100,    /* after there was no memory */
};

/* What a filter without names selects from a range of events. */
struct shared {
        uint64_t from, to; /* what was looked at; both 0: none */
        uint32_t types;
        nsec earliest, latest;  /* of the events in it */
        struct grpc_blob *blob; /* NULL: there are no events in it */
};

struct subscribers {
        struct job job;
        struct jobs *jobs;       /* borrowed */
        struct event_ring *ring; /* borrowed */
        struct subscriber *all, *hungry;
        struct subscriber *round; /* to be looked at next in this round; NULL: there is none */
        uint64_t round_next;      /* event_ring_next when the latest round began */
        bool round_due;           /* whatever that says */
        bool hungry_turn;         /* those of the round have the other ones */
        uv_timer_t *retry;        /* owned */
        struct shared shared[SHARED_SLOTS];
        struct subscribers_stats stats;
        struct {
                const struct event *v[SCAN_MAX];
                size_t n;
                size_t bytes;
                uint64_t to; /* where the search ended: before the first that it did not look at */
                bool full;   /* because the event there would make it too large */
                bool untimely; /* events were left out for their time */
                nsec earliest, latest;
        } found;
};

static bool step(struct job *job);

static void on_put(void *arg)
{
        struct subscribers *all = arg;

        if (all->all)
                jobs_add(all->jobs, &all->job);
}

static void on_retry(uv_timer_t *timer)
{
        struct subscribers *all = timer->data;

        all->round_due = true;
        on_put(all);
}

struct subscribers *subscribers_new(uv_loop_t *loop, struct jobs *jobs, struct event_ring *ring)
{
        struct subscribers *all = xcalloc(1, sizeof(*all));

        all->job.step = step;
        all->jobs = jobs;
        all->ring = ring;
        all->retry = xcalloc(1, sizeof(*all->retry));
        (void)uv_timer_init(loop, all->retry);
        uv_unref((uv_handle_t *)all->retry);
        all->retry->data = all;
        event_ring_on_put(ring, on_put, all);
        return all;
}

static void forget_shared(struct subscribers *all)
{
        for (size_t i = 0; i < SHARED_SLOTS; i++) {
                (void)grpc_blob_unref(all->shared[i].blob);
                all->shared[i] = (struct shared){ 0 };
        }
}

static void on_timer_closed(uv_handle_t *handle)
{
        free(handle);
}

void subscribers_free(struct subscribers *all)
{
        if (!all)
                return;
        assert(!all->all);
        event_ring_on_put(all->ring, NULL, NULL);
        jobs_end(all->jobs, &all->job);
        forget_shared(all);
        uv_close((uv_handle_t *)all->retry, on_timer_closed);
        free(all);
}

static void make_hungry(struct subscribers *all, struct subscriber *s)
{
        if (!s->hungry)
                DL_APPEND2(all->hungry, s, hungry_prev, hungry_next);
        s->hungry = true;
        jobs_add(all->jobs, &all->job);
}

static void sate(struct subscribers *all, struct subscriber *s)
{
        if (s->hungry)
                DL_DELETE2(all->hungry, s, hungry_prev, hungry_next);
        s->hungry = false;
}

void subscribers_add(struct subscribers *all, struct subscriber *s)
{
        grpc_call_one_by_one(s->call);
        DL_APPEND(all->all, s);
        all->stats.now++;
        make_hungry(all, s);
}

void subscribers_remove(struct subscribers *all, struct subscriber *s)
{
        if (all->round == s)
                all->round = s->next;
        sate(all, s);
        DL_DELETE(all->all, s);
        all->stats.now--;
}

void subscribers_drained(struct subscribers *all, struct subscriber *s)
{
        s->waits = false;
        if (s->cursor < event_ring_next(all->ring))
                make_hungry(all, s); /* else there is nothing for it, or it is hungry for its end */
}

void subscribers_end(struct subscribers *all, struct subscriber *s)
{
        s->end = event_ring_next(all->ring);
        make_hungry(all, s);
}

void subscribers_stats(const struct subscribers *all, struct subscribers_stats *ret)
{
        *ret = all->stats;
}

/* --- one subscriber */

static uint64_t end_for(const struct subscribers *all, const struct subscriber *s)
{
        uint64_t next = event_ring_next(all->ring);

        return s->end > 0 && s->end < next ? s->end : next;
}

/* Its client may take its time to hear of the end: that is all that is kept then. */
static void leave(struct subscribers *all, struct subscriber *s)
{
        struct grpc_call *call = s->call;

        subscribers_remove(all, s);
        s->over(s);
        grpc_call_free_request(call);
}

static void finish(struct subscribers *all, struct subscriber *s)
{
        struct grpc_call *call = s->call;

        leave(all, s);
        grpc_call_finish(call, GRPC_OK, "%s", "");
}

static void drop(struct subscribers *all, struct subscriber *s)
{
        struct grpc_call *call = s->call;
        uint64_t behind = event_ring_next(all->ring) - s->cursor;
        uint64_t lost = event_ring_first(all->ring) - s->cursor;

        all->stats.dropped++;
        leave(all, s);
        grpc_call_finish(
                call, GRPC_RESOURCE_EXHAUSTED,
                "too slow: %" PRIu64 " events behind, and the first %" PRIu64
                " of them are no longer kept; list what there is and listen again, for fewer "
                "events (a filter) or with more of them kept (--events-kept)",
                behind, lost);
}

/* The next events for @s, as many as a response holds, into all->found. Returns how many were looked at. */
static size_t find(struct subscribers *all, const struct subscriber *s)
{
        const struct event_filter *f = s->filter;
        size_t max =
                event_filter_is_personal(f) ? EVENTS_OWN_RESPONSE_BYTES : EVENTS_RESPONSE_BYTES;
        uint64_t end = end_for(all, s);

        all->found.n = all->found.bytes = 0;
        all->found.full = all->found.untimely = false;
        all->found.earliest = INT64_MAX;
        all->found.latest = INT64_MIN;
        if (end - s->cursor > SCAN_MAX)
                end = s->cursor + SCAN_MAX;
        for (all->found.to = s->cursor; all->found.to < end; all->found.to++) {
                const struct event *event = event_ring_at(all->ring, all->found.to);

                if (!event_filter_passes(f, event)) {
                        all->found.untimely |= !event_filter_wants_time(f, event);
                        continue;
                }
                all->found.full = all->found.n > 0 && all->found.bytes + event->len > max;
                if (all->found.full)
                        break;
                all->found.v[all->found.n++] = event;
                all->found.bytes += event->len;
                if (event->time < all->found.earliest)
                        all->found.earliest = event->time;
                if (event->time > all->found.latest)
                        all->found.latest = event->time;
        }
        return (size_t)(all->found.to - s->cursor);
}

/* What was found as a response. A reference of the caller's; NULL: nothing was. */
static struct grpc_blob *make(struct subscribers *all)
{
        struct grpc_blob *blob;
        uint8_t *at;

        if (all->found.n == 0)
                return NULL;
        blob = grpc_blob_new(all->found.bytes);
        at = blob->data;
        for (size_t i = 0; i < all->found.n; i++) {
                memcpy(at, all->found.v[i]->encoded, all->found.v[i]->len);
                at += all->found.v[i]->len;
        }
        all->stats.made++;
        return blob;
}

static struct shared *slot_of(struct subscribers *all, const struct subscriber *s)
{
        return &all->shared[(s->cursor ^ s->filter->types) % SHARED_SLOTS];
}

/* What somebody else was sent, if it is what @s is to be sent. */
static const struct shared *find_shared(struct subscribers *all, const struct subscriber *s)
{
        const struct event_filter *f = s->filter;
        const struct shared *slot = slot_of(all, s);

        if (event_filter_is_personal(f) || slot->from != s->cursor || slot->types != f->types ||
            slot->to > end_for(all, s))
                return NULL;
        if (slot->blob && ((slot->earliest < f->since && s->cursor < f->since_before) ||
                           slot->latest >= f->until))
                return NULL;
        return slot;
}

static void share(struct subscribers *all, const struct subscriber *s, struct grpc_blob *blob)
{
        struct shared *slot = slot_of(all, s);

        if (event_filter_is_personal(s->filter) || all->found.untimely)
                return;
        (void)grpc_blob_unref(slot->blob);
        *slot = (struct shared){ .from = s->cursor,
                                 .to = all->found.to,
                                 .types = s->filter->types,
                                 .earliest = all->found.earliest,
                                 .latest = all->found.latest,
                                 .blob = blob ? grpc_blob_ref(blob) : NULL };
}

/* @blob, which may be NULL, has what there is for @s before @to. */
static size_t give(struct subscribers *all, struct subscriber *s, struct grpc_blob *blob,
                   uint64_t to)
{
        enum grpc_send_result r = blob ? grpc_call_send_shared(s->call, blob) : GRPC_SEND_OK;

        if (r == GRPC_SEND_REFUSED) {
                all->stats.put_off++;
                if (!uv_is_active((uv_handle_t *)all->retry))
                        (void)uv_timer_start(all->retry, on_retry, RETRY_MS, 0);
                return SEND_WORK;
        }
        s->cursor = to;
        s->waits = r == GRPC_SEND_PAUSE;
        s->wants_next = false;
        if (to == s->end)
                finish(all, s);
        else if (!s->waits && to < event_ring_next(all->ring))
                make_hungry(all, s);
        if (blob)
                all->stats.responses++;
        return blob ? SEND_WORK : 0;
}

static size_t serve(struct subscribers *all, struct subscriber *s)
{
        const struct shared *known = find_shared(all, s);
        AUTO(grpc_blob_unrefp) struct grpc_blob *blob = NULL;
        size_t work;

        if (known)
                return give(all, s, known->blob, known->to);
        work = find(all, s);
        blob = make(all);
        share(all, s, blob);
        return work + give(all, s, blob, all->found.to);
}

/* Its client has to read first. What it does not want is passed over, so that the ring may let go of that. */
static size_t pass_over(struct subscribers *all, struct subscriber *s)
{
        uint64_t end = end_for(all, s), from = s->cursor;

        while (s->cursor < end && s->cursor - from < SCAN_MAX && !s->wants_next) {
                s->wants_next = event_filter_passes(s->filter, event_ring_at(all->ring, s->cursor));
                s->cursor += !s->wants_next;
        }
        /* There is more to pass over; or that was its end. */
        if (!s->wants_next && (s->cursor < end || s->cursor == s->end))
                make_hungry(all, s);
        return (size_t)(s->cursor - from);
}

/* Whatever @s needs now; it may be over afterwards. Returns how much work that was. */
static size_t visit(struct subscribers *all, struct subscriber *s)
{
        if (s->cursor == 0)
                s->cursor = event_ring_first(all->ring);
        if (s->end > 0 && s->cursor >= s->end) {
                finish(all, s);
                return SEND_WORK;
        }
        if (s->cursor == event_ring_next(all->ring))
                return VISIT_WORK;
        if (s->cursor < event_ring_first(all->ring)) {
                drop(all, s);
                return SEND_WORK;
        }
        return VISIT_WORK + (s->waits ? pass_over(all, s) : serve(all, s));
}

/* --- all of them */

/* Who is to be looked at next; NULL: there is nobody. */
static struct subscriber *next_one(struct subscribers *all)
{
        struct subscriber *s = all->hungry;

        if (!all->round && (all->round_due || all->round_next != event_ring_next(all->ring))) {
                all->round = all->all;
                all->round_next = event_ring_next(all->ring);
                all->round_due = false;
        }
        all->hungry_turn = !all->hungry_turn;
        if (s && (all->hungry_turn || !all->round)) {
                sate(all, s);
                return s;
        }
        s = all->round;
        if (s)
                all->round = s->next;
        return s;
}

static bool step(struct job *job)
{
        struct subscribers *all = OWNER_OF(job, struct subscribers, job);

        for (size_t work = 0; work < STEP_WORK;) {
                struct subscriber *s = next_one(all);

                if (!s) {
                        forget_shared(all);
                        return false;
                }
                work += visit(all, s);
        }
        return true;
}
