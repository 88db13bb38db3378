/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListenEvents: from the request to a subscriber (api/subscribers.h), and the moments at which one begins and ends.
 *
 * A call without since_time is told what happens after it came. What had happened by then but was not read yet must not be
 * told: it is known by its time. A call with until_time ends when that is there and everything that happened before is read;
 * meanwhile it goes on.
 */
#include "api/service.h"

#include <stdlib.h>
#include <string.h>

#include "api/event_filter.h"
#include "api/event_source.h"
#include "api/subscribers.h"
#include "api/when_known.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"

struct listener {
        struct subscriber subscriber; /* first: the subscriber is this object */
        struct service *service;      /* borrowed */
        struct event_filter filter;
        bool settling;                  /* what had happened before the call is not all read yet */
        uv_timer_t *until;              /* owned; NULL: it never ends by itself, or is ending */
        struct waiter waiter;           /* for all that has happened to be read, */
        const struct known_by *waiting; /* in the index that this is of; NULL: it does not wait */
};

static void timer_closed(uv_handle_t *handle)
{
        free(handle);
}

static void stop_timer(struct listener *l)
{
        if (l->until)
                uv_close((uv_handle_t *)l->until, timer_closed);
        l->until = NULL;
}

static void listener_free(struct listener *l)
{
        stop_timer(l);
        if (l->waiting)
                l->waiting->cancel(l->service, &l->waiter);
        event_source_listen(l->service->event_source, false);
        event_filter_done(&l->filter);
        free(l);
}

static void over(struct subscriber *s)
{
        listener_free((struct listener *)s);
}

static void cancelled(struct grpc_call *call, void *arg)
{
        struct listener *l = arg;

        (void)call;
        subscribers_remove(l->service->subscribers, &l->subscriber);
        listener_free(l);
}

static void drained(struct grpc_call *call, void *arg)
{
        struct listener *l = arg;

        (void)call;
        subscribers_drained(l->service->subscribers, &l->subscriber);
}

/* --- all that has happened up to now is read, then: */

static void when_known(struct listener *l, const struct known_by *by, void (*then)(struct waiter *))
{
        if (l->waiting)
                l->waiting->cancel(l->service, &l->waiter);
        l->waiting = NULL;
        l->waiter = (struct waiter){ .fn = then };
        if (by->sync(l->service)) {
                then(&l->waiter);
                return;
        }
        l->waiting = by;
        by->wait(l->service, &l->waiter);
}

static struct listener *told(struct waiter *waiter)
{
        struct listener *l = OWNER_OF(waiter, struct listener, waiter);

        l->waiting = NULL;
        return l;
}

/* What had happened when the call came is told: whatever follows is news, even if it says to have happened earlier. */
static void settle(struct listener *l)
{
        if (l->settling)
                l->filter.since_before = event_ring_next(l->service->events);
        l->settling = false;
}

static void all_settled(struct waiter *waiter)
{
        settle(told(waiter));
}

static void pods_settled(struct waiter *waiter)
{
        when_known(told(waiter), &known_by_images, all_settled);
}

static void all_ended(struct waiter *waiter)
{
        struct listener *l = told(waiter);

        settle(l);
        subscribers_end(l->service->subscribers, &l->subscriber);
}

static void pods_ended(struct waiter *waiter)
{
        when_known(told(waiter), &known_by_images, all_ended);
}

/* --- the end */

static void time_is_up(uv_timer_t *timer);

/* Now, or when it is time: the clock may have been set meanwhile. */
static void end_in_time(struct listener *l)
{
        nsec left = l->filter.until - time_now();

        if (left <= 0) {
                stop_timer(l);
                when_known(l, &known_by_pods, pods_ended);
                return;
        }
        if (!l->until) {
                l->until = xcalloc(1, sizeof(*l->until));
                (void)uv_timer_init(l->service->loop, l->until);
                l->until->data = l;
        }
        (void)uv_timer_start(l->until, time_is_up, (uint64_t)(left / NSEC_PER_MSEC + 1), 0);
}

static void time_is_up(uv_timer_t *timer)
{
        end_in_time(timer->data);
}

/*
 * "carob-until: known" in the metadata: all that has happened when the call comes, whatever time the service gives to what it
 * only sees then, and the end. No until_time could say that, in seconds of a clock of the client's.
 */
static bool ends_when_known(const struct grpc_call *call)
{
        const char *until = grpc_call_metadata(call, "carob-until", NULL);

        return until && strcmp(until, "known") == 0;
}

/* --- the beginning */

static int listener_init(struct listener *l, const V1alpha__ListenEventsRequest *request,
                         struct err *e)
{
        struct subscribers_stats stats;

        subscribers_stats(l->service->subscribers, &stats);
        if (stats.now >= LIMIT_API_LISTENERS)
                return err_set(e, ERR_LIMIT, 0, "%zu calls listen to events already", stats.now);
        if (event_filter_init(&l->filter, request->filter, e) < 0)
                return -1;
        if (pod_index_check(l->service->pods, e) == 0 &&
            image_index_check(l->service->images, e) == 0)
                return 0;
        event_filter_done(&l->filter);
        return -1;
}

/*
 * From what is remembered, or from here. Who asks for nothing but what was before a time that is past asks for
 * what was.
 */
static void begin(struct listener *l)
{
        nsec now = time_now_coarse();
        uint64_t here = event_ring_next(l->service->events);
        bool known;

        if (l->filter.since > 0 || l->filter.until <= now)
                return;
        known = known_by_pods.sync(l->service);
        known = known_by_images.sync(l->service) && known;
        l->subscriber.cursor = known ? event_ring_next(l->service->events) : here;
        if (known)
                return;
        l->filter.since = now;
        l->settling = true;
        when_known(l, &known_by_pods, pods_settled);
}

void svc_listen_events(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        static const struct grpc_call_watch watch = { .on_drain = drained, .on_cancel = cancelled };
        struct listener *l = xcalloc(1, sizeof(*l));
        struct err e;

        l->service = ctx;
        if (listener_init(l, (const V1alpha__ListenEventsRequest *)request, &e) < 0) {
                free(l);
                grpc_call_finish_err(call, &e);
                return;
        }
        l->subscriber = (struct subscriber){ .call = call, .filter = &l->filter, .over = over };
        event_source_listen(l->service->event_source, true);
        begin(l);
        grpc_call_watch(call, &watch, l);
        grpc_call_start(call); /* it is heard: what happens from now on will be told */
        subscribers_add(l->service->subscribers, &l->subscriber);
        if (ends_when_known(call))
                when_known(l, &known_by_pods, pods_ended);
        else if (l->filter.until < INT64_MAX)
                end_in_time(l);
}
