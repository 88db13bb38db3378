/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/event_feed.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/event_lines.h"
#include "util/auto.h"
#include "util/mem.h"

/* Who closes the other end of a pipe has seen enough, and needs no explanation. */
static bool output_is_closed(struct err *e)
{
        struct pollfd p = { .fd = STDOUT_FILENO };

        if (poll(&p, 1, 0) != 1 || !(p.revents & (POLLERR | POLLHUP)))
                return false;
        (void)raise(SIGPIPE); /* as writing would */
        (void)err_set(e, ERR_CANCELLED, 0, "%s", "");
        return true;
}

static int not_printed(struct event_feed *f, struct err *e)
{
        f->unprintable = true;
        (void)output_is_closed(e);
        return -1;
}

/* What has come. All of it, when there is no more, or each reply. */
static int print_events(struct event_feed *f, struct err *e)
{
        event_order_sort(&f->got);
        for (size_t i = 0; i < f->got.n; i++) {
                const V1alpha__Event *event = f->got.v[i].event;
                nsec t = event_time(event);

                f->last = t;
                if (t >= f->since && t < f->until && event_print(event, f->format, e) < 0)
                        return not_printed(f, e);
        }
        event_order_done(&f->got);
        /* Somebody waits for them. */
        if (fflush(stdout) != 0) {
                (void)err_set(e, ERR_INTERNAL, errno, "cannot write the output");
                return not_printed(f, e);
        }
        return 0;
}

/* What can be done about it. */
static int explain(struct event_feed *f, struct err *e)
{
        enum grpc_code code = grpc_client_status(f->client->grpc);
        const char *where = f->client->address ? f->client->address : "carob-api";
        AUTO_FREE char *why = NULL;
        char when[TIME_TEXT_MAX];

        if (e->kind == ERR_CANCELLED && output_is_closed(e))
                return -1;
        (void)api_client_failed(f->client, "ListenEvents", e);
        why = xstrdup(e->text);
        time_format_rfc3339(f->last, when);
        if (code == GRPC_UNIMPLEMENTED)
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "%s: the service at %s is too old to tell events: restart it, or do "
                               "without it by --address=none",
                               why, where);
        if (code == GRPC_RESOURCE_EXHAUSTED)
                return err_set(e, ERR_LIMIT, 0,
                               "%s: whatever reads the output is too slow; go on with --since=%s",
                               why, when);
        if (code == GRPC_UNAVAILABLE && f->begun)
                return err_set(e, ERR_UNAVAILABLE, 0, "%s: go on with --since=%s", why, when);
        return -1;
}

/* The replies to their end. */
static int receive(struct event_feed *f, struct err *e)
{
        for (;;) {
                ProtobufCMessage *reply = NULL;
                int n = grpc_client_next(f->client->grpc,
                                         &v1alpha__listen_events_response__descriptor, &reply, e);

                if (n <= 0)
                        return n;
                f->begun = true;
                event_order_add_consume(&f->got, (V1alpha__ListenEventsResponse *)reply);
                if (f->follow && print_events(f, e) < 0)
                        return -1;
        }
}

int event_feed_run(struct event_feed *f, struct err *e)
{
        V1alpha__ListenEventsRequest request = V1ALPHA__LISTEN_EVENTS_REQUEST__INIT;
        struct err printing;
        int r;

        request.filter = f->filter;
        r = grpc_client_start(f->client->grpc, "/v1alpha.PublicAPI/ListenEvents", &request.base, 0,
                              e);
        if (r == 0)
                r = receive(f, e);
        if (f->unprintable)
                return -1;
        if (r < 0) {
                (void)print_events(f, &printing); /* what came before is true all the same */
                return explain(f, e);
        }
        if (print_events(f, e) < 0)
                return -1;
        if (f->endless)
                return err_set(e, ERR_UNAVAILABLE, 0, "ListenEvents: the service has ended it");
        return 0;
}

bool event_feed_unknown(const struct event_feed *f)
{
        return !f->begun && f->client->grpc &&
               grpc_client_status(f->client->grpc) == GRPC_UNIMPLEMENTED;
}

void event_feed_done(struct event_feed *f)
{
        event_order_done(&f->got);
}
